"""Trains the classifier whose last hidden layer is the package's extractor of features.

    python -m benchmarks.features [--steps 6000] [--go-on] [--data-dir FOLDER]

One small convolutional network learns the 50 classes of four data sets at once: digits, clothes,
photographs and turned objects, all as 32x32 in three channels. Each batch holds so many pictures
of each as stand in SETS, moved by a few pixels, photographs flipped, too. Adam with weight decay,
a warm-up and a cosine; a quarter of an hour on an idle core. Every 500 steps it writes
extractor.weights.h5 and extractor.json to gon_tf/metrics: the checksum, the recipe, and the
accuracy on images that it was not trained on. With --go-on another run follows the one that made
the weights there are, to its end or not.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

import gon_tf
from benchmarks.sampling import load
from gon_tf import files
from gon_tf.metrics import features


def load_labels(name: str, data_dir) -> np.ndarray:
    """The labels of a TFDS data set as numbers, in the order of its images."""
    number = {label: i for i, label in enumerate(class_names(name, data_dir))}
    dataset, source = name.partition(":")[0], gon_tf.data.open_source(name, data_dir)
    return np.array([number[f"{dataset}/{label}"] for label in source.labels])


@dataclass
class Part:
    """A data set that is learned: its splits, and how its pictures are varied."""

    train: str
    test: str
    in_batch: int  # pictures
    shift: int  # pixels, at most
    flip: bool
    classes: int


SETS = (
    Part("cifar10:train[:90%]", "cifar10:train[90%:]", 72, 4, True, 10),
    Part("mnist:train", "mnist:test", 24, 2, False, 10),
    Part("fashion_mnist:train", "fashion_mnist:test", 24, 2, False, 10),
    Part("coil20:train", "coil20:test", 8, 2, False, 20),
)
RATE, DECAY, WARMUP = 3e-3, 0.02, 300
SHAPE = (features.SIZE, features.SIZE, 3)


def varied(images: np.ndarray, part: Part, random: np.random.Generator) -> np.ndarray:
    """Images moved, and perhaps flipped, each in its own way; the edge goes on outwards."""
    count, reach = len(images), part.shift
    padded = np.pad(images, ((0, 0), (reach, reach), (reach, reach), (0, 0)), mode="edge")
    down, right = random.integers(0, 2 * reach + 1, (2, count))
    rows = down[:, None, None] + np.arange(features.SIZE)[None, :, None]
    columns = np.arange(features.SIZE)[None, None, :]
    if part.flip:
        columns = np.where(random.random((count, 1, 1)) < 0.5, columns, columns[..., ::-1])
    columns = right[:, None, None] + columns
    return padded[np.arange(count)[:, None, None], rows, columns]


def batches(sets: list[tuple], steps: int, seed: int):
    """Pictures, float32 in [0, 1], and their classes, counted through all data sets."""
    random = np.random.default_rng(seed)
    for _ in range(steps):
        images, classes, first = [], [], 0
        for part, pixels, labels in sets:
            chosen = random.integers(0, len(pixels), part.in_batch)
            images.append(varied(pixels[chosen], part, random))
            classes.append(first + labels[chosen])
            first += part.classes
        yield np.concatenate(images).astype("float32") / 255, np.concatenate(classes)


def accuracies(network: keras.Model, data_dir) -> dict[str, float]:
    """Share of the held-out images of each data set whose class, of all, is found."""
    found, first = {}, 0
    for part in SETS:
        pixels = load(part.test, SHAPE, data_dir)
        logits = np.concatenate(
            [
                network(pixels[start : start + 500].astype("float32") / 255, training=False)
                for start in range(0, len(pixels), 500)
            ]
        )
        right = logits.argmax(axis=1) == first + load_labels(part.test, data_dir)
        found[part.test] = round(float(right.mean()), 4)
        first += part.classes
    return found


def main() -> None:
    """Trains, prints the progress, writes."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--go-on", action="store_true", help="from the weights that there are")
    parser.add_argument("--data-dir")
    options = parser.parse_args()

    keras.utils.set_random_seed(0)
    sets = [
        (part, load(part.train, SHAPE, options.data_dir), load_labels(part.train, options.data_dir))
        for part in SETS
    ]
    network = features.new_classifier(sum(part.classes for part in SETS))
    warmup = min(WARMUP, options.steps // 10)
    rate = keras.optimizers.schedules.CosineDecay(
        RATE / warmup, options.steps - warmup, warmup_target=RATE, warmup_steps=warmup
    )
    earlier = []
    if options.go_on:
        network.load_weights(features.WEIGHTS)
        earlier = files.read_json(features.RECORD)["recipe"]["steps"]
    network.compile(
        keras.optimizers.AdamW(rate, weight_decay=DECAY),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    started = time.time()
    for step, (images, classes) in enumerate(batches(sets, options.steps, len(earlier)), start=1):
        loss = network.train_on_batch(images, classes)
        if step % 500 == 0 or step == options.steps:
            print(f"{step}: {loss:.3f}, {time.time() - started:.0f} s", flush=True)
            steps = [*earlier, f"{step} of {options.steps}"]
            write(network, steps, accuracies(network, options.data_dir), options.data_dir)


def write(network: keras.Model, steps: list[str], found: dict[str, float], data_dir) -> None:
    """Writes the weights and what is known of them."""
    print(found, flush=True)
    plain = features.new_classifier(network.output_shape[1])  # without the optimizer's state
    plain.set_weights(network.get_weights())
    plain.save_weights(features.WEIGHTS)
    recipe = {
        "steps": steps,
        "batch": {part.train: part.in_batch for part in SETS},
        "learning_rate": RATE,
        "weight_decay": DECAY,
        "seed": 0,
    }
    classes = [name for part in SETS for name in class_names(part.train, data_dir)]
    record = {**files.fingerprint(features.WEIGHTS), "classes": classes, "accuracy": found}
    files.write_json(features.RECORD, {**record, "recipe": recipe})


def class_names(dataset: str, data_dir) -> list[str]:
    """`mnist/0` and so on, in the order of the labels."""
    from tensorflow_datasets.core.read_only_builder import builder_from_files

    name = dataset.partition(":")[0]
    folder = Path(data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets")
    label = builder_from_files(name, data_dir=str(folder.expanduser())).info.features["label"]
    return [f"{name}/{label.int2str(number)}" for number in range(label.num_classes)]


if __name__ == "__main__":
    main()

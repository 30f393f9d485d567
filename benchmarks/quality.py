"""Seconds of training until the MNIST test error falls to what ten published epochs reach.

    python -m benchmarks.quality [--target 0.713] [--most-seconds 900] [--ways gon-tf pytorch]

Both train the network of the paper (32x32, 16 filters, 256 latents) in batches of 64, one after the
other, each in a process of its own:

    gon-tf    Gauss-Newton steps, no normalisation, Adam 3e-2 with moments 0.95 and 0.97, warm-up
              over 100 steps, cosine decay to zero over --steps
    pytorch   the published step and settings: batch normalisation, Adam 2e-4

The error is the squared error summed over an image, on the first --test-images test images,
measured every --every steps; the clock counts training only, the building of graphs included, and
stops after --most-seconds. Test images choose nothing but when the clock stops. `--data-dir` or
TFDS_DATA_DIR says where the data set lies.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from benchmarks import in_fresh_process, print_table
from gon_tf.bench.cases import CASES, build
from gon_tf.bench.measure import machine
from gon_tf.startup import start_tensorflow

CASE, BATCH, WARM_UP = CASES["conv-256"], 64, 100


def mnist(split: str, data_dir) -> np.ndarray:
    """Images of a split, uint8 [count, 32, 32, 1]."""
    start_tensorflow()
    from gon_tf import data

    batches = data.load(f"mnist:{split}", CASE.image_shape, 1000, data_dir=data_dir)
    return np.concatenate(list(batches))


def gon_tf_way(options) -> tuple[Callable, Callable]:
    """(function that trains on a batch of uint8, function that reconstructs images)."""
    start_tensorflow()
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(options.seed)
    model = build(CASE, "gauss-newton")
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, options.steps - WARM_UP, warmup_target=3e-2, warmup_steps=WARM_UP
    )
    model.compile(keras.optimizers.Adam(rate, beta_1=0.95, beta_2=0.97))
    step = tf.function(model.train_step, autograph=False)
    return lambda images: step(tf.constant(images)), model.reconstruct


def pytorch_way(options) -> tuple[Callable, Callable]:
    """The same of the published step; batches of 64 at inference too, as its statistics want."""
    import torch

    from gon_tf.bench import published

    torch.manual_seed(options.seed)
    model = published.build(CASE)

    def tensor(images):
        return torch.from_numpy(images).permute(0, 3, 1, 2) / 255.0

    def reconstruct(images):
        parts = (tensor(images[i : i + BATCH]) for i in range(0, len(images), BATCH))
        parts = [model.decode(model.encode(part)).permute(0, 2, 3, 1) for part in parts]
        return torch.cat(parts).numpy()

    return lambda images: model.train_step(tensor(images)), reconstruct


WAYS = {"gon-tf": gon_tf_way, "pytorch": pytorch_way}


def batches(count: int, seed: int) -> Iterator[np.ndarray]:
    """Positions of the images of one batch after the other, epoch after epoch, shuffled."""
    order = np.random.default_rng(seed)
    while True:
        positions = order.permutation(count)
        yield from positions[: count // BATCH * BATCH].reshape(-1, BATCH)


def train(way: str, training: np.ndarray, test: np.ndarray, options) -> dict:
    """Trains until the target, or until the time is up.

    Returns:
        {"steps", "seconds", "error"}.
    """
    step, reconstruct = WAYS[way](options)
    most_steps = options.steps if way == "gon-tf" else np.inf  # its learning rate is zero then
    now = {"steps": 0, "seconds": 0.0, "error": np.inf}
    positions = batches(len(training), options.seed)
    while now["steps"] < most_steps and now["seconds"] < options.most_seconds:
        start = time.perf_counter()
        for _ in range(options.every):
            step(training[next(positions)])
        seconds = now["seconds"] + time.perf_counter() - start
        error = float(np.sum((reconstruct(test) - test / 255.0) ** 2) / len(test))
        now = {"steps": now["steps"] + options.every, "seconds": seconds, "error": error}
        print(f"# {way}", *now.values(), flush=True)
        if error <= options.target:
            break
    return now


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--target", type=float, default=0.713)
    parser.add_argument("--most-seconds", type=float, default=900.0)
    parser.add_argument("--steps", type=int, default=600, help="of the cosine decay of gon-tf")
    parser.add_argument("--every", type=int, default=50)
    parser.add_argument("--test-images", type=int, default=10_000)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="stop after 5 seconds of training")
    parser.add_argument("--data-dir")
    options = parser.parse_args()
    if options.quick:
        options.most_seconds, options.every, options.test_images = 5.0, 10, 500
    sentence = machine()
    training, test = (mnist(split, options.data_dir) for split in ("train", "test"))
    test = test[: options.test_images]
    results = {way: in_fresh_process(train, way, training, test, options) for way in options.ways}
    print(sentence)
    rows = []
    for way, result in results.items():
        reached = result["error"] <= options.target
        seconds = f"{result['seconds']:.1f}" if reached else f"> {result['seconds']:.1f}"
        rows.append([way, str(result["steps"]), f"{result['error']:.3f}", seconds])
    print_table(["", "steps", "test error", f"seconds to {options.target}"], rows)
    if len(results) == 2:
        ours, theirs = (results[way] for way in WAYS)
        if ours["error"] <= options.target:
            least = "" if theirs["error"] <= options.target else "at least "
            print(f"{least}{theirs['seconds'] / ours['seconds']:.1f} times faster")


if __name__ == "__main__":
    main()

"""How much zoo models' samples look like their data sets.

    python -m benchmarks.sampling mnist-conv mnist-implicit [--record docs/samples.json]

A row is what `gon_tf.sampling.measure` says: the Frechet distance of samples to held-out images, in
the features that come with the package, the mean of three draws and their deviation, beside that
of as many training images, the share of copies and, of samples by label, how many the classifier
of these features takes for that label. Variational models are measured once more with
samples from N(0, I), which their evidence lower bound is about.

`--record` adds the figures to a file, from which `python -m docs.generate.cards` makes the table in
docs/results.md. `--data-dir` or TFDS_DATA_DIR says where the data sets lie.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

import gon_tf
from benchmarks import print_table
from gon_tf import files, sampling, zoo
from gon_tf.latents import LocalGaussians
from gon_tf.metrics import features

BY_LABEL = 1000  # samples that are drawn by label


def load(name: str, shape, data_dir) -> np.ndarray:
    """All images of a data set, uint8."""
    return gon_tf.data.open_images(name, shape, data_dir=data_dir).pixels


class FromNormal:
    """A variational model whose samples come from N(0, I)."""

    def __init__(self, model):
        self.model, self.image_shape = model, model.image_shape

    def reconstruct(self, images) -> np.ndarray:
        """As that of a model."""
        return self.model.reconstruct(images)

    def sample(self, n: int = 1, seed: int = 0) -> np.ndarray:
        """As that of a model."""
        return self.model.sample(n, seed=seed, prior="normal")


def measured(model, train, test, samples: int) -> list[dict]:
    """Figures of a model's samples, and of those from N(0, I) if it knows how to."""
    ways = [(drawn_from(model), model)]
    if model.is_normal and not isinstance(model.drawn_prior(), gon_tf.latents.Normal):
        ways.append(("N(0, I)", FromNormal(model)))
    rows = []
    for words, way in ways:
        rows.append({"prior": words, **sampling.measure(way, train, test, samples)})
        print("#", *shown(rows[-1]), flush=True)
    return rows


def drawn_from(model) -> str:
    """What a model draws samples from, in a few words."""
    prior = model.drawn_prior()
    if isinstance(prior, gon_tf.latents.Normal):
        return "N(0, I)"
    count, rank = prior.gaussians().axes.shape[:2]
    local = isinstance(prior, LocalGaussians)
    return f"{count} local Gaussians of rank {rank}" if local else f"{count} Gaussians"


def accuracy_by_label(model: keras.Model, dataset: str) -> float | None:
    """Share of samples by label that the classifier of the package takes for what they are to be.

    Args:
        model: fitted with labels.
        dataset: name of its data set, e.g. "mnist"; None comes of one that it has not learned.
    """
    classes = files.read_json(features.RECORD)["classes"]
    numbers = [i for i, name in enumerate(classes) if name.startswith(f"{dataset}/")]
    names = [classes[i].partition("/")[2] for i in numbers]
    if not set(model.labels) <= set(names):
        return None
    found, each = [], -(-BY_LABEL // len(model.labels))
    for label in model.labels:
        images = features.to_unit_range(np.clip(model.sample(each, label=label), 0.0, 1.0))
        logits = features.classifier().predict(features.prepare(images), verbose=0)
        found.append(np.mean(logits[:, numbers].argmax(axis=1) == names.index(label)))
    return float(np.mean(found))


def shown(figures: dict) -> list[str]:
    """A row of the table."""
    held_out = figures["nearest_training_image_of_held_out"]
    return [
        figures["prior"],
        f"{figures['frechet']:.3g} ± {figures['frechet_deviation']:.2g}",
        f"{figures['frechet_of_training_images']:.3g}",
        f"{figures['frechet_of_reconstructions']:.3g}",
        f"{figures['copies']:.1%}",
        f"{figures['label_accuracy']:.1%}" if "label_accuracy" in figures else "",
        f"{figures['nearest_training_image'] / held_out:.2f}" if held_out else "",
    ]


def record(path: Path, name: str, rows: list[dict]) -> None:
    """Adds a model's figures to a file, in the place of former ones.

    Raises:
        ValueError: if those in the file were measured in other features.
    """
    extractor = files.read_json(features.RECORD)["sha256"]
    known: dict = {"extractor": extractor, "models": {}}
    if path.is_file():
        known = files.read_json(path)
    if known["extractor"] != extractor:
        raise ValueError(f"{path} has distances in other features; remove it and measure again.")
    models = dict(sorted({**known["models"], name: rows}.items()))
    files.write_json(path, {"extractor": extractor, "models": models})


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("models", nargs="+", help="names of zoo models, or folders of presets")
    parser.add_argument("--samples", type=int, default=5000)
    parser.add_argument("--record", type=Path, help="JSON file that the figures are added to")
    parser.add_argument("--data-dir")
    options = parser.parse_args()

    table = []
    for name in options.models:
        folder = zoo.locate(name)
        recipe, model = files.read_json(folder / zoo.METADATA)["recipe"], gon_tf.load(name)
        train, test = (
            load(recipe[key], model.image_shape, options.data_dir)
            for key in ("dataset", "evaluate")
        )
        print("#", name, flush=True)
        rows = measured(model, train, test, options.samples)
        if model.labels:
            source = gon_tf.data.open_source(recipe["dataset"], options.data_dir)
            right = accuracy_by_label(model, source.name.partition(":")[0])
            rows[0] |= {} if right is None else {"label_accuracy": right}
        table += [[name, *shown(row)] for row in rows]
        if options.record:
            record(options.record, folder.name, rows)
    header = [
        "model",
        "drawn from",
        "Frechet distance",
        "of training images",
        "copies",
        "label right",
    ]
    print_table([*header, "nearest / held-out's"], table)


if __name__ == "__main__":
    main()

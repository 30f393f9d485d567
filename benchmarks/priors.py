"""What a model's samples are drawn from, fitted anew and measured; its other weights stay.

    python -m benchmarks.priors mnist-conv --components 1024 --rank 8 --save zoo/mnist-conv
    python -m benchmarks.priors mnist-conv --components 256 512 --rank 8 16 --held-out 6

With several components or ranks, each pair is measured, and the last is what `--save` writes, with
the figures in its metadata. The images are kept apart by their labels, unless there is
`--no-labels`. Figures are those of `benchmarks.sampling`, and how many of 1,000 samples by label
its classifier takes for that label.

`--held-out 6` fits to all training images but every sixth, and measures against these instead of
the test images: for choosing.
"""

from __future__ import annotations

import argparse
import os
import time
from itertools import product
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

import gon_tf
from benchmarks import print_table, sampling
from gon_tf import files, latents, presets, zoo

BY_LABEL = 1000  # samples that are drawn by label


def with_prior(model: keras.Model, components: int | None, rank: int | None) -> keras.Model:
    """A copy of a model whose prior is many local Gaussians, not fitted yet.

    Args:
        model: any model of the project.
        components: as in `gon_tf.latents.LocalGaussians`.
        rank: the same.
    """
    config = presets.describe(model)
    chosen = {"prior": "local-gaussians", "components": components, "rank": rank, "labels": None}
    config["arguments"].update(chosen)
    copy = presets.build(config, zoo.CONFIG)
    former = model.prior.variables if isinstance(model.prior, latents.Mixture) else ()
    left_out = {id(variable) for variable in former}
    copy.set_weights([np.asarray(w) for w in model.weights if id(w) not in left_out])
    return copy


def accuracy_by_label(model: keras.Model, network: keras.Model, names: list[str]) -> float:
    """Share of samples by label that a classifier takes for what they are to be.

    Args:
        model: fitted with labels.
        network: a classifier of uint8 images.
        names: of its classes.
    """
    each = -(-BY_LABEL // len(model.labels))
    found = []
    for label in model.labels:
        images = sampling.to_uint8(model.sample(each, label=label))
        found.append(sampling.accuracy(network, images, names.index(label)))
    return float(np.mean(found))


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("model", help="name of a zoo model, or folder of a preset with a recipe")
    parser.add_argument("--components", type=int, nargs="+", default=[None])
    parser.add_argument("--rank", type=int, nargs="+", default=[None])
    parser.add_argument("--no-labels", action="store_true")
    parser.add_argument("--held-out", type=int, metavar="N", help="measure on every N-th image")
    parser.add_argument("--samples", type=int, default=5000)
    parser.add_argument("--save", type=Path, help="folder for the model with the last prior")
    parser.add_argument("--data-dir")
    options = parser.parse_args()

    metadata = files.read_json(zoo.locate(options.model) / zoo.METADATA)
    recipe, model = metadata["recipe"], gon_tf.load(options.model)
    train, test = (
        sampling.load(recipe[key], model.image_shape, options.data_dir)
        for key in ("dataset", "evaluate")
    )
    numbers = sampling.load_labels(recipe["dataset"], options.data_dir)
    source = gon_tf.data.open_source(recipe["dataset"], options.data_dir)
    labels = np.array(source.labels)
    names = [labels[numbers == number][0] for number in range(numbers.max() + 1)]
    network = sampling.classifier(recipe["dataset"], train, numbers)
    if options.held_out:
        held = np.arange(len(train)) % options.held_out == 0
        train, test, labels = train[~held], train[held], labels[~held]
    judge = sampling.Judge(sampling.feature_network(network), train, test)
    rows = [["training images", "", "", f"{judge.floor:.3f}", "", ""]]
    figures, fitted = {}, model
    for components, rank in product(options.components, options.rank):
        fitted, begin = with_prior(model, components, rank), time.process_time()
        fitted.fit_latents(train, None if options.no_labels else labels)
        seconds = time.process_time() - begin
        figures = judge.figures(sampling.to_uint8(fitted.sample(options.samples)))
        right = "" if options.no_labels else accuracy_by_label(fitted, network, names)
        figures |= {} if options.no_labels else {"label_accuracy": right}
        weights, _, axes, _ = fitted.prior.gaussians()
        shown = f"{right:.1%}" if right else ""
        near = f"{figures['nearest_training_image'] / judge.median:.2f}"
        row = [f"{len(weights)} of rank {axes.shape[1]}", f"{seconds:.0f} s", shown]
        rows.append([*row, f"{figures['frechet']:.3f}", f"{figures['copies']:.1%}", near])
        print("#", *rows[-1], flush=True)
    header = ["Gaussians", "to encode and fit", "label right", "Frechet distance", "copies"]
    print_table([*header, "nearest / held-out's"], rows)
    if options.save:
        save(fitted, options.save, metadata, {**figures, "samples": options.samples})


def save(model: keras.Model, folder: Path, metadata: dict, figures: dict) -> None:
    """Writes the model with its figures as a preset, in the place of the former one."""
    prior = {"prior": "local-gaussians", "components": model.prior.components}
    prior |= {"rank": model.prior.rank, "labels": bool(model.labels)}
    recipe = {**metadata.get("recipe", {}), **prior}
    metrics = {**metadata.get("metrics", {}), **figures}
    model.save_to_preset(folder, {**metadata, "recipe": recipe, "metrics": metrics}, overwrite=True)


if __name__ == "__main__":
    main()

"""What a model's samples are drawn from, fitted anew and measured; its other weights stay.

    python -m benchmarks.priors mnist-conv --components 1024 --rank 8 --save zoo/mnist-conv
    python -m benchmarks.priors mnist-conv --components 256 512 --rank 8 16 --held-out 6

With several components or ranks, each pair is measured, and the last is what `--save` writes, with
the figures in its metadata. The images are kept apart by their labels, unless there is
`--no-labels`. Figures are those of `gon_tf.sampling.measure`, and how many of 1,000 samples by
label the package's classifier takes for that label.

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
from benchmarks import print_table
from gon_tf import files, latents, presets, sampling, zoo
from gon_tf.metrics import features

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


def accuracy_by_label(model: keras.Model, dataset: str) -> float | None:
    """Share of samples by label that the package's classifier takes for what they are to be.

    Args:
        model: fitted with labels.
        dataset: the name of their data set; None is returned for one the classifier does not know.
    """
    classes = files.read_json(features.RECORD)["classes"]
    if not model.labels or f"{dataset}/{model.labels[0]}" not in classes:
        return None
    own = [i for i, name in enumerate(classes) if name.startswith(f"{dataset}/")]
    each = -(-BY_LABEL // len(model.labels))
    found = []
    for label in model.labels:
        images = features.prepare(features.to_unit_range(model.sample(each, label=label)))
        logits = np.asarray(features.classifier()(images, training=False))[:, own]
        right = own.index(classes.index(f"{dataset}/{label}"))
        found.append(np.mean(logits.argmax(axis=1) == right))
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
        gon_tf.data.open_images(recipe[key], model.image_shape, data_dir=options.data_dir).pixels
        for key in ("dataset", "evaluate")
    )
    source = gon_tf.data.open_source(recipe["dataset"], options.data_dir)
    labels = np.array(source.labels)
    if options.held_out:
        held = np.arange(len(train)) % options.held_out == 0
        train, test, labels = train[~held], train[held], labels[~held]
    rows, figures, fitted = [], {}, model
    for components, rank in product(options.components, options.rank):
        fitted, begin = with_prior(model, components, rank), time.process_time()
        fitted.fit_latents(train, None if options.no_labels else labels)
        seconds = time.process_time() - begin
        figures = sampling.measure(fitted, train, test, options.samples)
        right = accuracy_by_label(fitted, source.name.partition(":")[0])
        figures |= {} if right is None else {"label_accuracy": right}
        weights, _, axes, _ = fitted.prior.gaussians()
        rows.append(
            [
                f"{len(weights)} of rank {axes.shape[1]}",
                f"{seconds:.0f} s",
                "" if right is None else f"{right:.1%}",
                f"{figures['frechet']:.3f} ± {figures['frechet_deviation']:.3f}",
                f"{figures['frechet_of_training_images']:.3f}",
                f"{figures['copies']:.1%}",
            ]
        )
        print("#", *rows[-1], flush=True)
    header = ["Gaussians", "to encode and fit", "label right", "Frechet distance"]
    print_table([*header, "of training images", "copies"], rows)
    if options.save:
        save(fitted, options.save, metadata, figures)


def save(model: keras.Model, folder: Path, metadata: dict, figures: dict) -> None:
    """Writes the model with its figures as a preset, in the place of the former one."""
    prior = {"prior": "local-gaussians", "components": model.prior.components}
    prior |= {"rank": model.prior.rank, "labels": bool(model.labels)}
    recipe = {**metadata.get("recipe", {}), **prior}
    metrics = {**metadata.get("metrics", {}), **figures}
    model.save_to_preset(folder, {**metadata, "recipe": recipe, "metrics": metrics}, overwrite=True)


if __name__ == "__main__":
    main()

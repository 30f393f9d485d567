"""What a model's samples are drawn from, fitted anew and measured; its other weights stay.

    python -m benchmarks.priors mnist-conv --components 1024 --rank 8 --save zoo/mnist-conv
    python -m benchmarks.priors mnist-conv --components 256 512 --rank 8 16 --held-out 6

With several components or ranks, each pair is measured, and the last is what `--save` writes, with
the figures in its metadata. The images are kept apart by their labels, unless there is
`--no-labels`. "to fit" is the fit alone: its CPU seconds, and those of the clock, without the
encoding, which is printed before; OPENBLAS_NUM_THREADS says how many threads NumPy takes. Figures
are those of `gon_tf.sampling.measure`, and how many of some samples by label the classifier of the
package takes for that label. With `--samples 0` nothing is measured.

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
from benchmarks.sampling import accuracy_by_label, load
from gon_tf import files, latents, presets, sampling, zoo

# Figures of former samples; those of these are recorded by `benchmarks.sampling`.
FIGURES = ("frechet", "copies", "nearest", "samples", "repeats", "label_accuracy")


def with_prior(
    model: keras.Model, components: int | None, rank: int | None, prior: str = "local-gaussians"
) -> keras.Model:
    """A copy of a model with another prior, by default many local Gaussians, not fitted yet.

    Args:
        model: any model of the project.
        components: as in `gon_tf.latents.LocalGaussians`.
        rank: the same.
        prior: as of models.
    """
    config = presets.describe(model)
    chosen = {"prior": prior, "components": components, "rank": rank, "labels": None}
    config["arguments"].update(chosen)
    copy = presets.build(config, zoo.CONFIG)
    for new, weight in zip(without_prior(copy), without_prior(model), strict=True):
        new.assign(weight)
    return copy


def without_prior(model: keras.Model) -> list[keras.Variable]:
    """The weights of a model but those of a mixture."""
    mixture = model.prior.variables if isinstance(model.prior, latents.Mixture) else ()
    left_out = {id(variable) for variable in mixture}
    return [weight for weight in model.weights if id(weight) not in left_out]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("model", help="name of a zoo model, or folder of a preset with a recipe")
    parser.add_argument("--components", type=int, nargs="+", default=[None])
    parser.add_argument("--rank", type=int, nargs="+", default=[None])
    parser.add_argument("--no-labels", action="store_true")
    parser.add_argument("--held-out", type=int, metavar="N", help="measure on every N-th image")
    parser.add_argument("--samples", type=int, default=5000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--save", type=Path, help="folder for the model with the last prior")
    parser.add_argument("--data-dir")
    options = parser.parse_args()

    metadata = files.read_json(zoo.locate(options.model) / zoo.METADATA)
    recipe, model = metadata["recipe"], gon_tf.load(options.model)
    train = load(recipe["dataset"], model.image_shape, options.data_dir)
    source = gon_tf.data.open_source(recipe["dataset"], options.data_dir)
    labels = None if options.no_labels else np.array(source.labels)
    if options.held_out:
        held = np.arange(len(train)) % options.held_out == 0
        train, test, labels = train[~held], train[held], None if labels is None else labels[~held]
    else:
        test = load(recipe["evaluate"], model.image_shape, options.data_dir)
    begin = time.process_time()
    encoded = model.encode(train)
    print(f"# {len(train)} images encoded in {time.process_time() - begin:.1f} CPU s", flush=True)
    rows, figures, fitted = [], {}, model
    for components, rank in product(options.components, options.rank):
        fitted = with_prior(model, components, rank)
        begin, clock = time.process_time(), time.perf_counter()
        fitted.prior.fit([encoded], fitted.pixel_metric, labels)
        times = time.process_time() - begin, time.perf_counter() - clock
        row = ["{:.1f} CPU s, {:.1f} s".format(*times)]
        if options.samples:
            figures = sampling.measure(fitted, train, test, options.samples, options.repeats)
            right = accuracy_by_label(fitted, source.name.partition(":")[0]) if fitted.labels else 0
            figures |= {"label_accuracy": right} if right else {}
            row += [f"{right:.1%}" if right else "", f"{figures['frechet']:.3f}"]
            row += [f"{figures['frechet_of_training_images']:.3f}", f"{figures['copies']:.1%}"]
        gaussians = fitted.prior.gaussians()
        rows.append([f"{len(gaussians.weights)} of rank {gaussians.axes.shape[1]}", *row])
        print("#", *rows[-1], flush=True)
    header = ["Gaussians", "to fit", "label right", "Frechet distance"]
    print_table([*header, "of training images", "copies"][: len(rows[0])], rows)
    if options.save:
        save(fitted, options.save, metadata, figures)


def save(model: keras.Model, folder: Path, metadata: dict, figures: dict) -> None:
    """Writes the model with its figures as a preset, in the place of the former one."""
    prior = {"prior": "local-gaussians", "components": model.prior.components}
    prior |= {"rank": model.prior.rank, "labels": bool(model.labels)}
    recipe = {**metadata.get("recipe", {}), **prior}
    # Figures of former samples say nothing of these.
    former = metadata.get("metrics", {}).items()
    metrics = {name: value for name, value in former if not name.startswith(FIGURES)}
    metadata = {**metadata, "recipe": recipe, "metrics": {**metrics, **figures}}
    model.save_to_preset(folder, metadata, overwrite=True)


if __name__ == "__main__":
    main()

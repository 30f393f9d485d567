"""What is known of a model when it is trained: its metrics, and how it was made."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gon_tf import anomaly, startup

if TYPE_CHECKING:
    import keras

    from gon_tf.callbacks import TrainingLog
    from gon_tf.training.build import Job

PAPER = "Bond-Taylor & Willcocks, Gradient Origin Networks, ICLR 2021, arXiv 2007.02798"


def measure(network: keras.Model, images: Any) -> dict[str, Any]:
    """Loss, SSE and PSNR of `network` on batches of images, and the number of images.

    Keras' progress goes to stderr.
    """
    with contextlib.redirect_stdout(sys.stderr):
        verbose = 1 if sys.stderr.isatty() else 0
        metrics = network.evaluate(images, return_dict=True, verbose=verbose)
    return {**metrics, "count": sum(len(batch) for batch in images)}


def complete(job: Job, names: dict[str, Any]) -> tuple[keras.Model, dict[str, Any]]:
    """The trained model of `job` with the distribution of its latents, and what it achieves.

    `names` are those of the data sets as they were given, see `describe`.

    All of it is a function of the weights alone: a copy of the model that has seen no batch yet
    passes over them in a fixed order, as graphs that have met batches of other shapes may round
    otherwise. One worker of several does it by itself.
    """
    from gon_tf import data

    recipe = job.recipe
    model = type(job.model).from_config(job.model.get_config())
    model.set_weights(job.model.get_weights())
    model.compile()
    images = job.images.batches(recipe.batch_size)
    model.fit_latents(images, job.labels)
    metrics: dict[str, Any] = {}
    if recipe.evaluate:
        shape, options = model.image_shape, {"data_dir": job.data_dir, "crop": recipe.crop}
        evaluated = data.load(recipe.evaluate, shape, job.measured_at_once, **options)
        metrics = {**measure(model, evaluated), "split": names.get("evaluate", recipe.evaluate)}
    return model, {"metrics": metrics, anomaly.KEY: anomaly.error_quantiles(model, images)}


def describe(job: Job, log: TrainingLog, kept: int, names: dict[str, Any]) -> dict[str, Any]:
    """What a user of the trained model should know about its making.

    Args:
        job: what was trained.
        log: how it went.
        kept: the epoch whose weights are kept.
        names: of the data sets, as they were given: no absolute paths of this machine.
    """
    recipe = replace(job.recipe, **names)
    height, width, channels = job.model.image_shape
    colours = "grey" if channels == 1 else "RGB"
    cropped = "cropped to its aspect and " if recipe.crop else ""
    return {
        "description": f"Gradient Origin Network ({recipe.variant}) of {recipe.dataset}",
        "dataset": job.dataset,
        "preprocessing": f"{colours} in [0, 1], {cropped}resized to {height}x{width} with "
        "antialiasing",
        "recipe": recipe.to_json(),
        "seed": recipe.seed,
        "epochs": len(log.rows),
        "duration_seconds": round(log.seconds, 1),
        "hardware": ", ".join(startup.devices()),
        "last_epoch": log.rows[-1],
        **({"kept_epoch": log.rows[kept - 1]} if kept < len(log.rows) else {}),
        "paper": PAPER,
        "versions": startup.versions(),
    }

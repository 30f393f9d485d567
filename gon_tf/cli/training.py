"""Training by a recipe, from its data sets to the folder of the model."""

from __future__ import annotations

import contextlib
import csv
import math
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gon_tf.cli import outputs, variants
from gon_tf.cli.evaluate import measure
from gon_tf.cli.info import devices, versions
from gon_tf.cli.recipe import Recipe

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

PAPER = "Bond-Taylor & Willcocks, Gradient Origin Networks, ICLR 2021, arXiv 2007.02798"
LOG, CHECKPOINT = "log.csv", "checkpoint.weights.h5"


@dataclass(frozen=True)
class Job:
    """A recipe made ready: a compiled model and batches of its images."""

    recipe: Recipe
    model: keras.Model
    images: tf.data.Dataset
    validation: tf.data.Dataset | None
    evaluation: tf.data.Dataset | None
    dataset: dict  # description of the images for the model's card


def prepare(recipe: Recipe, data_dir: Path | None = None) -> Job:
    """Find the data and build the model, so that what can fail has failed before training.

    Raises:
        ValueError: if the recipe does not fit together.
        OSError: if the data cannot be read.
    """
    import keras

    from gon_tf import data

    recipe = variants.complete(recipe)
    source = data.open_source(recipe.dataset, data_dir)
    if source.count < recipe.batch_size:
        raise ValueError(
            f"{recipe.dataset} has fewer images ({source.count}) than a batch "
            f"({recipe.batch_size}); choose a smaller --batch-size."
        )
    channels = recipe.channels or channels_of(source.images)
    recipe = replace(recipe, channels=channels)
    image_shape = (*recipe.image_size, channels)

    def batches(name, **options):
        return data.load(name, image_shape, recipe.batch_size, data_dir=data_dir, **options)

    keras.utils.set_random_seed(recipe.seed)
    with precision(recipe.precision):
        model = variants.VARIANTS[recipe.variant].build(recipe, image_shape)
        model.compile(optimizer(recipe, recipe.epochs * (source.count // recipe.batch_size)))
    return Job(
        recipe=recipe,
        model=model,
        images=batches(recipe.dataset, shuffle_seed=recipe.seed, drop_remainder=True),
        validation=batches(recipe.validation) if recipe.validation else None,
        evaluation=batches(recipe.evaluate) if recipe.evaluate else None,
        dataset={**source.description, "images": source.count},
    )


def channels_of(images: tf.data.Dataset) -> int:
    """Channels of the images, those of the first one if they differ."""
    return images.element_spec.shape[-1] or next(iter(images)).shape[-1]


def optimizer(recipe: Recipe, steps: int) -> keras.optimizers.Optimizer:
    """The optimizer of a recipe, its learning rate planned for `steps` steps."""
    import keras

    warmup = round(recipe.warmup * steps)
    learning_rate = keras.optimizers.schedules.CosineDecay(
        0.0 if warmup else recipe.learning_rate,
        decay_steps=max(steps - warmup, 1),
        alpha=1.0 if recipe.schedule == "constant" else 0.0,
        warmup_target=recipe.learning_rate if warmup else None,
        warmup_steps=warmup,
    )
    average = {"use_ema": True, "ema_momentum": recipe.ema} if recipe.ema else {}
    moments = {"beta_1": recipe.beta_1, "beta_2": recipe.beta_2}
    moments = {name: value for name, value in moments.items() if value is not None}
    if moments and recipe.optimizer == "sgd":
        raise ValueError("sgd has no moments: leave out --beta-1 and --beta-2.")
    kind = type(keras.optimizers.get(recipe.optimizer))
    return kind(learning_rate=learning_rate, clipnorm=recipe.clipnorm, **moments, **average)


@contextlib.contextmanager
def precision(policy: str):
    """Make layers with the dtype `policy`, and put the former one back."""
    import keras

    former = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(former)


def run(job: Job, folder: Path) -> dict:
    """Train the model of `job` and save it to `folder`, with a log and a checkpoint each epoch.

    Returns:
        The metadata of the saved model.
    """
    folder.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    fit(job, folder)
    metadata = describe(job, seconds=time.monotonic() - started)
    if job.evaluation:
        metadata["metrics"] = {**measure(job.model, job.evaluation), "split": job.recipe.evaluate}
    job.model.save_to_preset(folder, metadata=metadata, overwrite=True)
    return metadata


def fit(job: Job, folder: Path) -> None:
    """Train, with Keras' progress on stderr: a bar on a terminal, lines elsewhere."""
    import keras

    def keep(epoch, logs):
        with outputs.replacing(folder / CHECKPOINT) as temporary:
            job.model.save_weights(temporary)
        append_row(folder / LOG, {"epoch": epoch + 1, **logs})

    (folder / LOG).unlink(missing_ok=True)
    with contextlib.redirect_stdout(sys.stderr):
        job.model.fit(
            job.images,
            validation_data=job.validation,
            epochs=job.recipe.epochs,
            callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=keep)],
            verbose=1 if sys.stderr.isatty() else 2,
            shuffle=False,  # the data set shuffles, with the recipe's seed
        )


def append_row(path: Path, row: dict) -> None:
    """Add a row to a CSV file, which begins with the names of its columns."""
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, row)
        if new:
            writer.writeheader()
        writer.writerow(row)


def describe(job: Job, seconds: float) -> dict:
    """What a user of the trained model should know about its making."""
    recipe = job.recipe
    height, width, channels = job.model.image_shape
    colours = "grey" if channels == 1 else "RGB"
    return {
        "description": f"Gradient Origin Network ({recipe.variant}) of {recipe.dataset}",
        "dataset": job.dataset,
        "preprocessing": f"{colours} in [0, 1], resized to {height}x{width} with antialiasing",
        "recipe": recipe.to_json(),
        "seed": recipe.seed,
        "duration_seconds": round(seconds, 1),
        "hardware": ", ".join(devices()),
        "metrics": {},
        "paper": PAPER,
        "versions": versions(),
    }


def count_parameters(model: keras.Model) -> int:
    """Number of parameters that training changes."""
    return sum(math.prod(weight.shape) for weight in model.trainable_weights)

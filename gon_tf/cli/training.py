"""Training by a recipe, from its data sets to the folder of the model."""

from __future__ import annotations

import contextlib
import functools
import math
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gon_tf import distribute, files
from gon_tf.cli import anomaly, runs, schedules, stopping, variants
from gon_tf.cli.evaluate import measure
from gon_tf.cli.info import devices, versions
from gon_tf.cli.recipe import Recipe

if TYPE_CHECKING:
    import keras

    from gon_tf.data import Images

PAPER = "Bond-Taylor & Willcocks, Gradient Origin Networks, ICLR 2021, arXiv 2007.02798"
LOG, CURVE, TENSORBOARD = "log.csv", "loss.png", "tensorboard"
SHOWN, SHOWN_BYTES = 500, 2**26  # images that the pictures of each epoch are made from


@dataclass(frozen=True)
class Options:
    """How a recipe is carried out. What comes out is the same, but for rounding."""

    strategy: str = "single"
    steps_per_execution: int = 1
    checkpoint_every: int = 1000
    pictures_every: int = 1
    tensorboard: bool = False

    def to_json(self) -> dict:
        """Those that a run must keep to when it goes on."""
        return {"strategy": self.strategy, "steps_per_execution": self.steps_per_execution}


@dataclass(frozen=True)
class Job:
    """A recipe made ready: a compiled model and its images."""

    recipe: Recipe
    options: Options
    model: keras.Model
    images: Images
    validation: Images | None
    dataset: dict  # description of the images for the model's card
    data_dir: Path | None

    @property
    def steps_per_epoch(self) -> int:
        """Steps of the optimizer in an epoch."""
        return self.images.steps_per_epoch(self.recipe.batch_size, drop_remainder=True)

    @property
    def parameters(self) -> int:
        """Number of parameters that training changes."""
        return sum(math.prod(weight.shape) for weight in self.model.trainable_weights)


def prepare(recipe: Recipe, options: Options, data_dir: Path | None = None) -> Job:
    """Find the data and build the model, so that what can fail has failed before training.

    Raises:
        ValueError: if the recipe does not fit together.
        OSError: if the data cannot be read.
    """
    import keras
    import tensorflow as tf

    from gon_tf import data

    recipe = variants.complete(recipe)
    strategy = distribute.create(options.strategy)
    if recipe.batch_size % strategy.num_replicas_in_sync:
        raise ValueError(
            f"Each of {strategy.num_replicas_in_sync} devices takes an equal part of a batch; "
            f"choose another --batch-size. Received: {recipe.batch_size}"
        )
    # The same operations in the same order whenever they are run: what --resume relies on.
    tf.config.experimental.enable_op_determinism()
    source = data.open_source(recipe.dataset, data_dir)
    channels = recipe.channels or channels_of(source.images)
    recipe = replace(recipe, channels=channels)
    image_shape = (*recipe.image_size, channels)
    for name in filter(None, (recipe.validation, recipe.evaluate)):
        data.open_source(name, data_dir)

    keras.utils.set_random_seed(recipe.seed)
    with strategy.scope(), precision(recipe.precision):
        model = variants.VARIANTS[recipe.variant].build(recipe, image_shape)
    images = data.open_images(recipe.dataset, image_shape, data_dir=data_dir, crop=recipe.crop)
    validation = None
    if recipe.validation:
        validation = data.open_images(
            recipe.validation, image_shape, data_dir=data_dir, crop=recipe.crop
        )
    elif recipe.validation_split:
        images, validation = split(images, recipe.validation_split)
    job = Job(
        recipe=recipe,
        options=options,
        model=model,
        images=images,
        validation=validation,
        dataset={**source.description, "images": len(images)},
        data_dir=data_dir,
    )
    with strategy.scope():
        model.compile(
            schedules.optimizer(recipe, recipe.epochs * job.steps_per_epoch),
            steps_per_execution=options.steps_per_execution,
        )
    return job


def channels_of(images) -> int:
    """Channels of the images, those of the first one if they differ."""
    return images.element_spec.shape[-1] or next(iter(images)).shape[-1]


def split(images: Images, part: float) -> tuple[Images, Images]:
    """Images to train on and images to validate on, the latter evenly from all of them."""
    import numpy as np

    from gon_tf.data import Images

    numbers = np.arange(len(images))
    held = np.floor((numbers + 1) * part) > np.floor(numbers * part)
    if not held.any():
        raise ValueError(
            f"A part of {part:g} of {len(images)} images is not one to validate on; "
            "choose a larger --validation-split."
        )
    return Images(images.pixels[~held], images.skipped), Images(images.pixels[held])


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


def run(job: Job, folder: Path, former: dict | None = None) -> dict:
    """Train the model of `job` and save it to `folder`, with logs, pictures and checkpoints.

    Args:
        job: what to train.
        folder: where everything goes.
        former: the record of the run that goes on, None for a new one.

    Returns:
        The metadata of the saved model; nothing in a worker that does not write.

    Raises:
        SystemExit: if a signal asked for it.
        BlockingIOError: if another process is training into `folder`.
        ConnectionError: if another worker is lost.
        OSError: if the disk is full.
        ValueError: if the data are not those that the run was begun with.
    """
    strategy = job.model.distribute_strategy
    if not distribute.worker(job.options.strategy).is_chief:
        train(job, folder, writes=False)
        distribute.wait_for_all(strategy)
        return {}
    with runs.locked(folder), stopping.terminated_in_order():
        if former:
            runs.check_dataset(former, job.dataset)
        else:
            runs.begin(folder, runs.record(job.recipe, job.options, job.dataset))
        runs.clean(folder)
        try:
            metadata = train(job, folder, writes=True)
            job.model.save_to_preset(folder, metadata=metadata, overwrite=True)
        except Exception as error:
            if files.disk_is_full(error):
                raise OSError(full_disk(folder)) from error
            raise
        runs.finish(folder)
        distribute.wait_for_all(strategy)
    return metadata


def train(job: Job, folder: Path, *, writes: bool) -> dict:
    """Train, and measure if this process writes; the metadata of the model."""
    from gon_tf.callbacks import Checkpoint, TrainingLog

    knowing = knowing_callbacks(job.recipe)
    log = TrainingLog(folder / LOG, folder / CURVE)
    writing = [log] if writes else []
    checkpoint = Checkpoint(
        folder / runs.CHECKPOINTS,
        every=job.options.checkpoint_every,
        callbacks=[*knowing, *writing],
        writes=writes,
    )
    if writes:
        writing += drawing_callbacks(job, folder)
    fit(job, [*knowing, *writing, checkpoint], checkpoint, quiet=not writes)
    if not writes:
        return {}
    model = job.model
    if job.options.strategy == "multiworker":  # one worker alone measures a copy
        model = type(model).from_config(model.get_config())
        model.set_weights(job.model.get_weights())
        model.compile()
    images = job.images.batches(job.recipe.batch_size)
    return {
        **describe(job, log, evaluate(job, model)),
        anomaly.KEY: anomaly.error_quantiles(model, images),
    }


def evaluate(job: Job, model: keras.Model) -> dict:
    """The metrics of the data set that the recipe names for the end."""
    from gon_tf import data

    recipe = job.recipe
    if not recipe.evaluate:
        return {}
    images = data.load(
        recipe.evaluate,
        model.image_shape,
        recipe.batch_size,
        data_dir=job.data_dir,
        crop=recipe.crop,
    )
    return {**measure(model, images), "split": recipe.evaluate}


def knowing_callbacks(recipe: Recipe) -> list[keras.callbacks.Callback]:
    """Callbacks that decide something, by what they know of former epochs."""
    import keras

    chosen = []
    if recipe.ema:  # what is measured, drawn and kept are the averages, as in the end
        chosen.append(keras.callbacks.SwapEMAWeights(swap_on_epoch=True))
    if recipe.patience:
        chosen.append(
            keras.callbacks.EarlyStopping(
                "val_loss", patience=recipe.patience, mode="min", restore_best_weights=True
            )
        )
    return chosen


def drawing_callbacks(job: Job, folder: Path) -> list[keras.callbacks.Callback]:
    """Callbacks that show how training goes."""
    import keras

    from gon_tf.callbacks import Pictures

    chosen: list[keras.callbacks.Callback] = []
    log_dir = folder / TENSORBOARD if job.options.tensorboard else None
    if log_dir:
        chosen.append(keras.callbacks.TensorBoard(log_dir, write_graph=False))
    pixels = (job.validation or job.images).pixels
    shown = pixels[: max(2, min(SHOWN, SHOWN_BYTES // math.prod(job.model.image_shape)))]
    if job.options.pictures_every and len(shown) > 1:
        every = job.options.pictures_every
        chosen.append(Pictures(shown, folder, log_dir and log_dir / "train", every=every))
    return chosen


def fit(job: Job, callbacks, checkpoint, *, quiet: bool) -> None:
    """Train, with Keras' progress on stderr: a bar on a terminal, lines elsewhere."""
    from gon_tf.callbacks import Stopped

    recipe, steps = job.recipe, job.steps_per_epoch
    verbose = 0 if quiet else 1 if sys.stderr.isatty() else 2
    several = job.options.strategy == "multiworker"
    train = functools.partial(distribute.fit, job.model) if several else job.model.fit
    with contextlib.redirect_stdout(sys.stderr), stopping.stopping(checkpoint.stop) as came:
        try:
            train(
                job.images.steps(
                    recipe.batch_size,
                    shuffle_seed=recipe.seed,
                    start=checkpoint.epoch * steps,
                    drop_remainder=True,
                ),
                validation_data=job.validation and job.validation.batches(recipe.batch_size),
                epochs=recipe.epochs,
                steps_per_epoch=steps,
                callbacks=callbacks,
                verbose=verbose,
                latents_from=job.images.batches(recipe.batch_size),
            )
        except Stopped:
            raise stopping.exit_by(came[0], checkpoint.folder.parent) from None


def full_disk(folder: Path) -> str:
    """What to tell the user whose disk is full."""
    from gon_tf import checkpoints

    with contextlib.suppress(ValueError, OSError):
        if last := checkpoints.newest(folder / runs.CHECKPOINTS):
            return (
                f"No space is left for {folder}; the last checkpoint, {last}, is kept: "
                "free some and go on with --resume."
            )
    return f"No space is left for {folder}, and there is no checkpoint yet."


def describe(job: Job, log, metrics: dict) -> dict:
    """What a user of the trained model should know about its making."""
    recipe = job.recipe
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
        "hardware": ", ".join(devices()),
        "last_epoch": log.rows[-1],
        "metrics": metrics,
        "paper": PAPER,
        "versions": versions(),
    }

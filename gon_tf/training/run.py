"""Training by a recipe, from its data sets to the folder of the model."""

from __future__ import annotations

import contextlib
import functools
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gon_tf import anomaly, files
from gon_tf.cli.evaluate import measure
from gon_tf.cli.info import devices, versions
from gon_tf.training import distribute, stopping
from gon_tf.training import folder as runs
from gon_tf.training.build import Job
from gon_tf.training.recipe import Recipe

if TYPE_CHECKING:
    import keras

PAPER = "Bond-Taylor & Willcocks, Gradient Origin Networks, ICLR 2021, arXiv 2007.02798"
LOG, CURVE, TENSORBOARD = "log.csv", "loss.png", "tensorboard"
SHOWN, SHOWN_BYTES = 500, 2**26  # images that the pictures of each epoch are made from


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
    with runs.locked(folder):
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
    count = max(2, min(SHOWN, SHOWN_BYTES // math.prod(job.model.image_shape)))
    shown = (job.validation or job.images).first(count)
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
    from gon_tf.callbacks import checkpoint_files as checkpoints

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

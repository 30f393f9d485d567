"""Training by a recipe, from its data sets to the folder of the model."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import math
import os
import shlex
import sys
from collections.abc import Iterable
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gon_tf import files, startup
from gon_tf.training import (
    build,
    cluster,
    distribute,
    evaluation,
    loggers,
    record,
    start,
    stopping,
    variants,
)
from gon_tf.training import folder as folders
from gon_tf.training.recipe import Options, Recipe

if TYPE_CHECKING:
    import keras

    from gon_tf.training.build import Job

SHOWN, SHOWN_BYTES = 500, 2**26  # images that the pictures of each epoch are made from


def train(
    recipe: Recipe,
    folder: str | os.PathLike,
    options: Options | None = None,
    *,
    data_dir: str | os.PathLike | None = None,
    resume: bool = False,
    overwrite: bool = False,
    inputs: Iterable[Path] = (),
) -> dict[str, Any]:
    """Trains a model by a recipe and saves it, as `gon-tf train` does.

    The folder becomes a preset, which `gon_tf.load` reads. While training it gets log.csv,
    loss.png, pictures of each epoch and checkpoints. Progress goes to stderr.

    Args:
        recipe: what to train on what, a `gon_tf.training.Recipe`.
        folder: where everything goes.
        options: how to carry it out, a `gon_tf.training.Options`.
        data_dir: folder of the TensorFlow data sets; None for the usual one.
        resume: go on with the training in the folder, or begin it if there is none. It ends with
            the weights of one that was never stopped, bit by bit, on the same machine. One that is
            done goes on if the recipe has more epochs, with the rest of their learning rates.
        overwrite: replace the training, or the preset, in the folder. Other files in it stay.
        inputs: further files and folders that must stay as they are.

    Returns:
        The metadata.json of the model: its recipe, metrics, duration, versions; nothing in a
        worker that does not write, which all but the first of a cluster are.

    Raises:
        ValueError: if the recipe does not fit together or to the images, the folder is, holds or
            lies in an input, or the run that is to go on was begun in another way.
        FileExistsError: if the folder holds something that is not to be, or must not be, replaced.
        BlockingIOError: if another process is training into the folder.
        ConnectionError: if another worker is lost.
        ImportError: if the recipe needs a package that is missing.
        OSError: if the data cannot be read, or the folder not be written.
        KeyboardInterrupt, SystemExit: if a signal asked for it; the last step is kept.

    Example:
        >>> recipe = gon_tf.training.Recipe("conv", "mnist:train", evaluate="mnist:test", epochs=12)
        >>> metadata = gon_tf.train(recipe, "my-gon")
        >>> sorted(metadata["metrics"])
        ['count', 'loss', 'psnr', 'split', 'sse', 'ssim']
        >>> gon_tf.load("my-gon").sample(16).shape
        (16, 32, 32, 1)
    """
    folder, options = files.path_of(folder), options or Options()
    data_dir = None if data_dir is None else files.path_of(data_dir)
    recipe = variants.complete(start.adopt(recipe))
    build.check_packages(recipe, options)
    chief = cluster.worker(options.strategy).is_chief
    sources = [*inputs, *record.inputs(recipe, data_dir)]
    sources += [start.config(recipe.start)[0]] if recipe.start else []

    def claim() -> dict[str, Any] | None:
        """The record of the run that goes on; None if a new one may begin."""
        former = folders.former(folder) if resume else None
        if former:
            former = record.prolonged(former, recipe)
            record.check_settings(former, recipe, options, data_dir)
        elif chief:
            folders.check_new(folder, sources, overwrite=overwrite)
        return former

    former = claim()  # to know at once what is wrong; what counts is the same under the lock
    if former and former["finished"]:
        with contextlib.suppress(OSError), files.locked(folder / folders.LOCK):
            folders.clean_finished(folder)
        return finished(folder)
    if former:
        recipe = replace(recipe, epochs=former["recipe"]["epochs"])
    startup.start_tensorflow()
    several = options.strategy == "multiworker"
    with distribute.lost_workers_reported() if several else contextlib.nullcontext():
        job = build.prepare(recipe, options, data_dir)
        if chief:
            with files.locked(folder / folders.LOCK):
                former = claim()
                if former and former["finished"]:
                    folders.clean_finished(folder)
                    return finished(folder)
                # Before anything is written: a logger may have nobody who is logged in.
                with loggers.logged(options.logger, job.recipe, folder) as others:
                    return run(job, folder, former, others)
        follow(job, folder, former)
    return {}


def finished(folder: Path) -> dict[str, Any]:
    """The metadata of a model that is trained already."""
    print(f"The training in {folder} is done already.", file=sys.stderr)
    return files.read_json(folder / folders.PRESET[1])


def run(
    job: Job,
    folder: Path,
    former: dict[str, Any] | None,
    others: Iterable[keras.callbacks.Callback],
) -> dict[str, Any]:
    """Train into a folder that is locked, and go on if there is a `former` run."""
    values = record.of_job(job)
    if former:
        record.check_same(former, values)
        folders.make_way(folder)
        if goes_on(former):
            folders.clean_finished(folder)  # as a kill in the last moment may have left it
            record.change(folder, recipe=former["recipe"], finished=False, prolonged=True)
    else:
        folders.begin(folder, values)
    folders.clean(folder)
    folders.note(folder, [folders.LOG, folders.CURVE])
    strategy = job.model.distribute_strategy
    distribute.check_alike(strategy, "images", job.fingerprint)
    try:
        log, kept = fit(job, folder, writes=True, others=others, longer=goes_on(former))
        names = (former or values)["as_given"]
        model, results = evaluation.complete(job, names)
        metadata = {**evaluation.describe(job, log, kept, names), **results}
        model.save_to_preset(folder, metadata=metadata, overwrite=True)
    except Exception as error:
        if files.disk_is_full(error):
            raise OSError(full_disk(folder, error)) from error
        raise
    folders.finish(folder)
    distribute.wait_for_all(strategy)
    return files.read_json(folder / folders.PRESET[1])


def goes_on(former: dict[str, Any] | None) -> bool:
    """Whether a run was done before, with fewer epochs."""
    return bool(former and former.get("prolonged"))


def follow(job: Job, folder: Path, former: dict[str, Any] | None) -> None:
    """Train in a worker that does not write."""
    strategy = job.model.distribute_strategy
    distribute.check_alike(strategy, "images", job.fingerprint)
    fit(job, folder, writes=False, longer=goes_on(former))
    distribute.wait_for_all(strategy)


def fit(
    job: Job,
    folder: Path,
    *,
    writes: bool,
    others: Iterable[keras.callbacks.Callback] = (),
    longer: bool = False,
):
    """Train, and say on stderr how it goes.

    If the run was done and goes on for `longer`, it begins with the model in the folder.

    Returns:
        The `TrainingLog`, and the number of the epoch whose weights were kept.
    """
    import keras

    from gon_tf.callbacks import Checkpoint, DivergenceGuard, Stopped, TrainingLog
    from gon_tf.models.trainer import quiet_traces, with_guard
    from gon_tf.training import progress

    recipe, steps = job.recipe, job.steps_per_epoch
    knowing = knowing_callbacks(recipe)
    log = TrainingLog(folder / folders.LOG, folder / folders.CURVE)
    writing = [log] if writes else []
    described = {k: v for k, v in recipe.to_json().items() if k not in record.NAMES}
    identity = json.dumps([described, job.fingerprint])
    checkpoint = Checkpoint(
        folder / folders.CHECKPOINTS,
        every=job.options.checkpoint_every,
        callbacks=[*knowing, *writing],
        writes=writes,
        of=hashlib.sha256(identity.encode()).hexdigest(),
        announce=functools.partial(folders.announce, folder),
    )
    if longer and not checkpoint.restored:
        log.read(start.epochs_of(folder))
        checkpoint.start = len(log.rows)
        start.take_weights(job.model, folder, steps=checkpoint.start * steps)
    if writes:
        writing += [*drawing_callbacks(job, folder), *others, progress.Progress()]
        print(progress.header(job, folder, checkpoint.epoch), file=sys.stderr)
    callbacks = [*knowing, *writing, checkpoint]
    several = job.options.strategy == "multiworker"
    if several:
        train = functools.partial(distribute.fit, job.model, callbacks=callbacks)
    else:  # Keras' own: the model's would fit the latents, too, whose turn comes later
        guarded = with_guard(callbacks, job.model)
        train = functools.partial(keras.Model.fit, job.model, callbacks=guarded, shuffle=False)
    first = checkpoint.epoch * steps
    with (
        contextlib.redirect_stdout(sys.stderr),
        quiet_traces(),
        stopping.stopping(checkpoint.stop) as came,
    ):
        try:
            train(
                job.images.steps(
                    recipe.batch_size, shuffle_seed=recipe.seed, start=first, drop_remainder=True
                ),
                validation_data=job.validation and job.validation.batches(job.measured_at_once),
                epochs=job.epochs,
                steps_per_epoch=steps,
                verbose=0,
            )
        except Stopped:
            name = stopping.signal.Signals(came[0]).name
            print(f"Stopped by {name}; {command(job, folder)} goes on.", file=sys.stderr)
            raise stopping.ended_by(came[0]) from None
    early = [one for one in knowing if isinstance(one, keras.callbacks.EarlyStopping)]
    (guard,) = (one for one in knowing if isinstance(one, DivergenceGuard))
    return log, (early[0].best_epoch if early else guard.epoch) + 1


def knowing_callbacks(recipe: Recipe) -> list[keras.callbacks.Callback]:
    """Callbacks that decide something, by what they know of former epochs."""
    import keras

    from gon_tf.callbacks import DivergenceGuard

    chosen: list[keras.callbacks.Callback] = [DivergenceGuard()]
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
    log_dir = folder / folders.TENSORBOARD if job.options.tensorboard else None
    if log_dir:

        def note(epoch: int, logs: Any = None) -> None:
            folders.note_events(folder)

        chosen.append(keras.callbacks.TensorBoard(log_dir, write_graph=False))
        chosen.append(keras.callbacks.LambdaCallback(on_epoch_begin=note, on_epoch_end=note))
    count = max(2, min(SHOWN, SHOWN_BYTES // math.prod(job.model.image_shape)))
    shown = (job.validation or job.images).spread(count)
    every = job.pictures_every
    if every and len(shown) > 1:
        events = log_dir and log_dir / "train"
        announce = functools.partial(folders.announce, folder)
        chosen.append(Pictures(shown, folder, events, every=every, announce=announce))
    return chosen


def command(job: Job, folder: Path) -> str:
    """What to type to go on with a training that was stopped."""
    words = ["gon-tf", "train", "--resume", "-o", str(folder.absolute())]
    for option in fields(job.options):
        value = getattr(job.options, option.name)
        if value != option.default:
            words += [
                f"--{option.name.replace('_', '-')}",
                *([] if value is True else [str(value)]),
            ]
    if job.data_dir:
        words += ["--data-dir", str(job.data_dir.absolute())]
    return shlex.join(words)


def full_disk(folder: Path, error: Exception) -> str:
    """What to tell the user whose disk is full."""
    from gon_tf.callbacks import checkpoint

    place = getattr(error, "filename", None) or folder
    with contextlib.suppress(ValueError, OSError):
        if last := checkpoint.newest(folder / folders.CHECKPOINTS):
            return (
                f"No space is left for {place}; the last checkpoint, {last}, is kept: "
                "free some and go on with --resume."
            )
    return f"No space is left for {place}, and there is no checkpoint yet."

"""A callback that lets a training go on, bit by bit the same, after whatever stopped it.

A checkpoint is one file, `EPOCH-STEP.checkpoint`: the SHA-256 of what follows in a line of
hexadecimal digits, then arrays in NumPy's npz format. Nothing in it is code or pickled. The last
two are kept: should the newest be damaged, the one before it is there.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from gon_tf import arguments, files

NAME = re.compile(r"\d{6}-\d{9}\.checkpoint")
STATE = "state"

# What Keras' callbacks know that is not in a variable. Others say so by `checkpointed`.
KNOWLEDGE = {
    keras.callbacks.EarlyStopping: ("wait", "best", "best_epoch", "stopped_epoch", "best_weights"),
    keras.callbacks.ReduceLROnPlateau: ("wait", "best", "cooldown_counter"),
    keras.callbacks.SwapEMAWeights: ("_ema_weights_in_model",),
}


class Stopped(Exception):  # noqa: N818 - nothing went wrong
    """Training was asked to stop by `Checkpoint.stop`."""


class Checkpoint(keras.callbacks.Callback):
    """Writes checkpoints, and goes on from the newest when training begins again.

    A training that was killed at any moment and is started again by the same program ends with the
    same weights, bit for bit, as one that was not: a checkpoint holds the weights, the optimizer
    with its averages, the metrics, the seeds, and what other callbacks know. It takes
    deterministic operations (`tf.config.experimental.enable_op_determinism()`), a global seed
    (`keras.utils.set_random_seed`), and data whose order is the same again in the epoch that goes
    on: `epoch` says which one that is. The steps of that epoch that were done are read from the
    data and passed over.

    A checkpoint is written to a temporary name, flushed to disk and renamed; the one before it is
    kept. If the newest is damaged, a `UserWarning` says so and the one before is taken. When the
    last epoch is done the checkpoint stays, and training again does nothing: remove the folder.

    `keras.callbacks.BackupAndRestore`, in contrast, starts an interrupted epoch anew with the
    weights from its middle, and keeps neither metrics nor what callbacks know.

    Give it as the last callback, so that the others have done their part of an epoch.

    Args:
        folder: where the checkpoints are, and nothing else. Made if needed.
        every: steps from one checkpoint to the next, >= 1. One is written at the end of each epoch
            as well.
        callbacks: other callbacks of the training whose knowledge is kept: of Keras'
            `EarlyStopping`, `ReduceLROnPlateau` and `SwapEMAWeights`, here `TrainingLog`.
        writes: False in all workers but one, if there are several.
        of: what is trained, in a word that no other training has; a checkpoint of another is
            refused.
        start: the epoch that training begins with if there is no checkpoint, >= 0.
        announce: called with the path of each checkpoint before it is written, or None.

    Raises:
        ValueError: if an argument is out of range, all checkpoints are damaged, or they belong to
            another model or optimizer.
        OSError: if a checkpoint cannot be read, or while training if it cannot be written; the one
            before is then still there.

    Example:
        >>> stopping = keras.callbacks.EarlyStopping(patience=5, restore_best_weights=True)
        >>> checkpoint = gon_tf.callbacks.Checkpoint("run/checkpoints", callbacks=[stopping])
        >>> model.fit(images, validation_data=test, epochs=10, callbacks=[stopping, checkpoint])
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        every: int = 1000,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        *,
        writes: bool = True,
        of: str = "",
        start: int = 0,
        announce: Callable[[Path], None] | None = None,
    ):
        super().__init__()
        self.folder = Path(folder)
        self.every = arguments.integer("every", every)
        self.callbacks = list(callbacks)
        self.writes = arguments.boolean("writes", writes)
        self.of, self.announce = of, announce
        self.start = arguments.integer("start", start, minimum=0)
        self.restored = newest(self.folder)
        self._stopping = False

    @property
    def epoch(self) -> int:
        """The epoch that training begins with, from 0."""
        return self.restored.epoch if self.restored else self.start

    def stop(self) -> None:
        """Ends training after the step at hand by a last checkpoint and the exception `Stopped`.

        May be called by a signal handler.
        """
        self._stopping = True

    # Called by Keras

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Restores weights, optimizer and callbacks."""
        with self.model.distribute_strategy.scope():
            self.model.optimizer.build(self.model.trainable_variables)
        self._epoch, self._step, self._written = self.epoch, 0, 0
        if not self.restored:
            self.model._initial_epoch = self.start or None
            return
        self._restore(self.restored)
        finished = self.restored.state["finished"]
        self.model._initial_epoch = self.params["epochs"] if finished else self.epoch
        if self.restored.step:
            self._pass_over(self.restored.step)

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Restores the metrics of an epoch that was interrupted; Keras has just reset them."""
        self._epoch, self._step, self._written = epoch, 0, 0
        if self.restored and self.restored.step:
            self._written = self.restored.step
            for variable, array in zip(self._metrics(), self._metrics_restored, strict=True):
                assign(variable, array)
        self.restored = None

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Writes a checkpoint if it is time."""
        self._step = batch + 1
        if self._stopping and self._step >= self._written:
            # Other workers know nothing of it, and a checkpoint takes all of them.
            strategy = self.model.distribute_strategy
            if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
                self._write(self._epoch, self._step)
            raise Stopped
        if self._step - self._written >= self.every:
            self._write(self._epoch, self._step)

    def on_test_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Stops if asked to; what the epoch has measured so far is measured again."""
        if self._stopping:
            raise Stopped

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Writes a checkpoint."""
        finished = self.model.stop_training or epoch + 1 == self.params["epochs"]
        self._write(epoch + 1, 0, finished=finished)
        if self._stopping:
            raise Stopped

    def on_train_end(self, logs: dict | None = None) -> None:
        """Leaves the model as Keras knows it."""
        self.model._initial_epoch = None

    # Variables and knowledge

    def _metrics(self):
        """Variables that Keras resets before each epoch."""
        return [variable for metric in self.model.metrics for variable in metric.variables]

    def _variables(self):
        """All other variables that a step reads or writes, each once."""
        metrics = set(map(id, self._metrics()))
        found = {id(v): v for v in [*self.model.variables, *self.model.optimizer.variables]}
        return [variable for key, variable in found.items() if key not in metrics]

    def _write(self, epoch, step, *, finished=False):
        self._written = step
        variables = [*self._variables(), *self._metrics()]
        arrays = [keras.ops.convert_to_numpy(variable) for variable in variables]
        known = {}
        for callback in self.callbacks:
            values = {name: getattr(callback, name) for name in knowledge(callback)}
            lists = {name: value for name, value in values.items() if is_arrays(value)}
            for name, value in lists.items():
                values[name] = {"first": len(arrays), "count": len(value)}
                arrays.extend(map(np.asarray, value))
            known[type(callback).__name__] = {"values": values, "arrays": list(lists)}
        state = {"finished": finished, "callbacks": known, "of": self.of}
        if self.writes:
            moment = Moment(epoch, step, arrays, state)
            if self.announce:
                self.announce(self.folder / moment.filename)
            write(self.folder, moment)

    def _restore(self, checkpoint):
        variables, metrics = self._variables(), self._metrics()
        arrays, known = checkpoint.arrays, checkpoint.state["callbacks"]
        count = len(variables) + len(metrics)
        expected = [tuple(variable.shape) for variable in [*variables, *metrics]]
        missing = {type(callback).__name__ for callback in self.callbacks} - known.keys()
        if [array.shape for array in arrays[:count]] != expected or missing:
            raise ValueError(
                f"The checkpoint in {self.folder} is of another model, optimizer or callbacks."
            )
        if checkpoint.state.get("of", self.of) != self.of:  # 0.1.0 did not say
            raise ValueError(f"The checkpoint in {self.folder} is of another training.")
        for variable, array in zip(variables, arrays, strict=False):
            assign(variable, array)
        self._metrics_restored = arrays[len(variables) : count]
        for callback in self.callbacks:
            kept = known[type(callback).__name__]
            for name, value in kept["values"].items():
                if name in kept["arrays"]:
                    value = arrays[value["first"] : value["first"] + value["count"]]
                setattr(callback, name, value)

    def _pass_over(self, steps):
        """Makes Keras' loop read `steps` batches without training on them."""
        train, left = self.model.train_function, steps

        def read(iterator):
            nonlocal left
            for _ in range(self.model.steps_per_execution):
                next(iterator, None)
                left -= 1
            if left <= 0:
                self.model.train_function = train
            return self.model.get_metrics_result()

        self.model.train_function = read


def knowledge(callback: Any) -> tuple[str, ...]:
    """Names of a callback's attributes that a checkpoint keeps."""
    for kind, names in KNOWLEDGE.items():
        if isinstance(callback, kind):
            return names
    return callback.checkpointed


def is_arrays(value: Any) -> bool:
    """Whether `value` is a list of arrays."""
    return isinstance(value, list) and bool(value) and hasattr(value[0], "shape")


def assign(variable: Any, array: np.ndarray) -> None:
    """Sets a variable to an array from a file, where bfloat16 is bytes without a name."""
    if array.dtype.kind == "V":
        array = array.view(keras.ops.convert_to_numpy(variable).dtype)
    variable.assign(array)


# Files


@dataclass(frozen=True)
class Moment:
    """A training between two steps.

    Attributes:
        epoch: epochs that are done.
        step: steps of the next epoch that are done.
        arrays: values of all variables, in an order that the writer knows.
        state: all else, as JSON values.
    """

    epoch: int
    step: int
    arrays: Sequence[np.ndarray]
    state: dict[str, Any] = field(default_factory=dict)

    @property
    def filename(self) -> str:
        """Name of its file; names sort as the training goes."""
        return f"{self.epoch:06}-{self.step:09}.checkpoint"

    def __str__(self):
        return f"after epoch {self.epoch}" + (f" and {self.step} steps" if self.step else "")


def write(folder: Path, moment: Moment) -> None:
    """Writes a checkpoint, then removes those that are not needed any more.

    Raises:
        OSError: if it cannot be written; the former ones are then still there.
    """
    packed = io.BytesIO()
    header = {"epoch": moment.epoch, "step": moment.step, "state": moment.state}
    text = json.dumps(header, default=lambda number: number.item())  # NumPy's numbers
    arrays: dict[str, Any] = {str(number): array for number, array in enumerate(moment.arrays)}
    arrays[STATE] = np.frombuffer(text.encode(), np.uint8)
    np.savez(packed, **arrays)
    content = packed.getvalue()
    digest = hashlib.sha256(content).hexdigest().encode()
    files.write(folder / moment.filename, digest + b"\n" + content)
    paths = find(folder)
    ahead = [path for path in paths if path.name > moment.filename]  # damaged, or of another
    for path in [*ahead, *sorted(set(paths) - set(ahead))[:-2]]:
        path.unlink(missing_ok=True)


def newest(folder: Path) -> Moment | None:
    """The newest checkpoint that is not damaged; None if there is none at all.

    A damaged one is named in a `UserWarning`, and the one before is taken.

    Raises:
        ValueError: if all are damaged.
    """
    paths = find(folder)
    for path in reversed(paths):
        try:
            return read(path)
        except (OSError, ValueError) as error:
            warnings.warn(f"{error} The checkpoint before it is taken.", stacklevel=2)
    if paths:
        raise ValueError(f"All {len(paths)} checkpoints in {folder} are damaged.")
    return None


def find(folder: Path) -> list[Path]:
    """Files of the checkpoints in `folder`, the oldest first."""
    return sorted(path for path in folder.glob("*") if NAME.fullmatch(path.name) and path.is_file())


def read(path: Path) -> Moment:
    """The checkpoint in a file.

    Raises:
        ValueError: if it is not what was written.
        OSError: if it cannot be read.
    """
    digest, _, content = path.read_bytes().partition(b"\n")
    if hashlib.sha256(content).hexdigest().encode() != digest:
        raise ValueError(f"The checkpoint {path} is damaged.")
    with np.load(io.BytesIO(content), allow_pickle=False) as packed:
        header = json.loads(packed[STATE].tobytes())
        arrays = [packed[str(number)] for number in range(len(packed.files) - 1)]
    return Moment(header["epoch"], header["step"], arrays, header["state"])

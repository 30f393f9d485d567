"""A callback that does not let a loss rise in silence."""

from __future__ import annotations

import math
import warnings
from typing import Any

import keras

from gon_tf import arguments
from gon_tf.optimizers import Scaled


class DivergenceGuard(keras.callbacks.Callback):
    """Goes back to the best epoch and halves the learning rate when the loss rises for long.

    A learning rate that is too high for a network ruins it: its loss rises, epoch by epoch, and may
    never come down again. When the training loss of an epoch is half as large again as the best
    one's, or a tenth larger in `patience` epochs in a row or in the last one, the weights and the
    optimizer's averages of the best epoch come back, and the rate is half of what it was. A warning
    says so.

    The rate is halved if it is a number, or a schedule in a `gon_tf.optimizers.Scaled`; of another
    schedule it stays, and the warning tells what to do.

    Args:
        patience: epochs in a row of a loss a tenth above the best that are too many, >= 1.

    Attributes:
        epoch: which epoch's weights the model has, from 0.

    Example:
        >>> model = gon_tf.GON(gon_tf.ConvDecoder((32, 32, 1), latent_dim=256))
        >>> model.compile(keras.optimizers.Adam(2e-3))
        >>> model.fit(images, epochs=10, callbacks=[gon_tf.callbacks.DivergenceGuard()])
    """

    checkpointed = ("best", "best_epoch", "wait", "scale", "best_values", "epoch")

    def __init__(self, patience: int = 3):
        super().__init__()
        self.patience = arguments.integer("patience", patience)
        self.best, self.best_epoch, self.wait, self.epoch = math.inf, 0, 0, 0
        self.scale = 1.0  # of the planned learning rate
        self.best_values: list[Any] = []

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Sets the rate that a training which goes on had."""
        schedule = self.model.optimizer._learning_rate
        if isinstance(schedule, Scaled) and schedule.scale != self.scale:
            schedule.scale = self.scale
            self.model.make_train_function(force=True)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Keeps what is best, or goes back to it."""
        self.epoch, loss = epoch, float((logs or {})["loss"])
        if not self.best_values or loss < self.best:
            self.best, self.best_epoch, self.wait = loss, epoch, 0
            self.best_values = [keras.ops.convert_to_numpy(v) for v in self._variables()]
            return
        rise = (loss - self.best) / (abs(self.best) or 1.0)
        last = epoch + 1 == self.params["epochs"]
        self.wait = self.wait + 1 if rise > 0.1 else 0
        if rise > 0.5 or self.wait >= (1 if last else self.patience):
            self._go_back(epoch, loss, last)

    def _variables(self):
        optimizer = self.model.optimizer
        planned = {id(optimizer.iterations), id(optimizer._learning_rate)}
        averages = [v for v in optimizer.variables if id(v) not in planned]
        return [*self.model.trainable_variables, *averages]

    def _go_back(self, epoch, loss, last):
        for variable, value in zip(self._variables(), self.best_values, strict=True):
            variable.assign(value)
        self.wait, self.epoch = 0, self.best_epoch
        text = (
            f"The loss has risen from {self.best:.6g} in epoch {self.best_epoch + 1} to {loss:.6g} "
            f"in epoch {epoch + 1}: the weights of epoch {self.best_epoch + 1} are back"
        )
        optimizer = self.model.optimizer
        schedule = optimizer._learning_rate
        if last:
            text += ". A lower learning rate may do better."
        elif isinstance(schedule, Scaled):
            self.scale /= 2
            text += f", and the learning rate is {self.scale:g} times what was planned."
        elif isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule):
            text += ". Choose a lower learning rate if it happens again."
        else:
            optimizer.learning_rate = float(optimizer.learning_rate) / 2
            text += f", and the learning rate is {float(optimizer.learning_rate):g}."
        warnings.warn(text, stacklevel=2)

"""Optimizers for decoders."""

from __future__ import annotations

import re
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("gon_tf")
class Muon(keras.optimizers.Muon):
    """`keras.optimizers.Muon` that takes the kernels of convolutions for matrices, too.

    Muon replaces a matrix's mean gradient by the nearest orthogonal matrix, so that every direction
    is learned at the same rate. A kernel of any shape is one here, all axes but the last being its
    rows; biases, and what Keras's own excludes, follow Adam. No weight is pulled towards zero
    unless the arguments say so.

    Args:
        learning_rate: as in Keras. An entry moves by about 0.2 of it in a step.
        weight_decay: as in Keras.
        adam_weight_decay: as in Keras.
        **kwargs: those of `keras.optimizers.Muon`.

    Example:
        >>> model = gon_tf.GON(gon_tf.ConvDecoder((32, 32, 1), latent_dim=256))
        >>> model.compile(gon_tf.optimizers.Muon(8e-3))

    Source: Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024.
    """

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 1e-3,
        weight_decay: float | None = None,
        adam_weight_decay: float | None = None,
        **kwargs: Any,
    ):
        super().__init__(
            learning_rate, weight_decay=weight_decay, adam_weight_decay=adam_weight_decay, **kwargs
        )

    def _should_use_adamw(self, variable: keras.Variable) -> bool:
        if len(variable.shape) <= 2:
            return super()._should_use_adamw(variable)
        return any(re.search(name, variable.path) for name in self.exclude_layers)

    def zeropower_via_newtonschulz5(self, x: keras.KerasTensor, steps: int) -> keras.KerasTensor:
        """The orthogonal matrix nearest to `x`, in its shape."""
        return ops.reshape(super().zeropower_via_newtonschulz5(rows(x), steps), x.shape)

    def lr_adjust(self, x: keras.KerasTensor) -> keras.KerasTensor:
        """`x` times what makes its entries about 0.2 for an orthogonal matrix of any size."""
        return ops.reshape(super().lr_adjust(rows(x)), x.shape)


@keras.saving.register_keras_serializable("gon_tf")
class Scaled(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule times a number that may change, see `gon_tf.callbacks.DivergenceGuard`.

    Args:
        schedule: the planned learning rate, a Keras schedule.
        scale: the factor, > 0. What has been compiled keeps the one it was compiled with.

    Example:
        >>> plan = keras.optimizers.schedules.CosineDecay(8e-3, decay_steps=1000)
        >>> float(Scaled(plan, scale=0.5)(0))
        0.004...
    """

    def __init__(self, schedule: keras.optimizers.schedules.LearningRateSchedule, scale: float = 1):
        self.schedule, self.scale = schedule, scale

    def __call__(self, step: Any) -> Any:
        """The learning rate of a step."""
        return self.scale * self.schedule(step)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        schedule = keras.saving.serialize_keras_object(self.schedule)
        return {"schedule": schedule, "scale": self.scale}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Scaled:
        """The schedule that `get_config` describes."""
        return cls(**keras.saving.deserialize_keras_object(config))


def rows(kernel: keras.KerasTensor) -> keras.KerasTensor:
    """A kernel as a matrix with a column for each entry of its last axis."""
    return ops.reshape(kernel, (-1, kernel.shape[-1]))

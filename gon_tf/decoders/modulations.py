"""How latents enter an implicit decoder: shifts and scales of its hidden layers.

Each layer here maps latents `[batch, latent_dim]` to a pair (shift, scale) for every hidden layer
of the decoder, which then computes `scale * activation(W h + b + shift)`. Both are
`[batch, 1, width]`, or None for no change.
"""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops


class Linear(keras.layers.Layer):
    """`gain * (inputs @ kernel + bias)`, weights drawn from U(-bound, bound).

    The gain (a sine's omega) multiplies the kernel, which is far smaller than the outputs.
    """

    def __init__(
        self,
        inputs: int,
        units: int,
        bound: float,
        bias_bound: float | None = None,
        gain: float = 1.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.gain = gain
        self.kernel = self.add_weight(
            shape=(inputs, units), initializer=uniform(bound), name="kernel"
        )
        self.bias = None
        if bias_bound is not None:
            self.bias = self.add_weight(
                shape=(units,), initializer=uniform(bias_bound), name="bias"
            )
        self.built = True

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Outputs `[..., units]` of inputs `[..., inputs]`."""
        # One product of two matrices: with more axes, Keras' own fails for an unknown number of
        # points in a vectorised map.
        rows = ops.reshape(inputs, (-1, self.kernel.shape[0]))
        outputs = ops.matmul(rows, self.gain * self.kernel)
        if self.bias is not None:
            outputs = outputs + self.gain * self.bias
        return ops.reshape(outputs, (*ops.shape(inputs)[:-1], self.kernel.shape[1]))


class Concatenation(keras.layers.Layer):
    """Latents beside the coordinates: the first layer's product with its latents, a shift of it.

    Source: Bond-Taylor & Willcocks, "Gradient Origin Networks", ICLR 2021, section 3.3.
    """

    def __init__(
        self, latent_dim: int, width: int, gains: list[float], first_bound: float, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.others = len(gains) - 1
        self.first = Linear(latent_dim, width, first_bound, gain=gains[0], dtype=self.dtype_policy)
        self.built = True

    def call(self, latents: keras.KerasTensor) -> list[tuple[Any, Any]]:
        """(shift, scale) of each hidden layer."""
        return [(self.first(latents)[:, None], None)] + [(None, None)] * self.others


class Shifts(keras.layers.Layer):
    """A linear map of the latents shifts every hidden layer.

    Source: Dupont et al., "From data to functa", ICML 2022, section 3.1.
    """

    def __init__(
        self, latent_dim: int, width: int, gains: list[float], first_bound: float, **kwargs: Any
    ):
        super().__init__(**kwargs)
        # As the hidden layers' own: unit latents move the argument of a sine by about one.
        self.shifts = [
            Linear(
                latent_dim,
                width,
                math.sqrt(6.0 / latent_dim) / gain,
                gain=gain,
                dtype=self.dtype_policy,
            )
            for gain in gains
        ]
        self.built = True

    def call(self, latents: keras.KerasTensor) -> list[tuple[Any, Any]]:
        """(shift, scale) of each hidden layer."""
        return [(shift(latents)[:, None], None) for shift in self.shifts]


class Scales(keras.layers.Layer):
    """A ReLU network of the latents multiplies every hidden layer by one of its own.

    Each of its layers sees the one before and the latents.

    Source: Mehta et al., "Modulated Periodic Activations for Generalizable Local Functional
        Representations", ICCV 2021, equation 6.
    """

    def __init__(
        self, latent_dim: int, width: int, gains: list[float], first_bound: float, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.scales = []
        for number, _ in enumerate(gains):
            inputs = latent_dim + (width if number else 0)
            bound = 1.0 / math.sqrt(inputs)
            self.scales.append(Linear(inputs, width, bound, bound, dtype=self.dtype_policy))
        self.built = True

    def call(self, latents: keras.KerasTensor) -> list[tuple[Any, Any]]:
        """(shift, scale) of each hidden layer."""
        scales, seen = [], latents
        for layer in self.scales:
            scale = ops.relu(layer(seen))
            scales.append((None, scale[:, None]))
            seen = ops.concatenate([scale, latents], axis=-1)
        return scales


def uniform(bound: float) -> keras.initializers.Initializer:
    """U(-bound, bound)."""
    return keras.initializers.RandomUniform(-bound, bound)


MODULATIONS = {
    False: Concatenation,
    True: Scales,
    "multiplicative": Scales,
    "shift": Shifts,
}

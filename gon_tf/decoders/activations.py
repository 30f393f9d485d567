"""Activations a GON can train through.

The weights' gradient passes through the inner gradient, so it holds the activation's second
derivative. That of a piecewise linear function is zero: such a decoder learns nothing about the
latents.
"""

from __future__ import annotations

import keras
import tensorflow as tf
from keras import ops

PIECEWISE_LINEAR = ("relu", "relu6", "leaky_relu", "hard_sigmoid", "hard_tanh", "linear")
RECOMMENDED = ("elu", "selu", "silu", "softplus", "gelu", "tanh", "sigmoid")


def get(name: str, *, allow_piecewise_linear: bool = False):
    """The Keras activation called `name`.

    Raises:
        ValueError: if Keras has no such activation, or if it has no second derivative and
            `allow_piecewise_linear` is False.
    """
    if not isinstance(name, str):
        raise ValueError(f"activation must be a name such as 'elu'. Received: activation={name!r}")
    if name in PIECEWISE_LINEAR and not allow_piecewise_linear:
        raise ValueError(
            f"activation={name!r} is piecewise linear: its second derivative, through which a GON "
            f"learns, is zero. Use one of {', '.join(RECOMMENDED)}, or insist with "
            "allow_piecewise_linear=True."
        )
    try:
        return keras.activations.get(name)
    except ValueError:
        raise ValueError(
            f"activation must be a Keras activation such as {', '.join(RECOMMENDED)}. "
            f"Received: activation={name!r}"
        ) from None


# Slopes by the value: plain operators, which every format knows and which cost next to nothing.
SLOPES = {
    keras.activations.elu: lambda outputs: ops.minimum(outputs, 0.0) + 1.0,
    keras.activations.softplus: lambda outputs: 1.0 - ops.exp(-outputs),
    keras.activations.tanh: lambda outputs: 1.0 - ops.square(outputs),
    keras.activations.sigmoid: lambda outputs: outputs * (1.0 - outputs),
}


def value_and_slope(activation, inputs):
    """An element-wise activation of `inputs` and its derivative there, both of their shape.

    Args:
        activation: a function, or a `keras.layers.Activation`.
        inputs: a tensor.
    """
    function = getattr(activation, "activation", activation)
    if function in SLOPES:
        outputs = activation(inputs)
        return outputs, SLOPES[function](outputs)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = activation(inputs)
    return outputs, tape.gradient(outputs, inputs)

"""Activations a GON can train through.

The weights' gradient passes through the inner gradient, so it holds the activation's second
derivative. That of a piecewise linear function is zero: such a decoder learns nothing about the
latents.
"""

from __future__ import annotations

from collections.abc import Callable

import keras

PIECEWISE_LINEAR = ("relu", "relu6", "leaky_relu", "hard_sigmoid", "hard_tanh", "linear")
RECOMMENDED = ("elu", "selu", "silu", "softplus", "gelu", "tanh", "sigmoid")


def get(name: str, *, allow_piecewise_linear: bool = False) -> Callable:
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

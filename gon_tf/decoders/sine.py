"""The sine that a SIREN trains with: `tf.sin`, with its derivatives, for half the time on a CPU.

A step at 64 images of 784 points takes 50 million sines and as many cosines. TensorFlow takes one
pass over the memory for each of them and one more for the product in the gradient; here, a
polynomial compiled by XLA takes one pass for all that belongs together. What XLA makes is neither
portable nor ready at once (60 ms for each new shape), so it is for training only: what is exported
is `tf.sin`.
"""

from __future__ import annotations

import math

import tensorflow as tf

# pi in two parts, the first so short that its products with integers up to 2^16 are exact.
PI_HIGH = 201 / 64
PI_LOW = math.pi - PI_HIGH
# sin(r) = r + r^3 (c0 + c1 r^2 + ...) on [-pi/2, pi/2], to float32 rounding.
COEFFICIENTS = (-1.6666667e-1, 8.3333310e-3, -1.9840874e-4, 2.7525562e-6, -2.3889859e-8)


def sine(angles: tf.Tensor) -> tf.Tensor:
    """`tf.sin(angles)`, for training: of any shape, in float32 whatever the type, |angles| < 2e5.

    Tapes may be nested to any depth. In forward mode TensorFlow loses the second derivative of
    what has a gradient of its own, so take `tf.sin` there. It is `tf.sin` itself on a GPU, and
    outside of a graph, where each shape would be compiled for a few calls.
    """
    if tf.executing_eagerly() or tf.config.list_logical_devices("GPU"):
        return tf.sin(angles)
    return differentiable_sine(angles)


@tf.custom_gradient
def differentiable_sine(angles: tf.Tensor) -> tf.Tensor:
    """`tf.sin(angles)`, whose gradient is `times_sine` a quarter of a turn ahead."""
    return compiled_sine(angles), lambda upstream: times_sine(upstream, angles, quarters=1)


def times_sine(factors: tf.Tensor, angles: tf.Tensor, quarters: int) -> tf.Tensor:
    """`factors * sin(angles + quarters * pi / 2)`; its gradients are of the same kind."""

    @tf.custom_gradient
    def product(factors, angles):
        def gradient(upstream):
            return (
                times_sine(upstream, angles, quarters),
                times_sine(upstream * factors, angles, quarters + 1),
            )

        return compiled_product(factors, angles, quarters), gradient

    return product(factors, angles)


@tf.function(jit_compile=True, autograph=False, reduce_retracing=True)
def compiled_sine(angles: tf.Tensor) -> tf.Tensor:
    """`polynomial_sine` in one pass over the memory."""
    return polynomial_sine(angles)


@tf.function(jit_compile=True, autograph=False, reduce_retracing=True)
def compiled_product(factors: tf.Tensor, angles: tf.Tensor, quarters: int) -> tf.Tensor:
    """The product in `times_sine` in one pass over the memory."""
    return factors * polynomial_sine(angles, quarters)


def polynomial_sine(angles: tf.Tensor, quarters: int = 0) -> tf.Tensor:
    """`sin(angles + quarters * pi / 2)`, computed in float32, in plain operators."""
    x = tf.cast(angles, tf.float32)
    # x + quarters * pi/2 = turns * pi + rest, so that its sine is that of the rest, or minus that.
    turns = tf.round(x / math.pi + quarters / 2)
    multiple = turns - quarters / 2
    rest = (x - multiple * PI_HIGH) - multiple * PI_LOW
    square = tf.square(rest)
    series = tf.zeros_like(rest)
    for coefficient in reversed(COEFFICIENTS):
        series = coefficient + series * square
    sign = 1.0 - 2.0 * tf.abs(turns - 2.0 * tf.round(turns / 2.0))
    return tf.cast(sign * (rest + rest * square * series), angles.dtype)

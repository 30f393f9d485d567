"""Chains of layers, linear or of single values, and their derivatives: two linear maps.

Automatic differentiation would do, but not as well: all tangents of an origin share the slopes of
the activations, the tangents of a first layer are its kernel, and what goes back is made of the
same plain operators as what goes forwards, so that other formats have it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops


@dataclass(frozen=True)
class Derivative:
    """The derivative of a layer at some inputs, `[n, ...]`.

    Attributes:
        push: from tangents of the inputs, `[n, k, ...]`, to those of the outputs. None stands for
            the unit vectors of `[n, k]` inputs.
        pull: from cotangents of the outputs, `[batch, ...]`, to those of the inputs; n is 1 or the
            batch.
    """

    push: Callable[[Any], tf.Tensor]
    pull: Callable[[tf.Tensor], tf.Tensor]


@dataclass(frozen=True)
class Sum:
    """The sum of several chains of the same inputs; a chain of nothing gives these back."""

    chains: Sequence[Sequence[Callable]]

    def __call__(self, values: tf.Tensor) -> tf.Tensor:
        """The sum for `values`."""
        first, *others = (outputs(chain, values) for chain in self.chains)
        return sum(others, first)


def outputs(chain: Sequence[Callable], values: tf.Tensor) -> tf.Tensor:
    """What the layers of a chain make of `values`, one after the other."""
    for layer in chain:
        values = layer(values)
    return values


def linearized(chain: Sequence[Callable], values: tf.Tensor) -> tuple[tf.Tensor, Derivative]:
    """The outputs of a chain and its derivative at `values`."""
    derivatives = []
    for layer in chain:
        values, derivative = linearize(layer, values)
        derivatives.append(derivative)

    def push(tangents):
        for derivative in derivatives:
            tangents = derivative.push(tangents)
        return tangents

    def pull(cotangents):
        for derivative in reversed(derivatives):
            cotangents = derivative.pull(cotangents)
        return cotangents

    return values, Derivative(push, pull)


@functools.singledispatch
def linearize(layer: Callable, values: tf.Tensor) -> tuple[tf.Tensor, Derivative]:
    """The outputs of a layer and its derivative at `values`: here of an activation."""
    values, slopes = value_and_slope(layer, values)

    def push(tangents):
        return ops.cast(tangents, slopes.dtype) * slopes[:, None]

    def pull(cotangents):
        return ops.cast(cotangents, slopes.dtype) * slopes

    return values, Derivative(push, pull)


@linearize.register
def _(layer: Sum, values):
    parts = [linearized(chain, values) for chain in layer.chains]

    def push(tangents):
        first, *others = (derivative.push(tangents) for _, derivative in parts)
        return sum((ops.cast(other, first.dtype) for other in others), first)

    def pull(cotangents):
        first, *others = (derivative.pull(cotangents) for _, derivative in parts)
        return sum((ops.cast(other, first.dtype) for other in others), first)

    first, *others = (part for part, _ in parts)
    return sum(others, first), Derivative(push, pull)


@linearize.register(keras.layers.Dense)
@linearize.register(keras.layers.EinsumDense)
def _(layer, values):
    """A matrix from the last axis to one axis or more."""
    axes = list(range(1, len(layer.kernel.shape)))

    def push(tangents):
        kernel = cast_kernel(layer)
        if tangents is None:
            return kernel[None]
        return ops.tensordot(ops.cast(tangents, kernel.dtype), kernel, axes=1)

    def pull(cotangents):
        return ops.tensordot(cotangents, ops.cast(layer.kernel, cotangents.dtype), [axes, axes])

    return layer(values), Derivative(push, pull)


@linearize.register
def _(layer: keras.layers.Conv2DTranspose, values):
    """A 4x4 kernel of stride 2."""

    def pull(cotangents):
        kernel = cast_kernel(layer)
        return convolved(ops.cast(cotangents, kernel.dtype), kernel, strides=2)

    return layer(values), Derivative(lambda tangents: upsample(tangents, layer), pull)


@linearize.register
def _(layer: keras.layers.Conv2D, values):
    """An odd kernel of stride 1."""

    def push(tangents):
        kernel = cast_kernel(layer)
        return of_all(lambda t: convolved(ops.cast(t, kernel.dtype), kernel), tangents)

    def pull(cotangents):
        # Backwards the kernel is turned by half a circle.
        kernel = ops.transpose(ops.flip(cast_kernel(layer), (0, 1)), (0, 1, 3, 2))
        return convolved(ops.cast(cotangents, kernel.dtype), kernel)

    return layer(values), Derivative(push, pull)


@linearize.register
def _(layer: keras.layers.Reshape, values):
    """Another shape of the same values."""

    def push(tangents):
        return ops.reshape(tangents, (*ops.shape(tangents)[:2], *layer.target_shape))

    def pull(cotangents):
        return ops.reshape(cotangents, (-1, *values.shape[1:]))

    return layer(values), Derivative(push, pull)


def cast_kernel(layer: Any) -> tf.Tensor:
    """A layer's kernel in the type that the layer computes in."""
    return ops.cast(layer.kernel, layer.compute_dtype)


def convolved(images: tf.Tensor, kernel: tf.Tensor, strides: int = 1) -> tf.Tensor:
    """The convolution of a decoder's layer, of any number of images."""
    return ops.conv(images, kernel, strides=strides, padding="same", data_format="channels_last")


def of_all(function: Callable, tangents: tf.Tensor) -> tf.Tensor:
    """A function of images, of `[n, k, ...]` of them."""
    images = function(ops.reshape(tangents, (-1, *tangents.shape[2:])))
    return ops.reshape(images, (*ops.shape(tangents)[:2], *images.shape[1:]))


# Slopes by the value: plain operators, which every format knows and which cost next to nothing.
SLOPES = {
    keras.activations.elu: lambda outputs: ops.minimum(outputs, 0.0) + 1.0,
    keras.activations.softplus: lambda outputs: 1.0 - ops.exp(-outputs),
    keras.activations.tanh: lambda outputs: 1.0 - ops.square(outputs),
    keras.activations.sigmoid: lambda outputs: outputs * (1.0 - outputs),
}


def value_and_slope(activation: Callable, inputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
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


# Which row of a 4x4 kernel with stride 2 leads from input row i + d - 1 to output row 2 i + phase:
# ROWS[phase, d, row] is 1 for that one.
ROWS = np.zeros((2, 3, 4), np.float32)
ROWS[0, 0, 3] = ROWS[0, 1, 1] = ROWS[1, 1, 2] = ROWS[1, 2, 0] = 1.0


def upsample(tangents: tf.Tensor, layer: keras.layers.Conv2DTranspose) -> tf.Tensor:
    """`[n, k, height, width, channels]` to twice the sides: `layer` without its bias."""
    kernel = cast_kernel(layer)
    double = narrow_upsample if layer.filters <= 4 else transposed
    return of_all(lambda images: double(ops.cast(images, kernel.dtype), kernel), tangents)


def transposed(images: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """The transposed convolution of a decoder's layer, to twice the sides."""
    return ops.conv_transpose(
        images, kernel, strides=2, padding="same", data_format="channels_last"
    )


@tf.custom_gradient
def narrow_upsample(images: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """A 4x4 transposed convolution of stride 2 to few channels: the picture's, as a rule.

    The four pixels that a pixel becomes are channels of a 3x3 convolution, which on a CPU takes
    half the time of the transposed one. Backwards, the transposed one is faster.
    """
    channels, inputs = kernel.shape[2:]
    rows = tf.cast(ROWS, kernel.dtype)
    phases = tf.einsum("adk,bel,kloi->deiabo", rows, rows, kernel)
    phases = tf.reshape(phases, [3, 3, inputs, 4 * channels])
    outputs = tf.nn.depth_to_space(tf.nn.conv2d(images, phases, 1, "SAME"), 2)

    def gradient(upstream):
        with tf.GradientTape() as tape:
            tape.watch((images, kernel))
            pictures = transposed(images, kernel)
        return tape.gradient(pictures, (images, kernel), output_gradients=upstream)

    return outputs, gradient

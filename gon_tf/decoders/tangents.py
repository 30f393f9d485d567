"""How tangents pass the transposed convolutions of a decoder: the layers without their biases."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from keras import ops

# Which row of a 4x4 kernel with stride 2 leads from input row i + d - 1 to output row 2 i + phase:
# ROWS[phase, d, row] is 1 for that one.
ROWS = np.zeros((2, 3, 4), np.float32)
ROWS[0, 0, 3] = ROWS[0, 1, 1] = ROWS[1, 1, 2] = ROWS[1, 2, 0] = 1.0


def upsample(tangents, layer: keras.layers.Conv2DTranspose):
    """`[n, k, height, width, channels]` to twice the sides: `layer` without its bias."""
    kernel = ops.cast(layer.kernel, layer.compute_dtype)
    images = ops.cast(ops.reshape(tangents, (-1, *tangents.shape[2:])), layer.compute_dtype)
    if layer.filters <= 4:
        images = narrow_upsample(images, kernel)
    else:
        images = ops.conv_transpose(images, kernel, strides=2, padding="same")
    return ops.reshape(images, (*ops.shape(tangents)[:2], *images.shape[1:]))


@tf.custom_gradient
def narrow_upsample(images, kernel):
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
            transposed = ops.conv_transpose(images, kernel, strides=2, padding="same")
        return tape.gradient(transposed, (images, kernel), output_gradients=upstream)

    return outputs, gradient

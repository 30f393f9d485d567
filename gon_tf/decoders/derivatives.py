"""What decoders know of their own derivatives: `network_of` gives a decoder as the origin needs it.

Decoders are plain Keras models. Automatic differentiation serves any of them; for the two of this
project the same derivatives are had for a fraction of the work, and for one's own decoders too:

    @network_of.register
    def _(decoder: MyDecoder, logits, training=None, before=None):
        return MyNetwork(...)  # a gon_tf.origin.Network
"""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from gon_tf.decoders.conv import ConvDecoder
from gon_tf.decoders.protocol import Decoder
from gon_tf.origin import Gradient, Network


@functools.singledispatch
def network_of(
    decoder: keras.Model,
    logits: bool,
    training: bool | None = None,
    before: keras.layers.Dense | None = None,
) -> Network:
    """A decoder as a `gon_tf.origin.Network`, with the derivatives that it knows itself.

    Args:
        decoder: a built Keras model from latents to pictures.
        logits: whether the outputs are those before the output activation, float32 in any case.
        training: as in Keras.
        before: a built Dense layer between the latents of the network and the decoder's, or None.

    Example:
        >>> network = network_of(gon_tf.ConvDecoder((8, 8, 1), latent_dim=4), logits=False)
        >>> outputs, jacobian = network.jacobian(np.zeros((1, 4), "float32"))
        >>> tuple(jacobian.shape)
        (1, 4, 64)
    """

    def function(latents):
        drawn = latents if before is None else before(latents)
        if not logits:
            outputs = decoder(drawn, training=training)
        elif isinstance(decoder, Decoder):
            outputs = decoder.logits(drawn, training=training)
        else:
            pictures = ops.cast(decoder(drawn, training=training), "float32")
            pictures = ops.clip(pictures, keras.config.epsilon(), 1.0 - keras.config.epsilon())
            outputs = ops.log(pictures) - ops.log1p(-pictures)
        return ops.cast(outputs, "float32")

    return Network(function)


@network_of.register
def _(
    decoder: ConvDecoder,
    logits: bool,
    training: bool | None = None,
    before: keras.layers.Dense | None = None,
) -> Network:
    network = network_of.dispatch(keras.Model)(decoder, logits, training, before)
    if decoder.normalization is not None:  # mixes values
        return network
    for name in ("logits", "call"):
        if getattr(type(decoder), name) is not getattr(ConvDecoder, name):
            warnings.warn(
                f"{type(decoder).__name__} has a {name} of its own, so ConvDecoder's fast "
                "derivatives are not its: they are taken by automatic differentiation. Register "
                "better ones with gon_tf.decoders.derivatives.network_of.",
                stacklevel=2,
            )
            return network
    return ConvNetwork(network.function, decoder, logits, before)


class ConvNetwork(Network):
    """A `ConvDecoder` of linear layers and activations of single values.

    The tangents of its first layer are the kernel, and the slopes of the activations are the same
    for all of them: three quarters of the time of forward mode.
    """

    is_plain = True

    def __init__(
        self,
        function: Callable,
        decoder: ConvDecoder,
        logits: bool,
        before: keras.layers.Dense | None = None,
    ):
        super().__init__(function)
        self.decoder, self.before = decoder, before
        self.squashes = decoder.output_activation == "sigmoid" and not logits

    def jacobian(self, latents: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Outputs and J transposed, float32."""
        first, *upsamplings = self.decoder.projections
        tangents = ops.cast(first.kernel, first.compute_dtype)
        if self.before is not None:
            latents = self.before(latents)
            kernel = ops.cast(self.before.kernel, tangents.dtype)
            tangents = ops.tensordot(kernel, tangents, axes=1)
        values, tangents = first(latents), tangents[None]
        for activate, layer in zip(self.decoder.hidden_activations, upsamplings, strict=True):
            values, slopes = value_and_slope(activate, values)
            values, tangents = layer(values), upsample(tangents * slopes[:, None], layer)
        if self.squashes:
            values, slopes = value_and_slope(keras.activations.sigmoid, values)
            tangents = tangents * slopes[:, None]
        shape = (*ops.shape(tangents)[:2], math.prod(self.decoder.image_shape))
        return ops.cast(values, "float32"), ops.cast(ops.reshape(tangents, shape), "float32")

    def pull_back(self, latents: tf.Tensor) -> tuple[tf.Tensor, Gradient]:
        """Outputs, float32, and the function from their cotangents to the latents'.

        Of its operators each has its counterpart in other formats, which know no gradients.
        """
        first, *upsamplings = self.decoder.projections
        drawn = latents if self.before is None else self.before(latents)
        values, hidden, output_slopes = first(drawn), [], 1.0
        for activate, layer in zip(self.decoder.hidden_activations, upsamplings, strict=True):
            values, slopes = value_and_slope(activate, values)
            hidden.append((slopes, layer))
            values = layer(values)
        if self.squashes:
            values, output_slopes = value_and_slope(keras.activations.sigmoid, values)

        def pull(cotangents):
            cotangents = ops.cast(cotangents, values.dtype) * output_slopes
            for slopes, layer in reversed(hidden):
                kernel = ops.cast(layer.kernel, layer.compute_dtype)
                cotangents = ops.cast(cotangents, layer.compute_dtype)
                cotangents = ops.conv(
                    cotangents, kernel, strides=2, padding="same", data_format="channels_last"
                )
                cotangents = slopes * ops.cast(cotangents, slopes.dtype)
            kernel = ops.cast(first.kernel, cotangents.dtype)
            pulled = ops.tensordot(cotangents, kernel, [(1, 2, 3), (1, 2, 3)])
            pulled = ops.cast(pulled, "float32")
            return pulled if self.before is None else pulled @ ops.transpose(self.before.kernel)

        return ops.cast(values, "float32"), pull


class PointwiseNetwork(Network):
    """A decoder of latents and coordinates, at some points: `[n, points, channels]` float32.

    Args:
        decode: the decoder, a function of latents and coordinates.
        coordinates: `[points, coordinate_dim]` or `[n, points, coordinate_dim]`.
    """

    jacobian_is_cheap = True

    def __init__(self, decode: Callable, coordinates: tf.Tensor):
        super().__init__(lambda latents: ops.cast(decode(latents, coordinates), "float32"))
        self.decode, self.coordinates = decode, coordinates

    def jacobian(self, latents: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Outputs and J transposed, by a pass for each channel instead of one for each latent.

        A value depends on no other point. If each point has latents of its own, one cotangent for
        a channel gives the derivatives of all its values.
        """
        latent_dim, dim = latents.shape[-1], self.coordinates.shape[-1]
        n, points = tf.shape(latents)[0], tf.shape(self.coordinates)[-2]
        own_latents = tf.repeat(latents, points, axis=0)
        own_points = tf.reshape(tf.broadcast_to(self.coordinates, [n, points, dim]), [-1, 1, dim])
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(own_latents)
            values = ops.cast(self.decode(own_latents, own_points), "float32")
            channels = tf.unstack(values, axis=-1)
        derivatives = [tape.gradient(channel, own_latents) for channel in channels]
        jacobian = tf.reshape(tf.stack(derivatives, axis=-1), [n, points, latent_dim, -1])
        jacobian = tf.reshape(tf.transpose(jacobian, [0, 2, 1, 3]), [n, latent_dim, -1])
        return tf.reshape(values, [n, points, len(channels)]), jacobian


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
    kernel = ops.cast(layer.kernel, layer.compute_dtype)
    images = ops.cast(ops.reshape(tangents, (-1, *tangents.shape[2:])), layer.compute_dtype)
    images = narrow_upsample(images, kernel) if layer.filters <= 4 else transposed(images, kernel)
    return ops.reshape(images, (*ops.shape(tangents)[:2], *images.shape[1:]))


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

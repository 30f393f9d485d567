"""What decoders know of their own derivatives: `network_of` gives a decoder as the origin needs it.

Decoders are plain Keras models. Automatic differentiation serves any of them; for those of this
project the same derivatives are had for a fraction of the work, and for one's own decoders too:

    @network_of.register
    def _(decoder: MyDecoder, logits, training=None, before=None):
        return MyNetwork(...)  # a gon_tf.origin.Network
"""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable, Sequence

import keras
import tensorflow as tf
from keras import ops

from gon_tf.decoders import linear
from gon_tf.decoders.conv import ConvDecoder
from gon_tf.decoders.protocol import Decoder
from gon_tf.decoders.residual import ResidualDecoder
from gon_tf.decoders.sketch import LinearDecoder
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


@network_of.register(ConvDecoder)
@network_of.register(LinearDecoder)
@network_of.register(ResidualDecoder)
def _(
    decoder: ConvDecoder | LinearDecoder | ResidualDecoder,
    logits: bool,
    training: bool | None = None,
    before: keras.layers.Dense | None = None,
) -> Network:
    network = network_of.dispatch(keras.Model)(decoder, logits, training, before)
    if decoder.chain is None:  # something mixes values
        return network
    kinds = (ConvDecoder, LinearDecoder, ResidualDecoder)
    own = next(kind for kind in kinds if isinstance(decoder, kind))
    for name in ("logits", "call"):
        if getattr(type(decoder), name) is not getattr(own, name):
            warnings.warn(
                f"{type(decoder).__name__} has a {name} of its own, so {own.__name__}'s fast "
                "derivatives are not its: they are taken by automatic differentiation. Register "
                "better ones with gon_tf.decoders.derivatives.network_of.",
                stacklevel=2,
            )
            return network
    chain = decoder.chain if before is None else [before, *decoder.chain]
    if decoder.output_activation == "sigmoid" and not logits:
        chain = [*chain, keras.activations.sigmoid]
    return ChainNetwork(network.function, chain)


class ChainNetwork(Network):
    """A chain of linear layers and activations of single values (see `gon_tf.decoders.linear`).

    The tangents of its first layer are the kernel, and the slopes of the activations are the same
    for all of them: three quarters of the time of forward mode.
    """

    is_plain = True

    def __init__(self, function: Callable, chain: Sequence[Callable]):
        super().__init__(function)
        self.chain = chain

    def jacobian(self, latents: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Outputs and J transposed, float32."""
        values, derivative = linear.linearized(self.chain, latents)
        tangents = ops.cast(derivative.push(None), "float32")
        shape = (*ops.shape(tangents)[:2], math.prod(values.shape[1:]))
        return ops.cast(values, "float32"), ops.reshape(tangents, shape)

    def pull_back(self, latents: tf.Tensor) -> tuple[tf.Tensor, Gradient]:
        """Outputs, float32, and the function from their cotangents to the latents'.

        Of its operators each has its counterpart in other formats, which know no gradients.
        """
        values, derivative = linear.linearized(self.chain, latents)

        def pull(cotangents):
            return ops.cast(derivative.pull(ops.cast(cotangents, values.dtype)), "float32")

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

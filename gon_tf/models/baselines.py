"""Autoencoders with an encoder: what a GON's decoder does when it is given one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from gon_tf.decoders.conv import normalization_layer
from gon_tf.models import encoders
from gon_tf.models.base import LatentModel, Problem
from gon_tf.models.elbo import Variational
from gon_tf.models.posterior import Gaussian, Point


@keras.saving.register_keras_serializable("gon_tf")
class Autoencoder(LatentModel):
    """A decoder and an encoder of its own: z(x) = E(x), minimise loss(F(E(x)), x).

    Args:
        decoder: a `gon_tf.ConvDecoder`; with `encoder`, any built Keras model from
            `[batch, latent_dim]` to `[batch, height, width, channels]`.
        loss: "squared_error", or "cross_entropy" (nats) for a decoder whose outputs are in [0, 1].
        encoder: a built Keras model from float32 images in [0, 1], `[batch, height, width,
            channels]`, to `[batch, latent_dim]`. By default the decoder's mirror image (see
            `gon_tf.models.encoders.mirrored`), which has about as many parameters as the decoder.
        latent_regularizer: factor of the squared length of the latents in the loss, >= 0.
        components: number of Gaussians in the prior, see `LatentModel`.
        **kwargs: `prior` and `rank`, see `LatentModel`.

    Raises:
        ValueError: if an argument is out of range, or the decoder needs an `encoder`.
        TypeError: if `decoder` or `encoder` is not a Keras model.

    Example:
        >>> model = gon_tf.Autoencoder(gon_tf.ConvDecoder((32, 32, 1), latent_dim=256))
        >>> model.compile(keras.optimizers.Adam(2e-3))
        >>> model.fit(images, epochs=10)            # uint8, or float in [0, 1]
        >>> model.encode(images[:8]).shape
        (8, 256)

    Source: Hinton & Salakhutdinov, "Reducing the Dimensionality of Data with Neural Networks",
    Science 2006. The baseline of Bond-Taylor & Willcocks, ICLR 2021, section 4.
    """

    def __init__(
        self,
        decoder: keras.Model,
        loss: str | Callable = "squared_error",
        encoder: keras.Model | None = None,
        latent_regularizer: float = 0.0,
        components: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(decoder, loss, latent_regularizer, components, **kwargs)
        self.encoder = encoder
        self.encoder_network = encoders.encoder_for(self, self.latent_dim)

    def posterior(self, problem: Problem) -> Point:
        """The latents of a batch of images."""
        latents = self.encoder_network(problem.images, training=problem.training)
        return Point(ops.cast(latents, "float32"))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        encoder = keras.saving.serialize_keras_object(self.encoder)
        return {**super().get_config(), "encoder": encoder}


@keras.saving.register_keras_serializable("gon_tf")
class TiedAutoencoder(LatentModel):
    """An autoencoder whose encoder is the decoder's transpose: it has biases of its own only.

    The encoder is the mirror image of the decoder (see `Autoencoder`) with the decoder's kernels,
    used the other way round: for the layers h -> act(W h + b) of the decoder, in reverse order,

        h -> act(W^T h + c)

    where the transpose of a transposed convolution is the strided convolution with its kernel. Only
    the biases c are the encoder's, and the scales and biases of its normalisation layers if the
    decoder has any.

    Args:
        decoder: a `gon_tf.ConvDecoder`.
        loss: "squared_error", or "cross_entropy" (nats) for a decoder whose outputs are in [0, 1].
        latent_regularizer: factor of the squared length of the latents in the loss, >= 0.
        components: number of Gaussians in the prior, see `LatentModel`.
        **kwargs: `prior` and `rank`, see `LatentModel`.

    Raises:
        ValueError: if an argument is out of range, or the decoder is of another class.
        TypeError: if `decoder` is not a Keras model.

    Example:
        >>> model = gon_tf.TiedAutoencoder(gon_tf.ConvDecoder((32, 32, 1), latent_dim=256))
        >>> model.compile(keras.optimizers.Adam(2e-3))
        >>> model.fit(images, epochs=10)

    Source: Vincent et al., "Stacked Denoising Autoencoders", JMLR 2010, section 2.1. A GON's
    parameters, the encoder's biases apart.
    """

    def __init__(
        self,
        decoder: keras.Model,
        loss: str | Callable = "squared_error",
        latent_regularizer: float = 0.0,
        components: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(decoder, loss, latent_regularizer, components, **kwargs)
        encoders.check_conv(decoder, "")
        self.widths = [layer.kernel.shape[-1] for layer in reversed(decoder.projections[1:])]
        self.biases = [self._bias(width) for width in [*self.widths, self.latent_dim]]
        self.normalizations = [
            normalization_layer(decoder.normalization, width) for width in self.widths
        ]
        for layer, width in zip(self.normalizations, self.widths, strict=True):
            layer.build((None, None, None, width))

    def _bias(self, width):
        return self.add_weight(shape=(width,), initializer="zeros", dtype="float32", name="bias")

    def posterior(self, problem: Problem) -> Point:
        """The latents of a batch of images."""
        activate = keras.activations.get(self.decoder.activation)
        first, *upsamplings = self.decoder.projections
        *biases, last_bias = self.biases
        hidden = problem.images
        for layer, bias, normalize in zip(
            reversed(upsamplings), biases, self.normalizations, strict=True
        ):
            kernel = ops.cast(layer.kernel, self.compute_dtype)
            hidden = ops.cast(hidden, kernel.dtype)
            hidden = ops.conv(
                hidden, kernel, strides=2, padding="same", data_format="channels_last"
            )
            hidden = normalize(hidden + ops.cast(bias, hidden.dtype), training=problem.training)
            hidden = activate(hidden)
        latents = ops.einsum("bhwc,lhwc->bl", ops.cast(hidden, "float32"), first.kernel)
        return Point(latents + last_bias)


@keras.saving.register_keras_serializable("gon_tf")
class VariationalAutoencoder(Variational, LatentModel):
    """Variational autoencoder: an encoder gives the mean and log-variance of the latents.

    Training minimises the negative evidence lower bound, in nats; the encoder E gives m and v
    together:

        [m(x), v(x)] = E(x),        z = m(x) + exp(v(x) / 2) * noise,        noise ~ N(0, I)
        -ELBO(x) = loss(F(z), x) + kl_weight * KL(N(m, exp(v)) || N(0, I))

    At inference the latents are the mean. For samples see `Variational`.

    Args:
        decoder: a `gon_tf.ConvDecoder`; with `encoder`, any built Keras model from
            `[batch, latent_dim]` to `[batch, height, width, channels]`.
        loss: "cross_entropy", or "squared_error" (nats, but for a constant, of pixels with a
            Gaussian error of variance 1/2).
        kl_weight: factor of the divergence in the loss, >= 0; see `gon_tf.callbacks.KLWarmup`.
        encoder: a built Keras model from float32 images in [0, 1] to `[batch, 2 * latent_dim]`: the
            mean, then the log-variance. By default the decoder's mirror image with these two heads.
        latent_regularizer: factor of the squared length of the drawn latents in the loss, >= 0.
        **kwargs: `prior`, `components` and `rank`, see `LatentModel`.

    Raises:
        ValueError: if an argument is out of range, or the decoder needs an `encoder`.
        TypeError: if `decoder` or `encoder` is not a Keras model.

    Example:
        >>> decoder = gon_tf.ConvDecoder((32, 32, 1), latent_dim=256, normalization="instance")
        >>> model = gon_tf.VariationalAutoencoder(decoder)
        >>> model.compile(keras.optimizers.Adam(4e-3))
        >>> model.fit(images, epochs=10)
        >>> model.sample(16).shape
        (16, 32, 32, 1)

    Source: Kingma & Welling, "Auto-Encoding Variational Bayes", ICLR 2014, equations 3 and 10.
    """

    def __init__(
        self,
        decoder: keras.Model,
        loss: str | Callable = "cross_entropy",
        kl_weight: float = 1.0,
        encoder: keras.Model | None = None,
        latent_regularizer: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(decoder, loss, latent_regularizer, **kwargs)
        self.add_bound(kl_weight)
        self.encoder = encoder
        self.encoder_network = encoders.encoder_for(self, 2 * self.latent_dim)

    def posterior(self, problem: Problem) -> Gaussian:
        """The Gaussian of a batch of images, of independent latents."""
        heads = self.encoder_network(problem.images, training=problem.training)
        return Gaussian(*ops.split(ops.cast(heads, "float32"), 2, axis=-1))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        encoder = keras.saving.serialize_keras_object(self.encoder)
        return {**super().get_config(), "encoder": encoder}

"""What variational models share: draws from an image's posterior and the evidence lower bound."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from gon_tf import arguments, latents, losses, metrics
from gon_tf.models import inputs
from gon_tf.models.base import LatentModel


@dataclass(frozen=True)
class Posterior:
    """The Gaussian of the latents of each image, given the image.

    Attributes:
        mean: m, `[batch, latent_dim]`.
        log_variance: v, `[batch, latent_dim]`.
        correlation_root: lower triangular R, `[latent_dim, latent_dim]`, if latents are correlated:
            R^T R is the matrix of their correlations, the same for all images.
    """

    mean: tf.Tensor
    log_variance: tf.Tensor
    correlation_root: tf.Tensor | None = None

    def draw(self, noise):
        """Latents m + exp(v / 2) * (noise R), of standard normal noise `[batch, latent_dim]`."""
        if self.correlation_root is not None:
            noise = ops.matmul(noise, self.correlation_root)
        return self.mean + ops.exp(0.5 * self.log_variance) * noise

    def kl_divergence(self):
        """Divergence from the prior N(0, I) in nats, `[batch]`."""
        kl = losses.kl_divergence(self.mean, self.log_variance)
        if self.correlation_root is not None:
            kl -= ops.sum(ops.log(ops.diagonal(self.correlation_root)))  # log det(R^T R) / 2
        return kl


class VariationalModel(LatentModel):
    """A model whose latents of an image are a Gaussian, trained on the evidence lower bound.

    A subclass says by `posterior_of` what the mean m and the log-variance v of the latents of an
    image x are. Training minimises the negative evidence lower bound (ELBO), in nats, at one draw
    of the latents; the prior is N(0, I):

        z = m(x) + exp(v(x) / 2) * noise,        noise ~ N(0, I)
        -ELBO(x) = loss(F(z), x) + kl_weight * KL(N(m, exp(v)) || N(0, I))

    At inference the latents are the mean. `evaluate` draws its own noise, the same at every call.

    Args:
        decoder: as in `LatentModel`.
        loss: "cross_entropy" (nats of binary pixels), or "squared_error" (nats, but for a constant,
            of pixels with a Gaussian error of variance 1/2).
        kl_weight: factor of the divergence from the prior, >= 0. `model.kl_weight` is a variable
            that a callback may change during training, as `gon_tf.callbacks.KLWarmup` does.
        latent_regularizer: factor of the squared length of the drawn latents in the loss, >= 0.
        **kwargs: as in `LatentModel`.

    Source: Kingma & Welling, "Auto-Encoding Variational Bayes", ICLR 2014, equations 3 and 10.
    """

    def __init__(
        self, decoder, loss="cross_entropy", kl_weight=1.0, latent_regularizer=0.0, **kwargs
    ):
        super().__init__(
            decoder=decoder, loss=loss, latent_regularizer=latent_regularizer, **kwargs
        )
        self.initial_kl_weight = arguments.number("kl_weight", kl_weight)
        self.kl_weight = self.add_weight(
            shape=(),
            initializer=keras.initializers.Constant(self.initial_kl_weight),
            dtype="float32",
            trainable=False,
            name="kl_weight",
        )
        self.noise_seed = self.add_seed("noise_seed")
        self.nats_metrics = [
            keras.metrics.Mean(name=name) for name in ("reconstruction_loss", "kl", "negative_elbo")
        ]
        self.bits_per_dimension = metrics.BitsPerDimension()
        self.active_units = metrics.ActiveUnits(self.latent_dim)

    def posterior_of(self, images, training=None):
        """The `Posterior` of a batch of float32 images, inside a graph."""
        raise TypeError(f"{type(self).__name__} must say what the posterior is: posterior_of")

    def latents_of(self, images, training=None):
        """The posterior's mean."""
        return self.posterior_of(images, training=training).mean

    def draw_noise(self, images, training):
        """Standard normal noise for the latents of a batch of images, `[batch, latent_dim]`.

        Training takes another seed at each call. In an evaluation the seed is the number of images
        seen before, so that the same data set gets the same noise whenever it is evaluated.
        """
        if training:
            seed = tf.identity(self.noise_seed)
            self.noise_seed.assign_add([0, 1])
        else:
            seed = tf.stack([0, tf.cast(self.loss_metric.count, "int32")])
        # Each replica takes its rows of the noise that one device would draw for all of them.
        context, count = tf.distribute.get_replica_context(), tf.shape(images)[0]
        shape = [context.num_replicas_in_sync * count, self.latent_dim]
        first = context.replica_id_in_sync_group * count
        return tf.random.stateless_normal(shape, seed)[first : first + count]

    def batch_loss(self, data, training):
        """Negative ELBO of a batch, mean over its images; updates the metrics."""
        images = inputs.to_unit_range(inputs.only_images(data))
        posterior = self.posterior_of(images, training=training)
        drawn = posterior.draw(self.draw_noise(images, training))
        outputs = self.network(drawn, training=training)
        error, kl = self.pixel_loss(outputs, images), posterior.kl_divergence()
        loss = ops.mean(error + self.kl_weight * kl) + self.penalty(drawn)
        for metric, nats in zip(self.nats_metrics, (error, kl, error + kl), strict=True):
            metric.update_state(nats)
        self.bits_per_dimension.update_state(images, error + kl)
        self.active_units.update_state(posterior.mean)
        # In training the pictures of the drawn latents are at hand; `evaluate` looks at what
        # `reconstruct` gives.
        if training:
            reconstructions = self.pixel_loss.outputs_to_images(outputs)
        else:
            reconstructions = self.images_of(posterior.mean)
        self.update_metrics(images, reconstructions, loss)
        return loss

    @property
    def reported_metrics(self):
        """Metrics that `fit` and `evaluate` report."""
        return [
            *super().reported_metrics,
            *self.nats_metrics,
            self.bits_per_dimension,
            self.active_units,
        ]

    # Samples come from the prior: there is no distribution to fit.

    def build_mixture(self, shape):
        """Creates nothing.

        Raises:
            ValueError: if there is more than one component.
        """
        if self.components > 1:
            raise ValueError(
                f"{type(self).__name__} samples from the prior N(0, I), not from a mixture. "
                f"Received: components={self.components}"
            )

    def sample_latents(self, seeds) -> np.ndarray:
        """One draw of latents for each seed, from the prior N(0, I)."""
        return latents.standard_normal(seeds, self.latent_dim)

    def fit_latents(self, images, steps: int | None = None) -> None:
        """Does nothing: the distribution of the latents is the prior."""

    def get_config(self):
        """The constructor's arguments."""
        config = {**super().get_config(), "kl_weight": self.initial_kl_weight}
        del config["components"]
        return config

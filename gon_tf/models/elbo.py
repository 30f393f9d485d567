"""What variational models share: noise for draws from a posterior, and the evidence lower bound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from gon_tf import arguments, metrics
from gon_tf.models.posterior import Gaussian, Point

if TYPE_CHECKING:  # for what it calls of the model that it is a part of
    from gon_tf.models.base import LatentModel as Part
else:
    Part = object


class Variational(Part):
    """A part of models whose posterior is a Gaussian, trained on the evidence lower bound.

    A class that is a `LatentModel` too says by `posterior` what the mean m and the log-variance v
    of the latents of an image x are. Training minimises the negative evidence lower bound (ELBO),
    in nats, at one draw of the latents; the prior is N(0, I):

        z = m(x) + exp(v(x) / 2) * noise,        noise ~ N(0, I)
        -ELBO(x) = loss(F(z), x) + kl_weight * KL(N(m, exp(v)) || N(0, I))

    At inference the latents are the mean. `sample` draws from what is fitted to the means of images
    after training, which lie on a small part of what N(0, I) fills, and from N(0, I) itself with
    `prior="normal"`, or as long as nothing is fitted. `evaluate` draws its own noise, the same at
    every call. `kl_weight` is a variable that a callback may change during training, as
    `gon_tf.callbacks.KLWarmup` does.

    Source: Kingma & Welling, "Auto-Encoding Variational Bayes", ICLR 2014, equations 3 and 10.
    """

    is_normal = True

    def add_bound(self, kl_weight: float) -> None:
        """Creates the weights and metrics; the constructor calls it after that of the model."""
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

    def noise(self, images: tf.Tensor, training: bool | None) -> tf.Tensor:
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

    def update_bound(
        self,
        images: tf.Tensor,
        posterior: Point | Gaussian,
        error: tf.Tensor,
        divergence: tf.Tensor,
    ) -> None:
        """Takes the parts of the bound into the metrics."""
        nats = error, divergence, error + divergence
        for metric, values in zip(self.nats_metrics, nats, strict=True):
            metric.update_state(values)
        self.bits_per_dimension.update_state(images, error + divergence)
        self.active_units.update_state(posterior.mean)

    @property
    def reported_metrics(self) -> list[keras.metrics.Metric]:
        """Metrics that `fit` and `evaluate` report."""
        return [
            *super().reported_metrics,
            *self.nats_metrics,
            self.bits_per_dimension,
            self.active_units,
        ]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "kl_weight": self.initial_kl_weight}

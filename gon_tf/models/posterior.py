"""What a model knows of the latents of images: a point, or a Gaussian."""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf
from keras import ops

from gon_tf import losses


@dataclass(frozen=True)
class Point:
    """Latents that are known: a draw is they themselves, and diverges from no prior.

    Attributes:
        mean: the latents, `[batch, latent_dim]`.
    """

    mean: tf.Tensor

    def draw(self, noise: tf.Tensor | None) -> tf.Tensor:
        """The latents, whatever the noise."""
        return self.mean

    def divergence(self) -> tf.Tensor:
        """Nothing, for each image `[batch]`."""
        return ops.zeros_like(self.mean[:, 0])


@dataclass(frozen=True)
class Gaussian:
    """A Gaussian of the latents of each image, given the image.

    Attributes:
        mean: m, `[batch, latent_dim]`.
        log_variance: v, `[batch, latent_dim]`.
        correlation_root: lower triangular R, `[latent_dim, latent_dim]`, if latents are correlated:
            R^T R is the matrix of their correlations, the same for all images.
    """

    mean: tf.Tensor
    log_variance: tf.Tensor
    correlation_root: tf.Tensor | None = None

    def draw(self, noise: tf.Tensor) -> tf.Tensor:
        """Latents m + exp(v / 2) * (noise R), of standard normal noise `[batch, latent_dim]`."""
        if self.correlation_root is not None:
            noise = ops.matmul(noise, self.correlation_root)
        return self.mean + ops.exp(0.5 * self.log_variance) * noise

    def divergence(self) -> tf.Tensor:
        """Divergence from the prior N(0, I) in nats, `[batch]`."""
        kl = losses.kl_divergence(self.mean, self.log_variance)
        if self.correlation_root is not None:
            kl -= ops.sum(ops.log(ops.diagonal(self.correlation_root)))  # log det(R^T R) / 2
        return kl

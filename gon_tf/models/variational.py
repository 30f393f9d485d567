"""Variational Gradient Origin Network: the posterior of an image is one step from the origin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from gon_tf import arguments
from gon_tf.decoders.conv import uniform
from gon_tf.decoders.derivatives import network_of
from gon_tf.decoders.protocol import sketch_of
from gon_tf.models.base import Problem
from gon_tf.models.elbo import Variational
from gon_tf.models.gon import GON
from gon_tf.models.posterior import Gaussian
from gon_tf.optimizers import Muon
from gon_tf.origin import Gradient, Network, Step

PUBLISHED_BATCH = 64


@keras.saving.register_keras_serializable("gon_tf")
class VariationalGON(Variational, GON):
    """A variational autoencoder without an encoder.

    One step from the origin z0 gives z(x), two linear maps of it the Gaussian of the latents u that
    the decoder F turns into an image:

        m(z) = A z + a,        v(z) = B z + b + log diag C,        u ~ N(m(z), exp(v(z)))

    Training minimises the negative evidence lower bound at z(x) (see `Variational`). The step goes
    against the same bound, its inner network being the decoder after the map to the mean:

        inner(z0) = loss(F(m(z0)), x) + inner_kl_weight * KL(N(m(z0), exp(B z0 + b)) || N(0, I))

    With `step="gauss-newton"` (the default) and damping 1, z(x) is the mode of the posterior under
    the prior N(0, I) and the inner network linearised at the origin, J being its Jacobian. That
    posterior is a Gaussian (Laplace approximation) whose covariance C is the same for all images:

        z(x) = z0 - C d inner / d z0,        C = (J^T D J + damping * I)^-1

    The latents u have the correlations of C, too. A starts at the identity, a, B and b at zero, so
    that a new model's posterior is the Laplace approximation, and training corrects it. With
    `step="gradient"` z(x) = z0 - s * d inner / d z0 as in the paper, the maps alone give the
    variance and the latents are independent (C = I). The maps then start as in the paper, at random
    within 1 / sqrt(latent_dim), biases too: a normalised decoder that is given exactly zero divides
    by the variance of a constant.

    `encode` gives the mean, an affine map of the image, so the model folds like a `GON`. For
    samples see `Variational`.

    Args:
        decoder: as in `GON`.
        loss: "cross_entropy" (nats), or "squared_error" (nats, but for a constant, of pixels with a
            Gaussian error of variance 1/2).
        step: "gauss-newton" or "gradient".
        damping: with `step="gauss-newton"`, the precision of the prior that the step assumes, > 0.
        noise_at_origin: whether the inner pass of training draws its latents from
            N(m(z0), exp(B z0 + b)), as published, instead of taking m(z0). Each image then needs a
            pass of its own at the origin; at inference all images share one fixed draw.
        kl_weight: factor of the divergence in the loss, >= 0; see `gon_tf.callbacks.KLWarmup`.
        inner_kl_weight: factor of the divergence in the inner loss, >= 0.
        laplace_covariance: with `step="gauss-newton"`, whether the variances and correlations start
            from those of the Laplace approximation (C above) or the variances from 1 (C = I).
        inner_scale: with `step="gradient"`, factor of the inner loss, which is summed over pixels.
            The default 1/64 is the paper's scale at batch 64.
        step_size: fraction of the step that is taken, > 0.
        inner_steps: steps from the origin, >= 1. Only with one step does the model `fold`.
        learn_origin: whether z0 is a weight instead of zero.
        latent_regularizer: factor of the squared length of the drawn latents in the loss, >= 0.
        detach_origin: do not train through the step (ablation).
        **kwargs: further arguments of `GON`.

    Raises:
        ValueError: if an argument is out of range.
        TypeError: if `decoder` is not a Keras model.

    Example:
        >>> model = gon_tf.VariationalGON(gon_tf.ConvDecoder((32, 32, 1), latent_dim=256))
        >>> model.compile(keras.optimizers.Adam(4e-3))
        >>> model.fit(images, epochs=10, callbacks=[gon_tf.callbacks.KLWarmup(epochs=2)])
        >>> model.sample(16).shape
        (16, 32, 32, 1)

    The published model is `VariationalGON(decoder, step="gradient", noise_at_origin=True)` with a
    `ConvDecoder(..., normalization="batch")`.

    Source: Bond-Taylor & Willcocks, "Gradient Origin Networks", ICLR 2021, section 3.2.
    """

    def __init__(
        self,
        decoder: keras.Model,
        loss: str | Callable = "cross_entropy",
        step: str = "gauss-newton",
        damping: float = 1.0,
        noise_at_origin: bool = False,
        kl_weight: float = 1.0,
        inner_kl_weight: float = 1.0,
        laplace_covariance: bool = True,
        inner_scale: float | None = None,
        step_size: float = 1.0,
        inner_steps: int = 1,
        learn_origin: bool = False,
        latent_regularizer: float = 0.0,
        detach_origin: bool = False,
        **kwargs: Any,
    ):
        super().__init__(
            decoder=decoder,
            loss=loss,
            latent_regularizer=latent_regularizer,
            step=step,
            damping=damping,
            inner_scale=inner_scale,
            step_size=step_size,
            inner_steps=inner_steps,
            learn_origin=learn_origin,
            detach_origin=detach_origin,
            **kwargs,
        )
        self.add_bound(kl_weight)
        self.noise_at_origin = arguments.boolean("noise_at_origin", noise_at_origin)
        self.inner_kl_weight = arguments.number("inner_kl_weight", inner_kl_weight)
        self.laplace_covariance = arguments.boolean("laplace_covariance", laplace_covariance)
        self.mean_map = self._linear_map("identity", "mean")
        self.log_variance_map = self._linear_map("zeros", "log_variance")

    def _linear_map(self, initializer, name):
        bias_initializer = "zeros"
        if self.step == "gradient":
            initializer = bias_initializer = uniform(self.latent_dim)
        # Means and variances stay in float32 under a mixed precision policy.
        layer = keras.layers.Dense(
            self.latent_dim,
            kernel_initializer=initializer,
            bias_initializer=bias_initializer,
            dtype="float32",
            name=name,
        )
        layer.build((None, self.latent_dim))
        return layer

    def default_optimizer(self) -> keras.optimizers.Optimizer:
        """What `compile` takes by default: Muon at 5e-3, or Adam at 2e-3 for the gradient step."""
        return keras.optimizers.Adam(2e-3) if self.step == "gradient" else Muon(5e-3)

    @property
    def origin_step(self) -> Step:
        """The step of `gon_tf.origin` that this model takes."""
        if self.step == "gauss-newton":
            return Step(self.step_size, self.damping, relative=False)
        return Step(self.step_size * (self.inner_scale or 1.0 / PUBLISHED_BATCH))

    def inner_network(
        self, training: bool | None = None, noise: tf.Tensor | None = None
    ) -> Network:
        """The decoder, or its sketch, after the maps: at the mean, or at a draw of the latents."""
        if noise is None:
            logits = self.pixel_loss.name == "cross_entropy"
            return network_of(sketch_of(self.decoder), logits, training, self.mean_map)
        network = super().inner_network(training)

        def drawn(points):
            deviation = ops.exp(0.5 * self.log_variance_map(points))
            return network(self.mean_map(points) + deviation * noise)

        return Network(drawn)

    @property
    def penalty(self) -> Gradient:
        """The gradient of the divergence, which the inner loss adds to the reconstruction error."""

        def gradient(points):
            mean, log_variance = self.mean_map(points), self.log_variance_map(points)
            by_mean = ops.matmul(mean, ops.transpose(self.mean_map.kernel))
            by_log_variance = 0.5 * ops.matmul(
                ops.exp(log_variance) - 1.0, ops.transpose(self.log_variance_map.kernel)
            )
            return self.inner_kl_weight * (by_mean + by_log_variance)

        return gradient

    def origin_noise(self, images: tf.Tensor | None, training: bool | None) -> tf.Tensor | None:
        """Noise of the inner pass: none, one draw for each image, or one for all at inference.

        A decoder that has learned from noise at the origin needs some at inference too. With one
        draw for all the origin is shared, and an image's latents do not depend on its batch.
        """
        if not self.noise_at_origin:
            return None
        if training:
            return self.noise(images, training)
        return tf.random.stateless_normal((1, self.latent_dim), seed=(0, 0))

    def posterior(self, problem: Problem) -> Gaussian:
        """The Gaussian of a batch of images, inside a graph or an outer tape."""
        noise = self.origin_noise(problem.images, problem.training)
        network, problem = self.inner_network(problem.training, noise), self.inner_problem(problem)
        shared = self.shares_origin and (noise is None or not problem.training)
        origin = self.origin_of(problem, network, shared=shared)
        points = self.latents_from(origin, network, problem.images)
        mean, log_variance = self.mean_map(points), self.log_variance_map(points)
        if not (self.laplace_covariance and self.step == "gauss-newton"):
            return Gaussian(mean, log_variance)
        if not shared:  # the covariance is one for all images
            noise = None if problem.training else noise
            origin = self.linearized(self.inner_network(problem.training, noise), problem.loss)
        root = origin.covariance_root()
        root = tf.stop_gradient(root) if self.detach_origin else root
        variance = ops.sum(ops.square(root), axis=0)
        return Gaussian(mean, log_variance + ops.log(variance), root / ops.sqrt(variance))

    @property
    def encodes_plainly(self) -> bool:
        """Whether `plain_encoder` has a way to the latents without differentiation."""
        return super().encodes_plainly and not self.noise_at_origin

    def plain_encoder(self) -> Callable:
        """`encode` as in `GON.plain_encoder`."""
        network = self.inner_network()
        origin = self.linearized(network, self.inner_loss).constant()
        return lambda images: self.mean_map(
            self.latents_from(origin, network, self.inner_images(images))
        )

    def fold_origin(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Kernel and bias as in `GON`, of the map to the mean."""
        network = self.inner_network(noise=self.origin_noise(images=None, training=False))
        kernel, bias = self.linearized(network, self.inner_loss).fold()
        return tf.matmul(kernel, self.mean_map.kernel), self.mean_map(bias[None])[0]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "noise_at_origin": self.noise_at_origin,
            "inner_kl_weight": self.inner_kl_weight,
            "laplace_covariance": self.laplace_covariance,
        }

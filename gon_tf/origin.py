"""Latents from the origin: the method of Gradient Origin Networks, on one page. Read this first.

A GON has no encoder. The latents of an image x are one step from the origin z0 = 0, against the
gradient of the reconstruction loss (Bond-Taylor & Willcocks 2021, equation 5). With F the decoder,
J = dF/dz, g = d loss / dF and D = d² loss / dF² (diagonal), that gradient is J^T g, and a step is a
matrix P:

    z(x) = z0 - P J^T g(x)        P = s I                                 (the paper)
                                  P = s (J^T D J + damping)^-1            (damped Gauss-Newton)

All images leave from the same z0: F(z0), J and P are those of ONE image, only g differs, and g is
affine in x. So is z(x), which makes encoding one matrix product (`Origin.fold`). Further steps
leave from where an image is: by the origin's P (chord method), or by its own where J is cheap.
All is differentiable, so an outer tape trains the network through it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import tensorflow as tf

Gradient = Callable[[tf.Tensor], tf.Tensor]  # of latents, or of outputs, to derivatives by latents


class Network:
    """A function of latents `[n, latent_dim]` to float32 outputs `[n, ...]`, and its derivatives.

    These are automatic; what knows shorter ways is a subclass (`gon_tf.decoders.derivatives`).
    """

    jacobian_is_cheap = False  # at each of many latents: a few passes, not one for each latent
    is_plain = False  # derivatives of plain operators only, which other formats have

    def __init__(self, function: Callable[[tf.Tensor], tf.Tensor]):
        self.function = function

    def __call__(self, latents: tf.Tensor) -> tf.Tensor:
        """Outputs, `[n, ...]`."""
        return self.function(latents)

    def jacobian(self, latents: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Outputs, and J transposed, `[n, latent_dim, outputs]`: a tangent for each latent."""

        def tangent(direction):
            directions = tf.broadcast_to(direction, tf.shape(latents))
            with tf.autodiff.ForwardAccumulator(latents, directions) as accumulator:
                outputs = self(latents)
            return flatten(accumulator.jvp(outputs))

        tangents = tf.vectorized_map(tangent, tf.eye(latents.shape[-1], dtype=latents.dtype))
        return self(latents), tf.transpose(tangents, [1, 0, 2])

    def pull_back(self, latents: tf.Tensor) -> tuple[tf.Tensor, Gradient]:
        """Outputs, and the function from cotangents g, `[batch, ...]`, to J^T g.

        The latents are one point for all cotangents, or one for each.
        """
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(latents)
            outputs = self(latents)

        def pull(cotangents):
            if latents.shape[0] != 1:
                return tape.gradient(outputs, latents, output_gradients=cotangents)
            return tf.vectorized_map(
                lambda g: tape.gradient(outputs, latents, output_gradients=g[None])[0], cotangents
            )

        return outputs, pull


@dataclass(frozen=True)
class Step:
    """The matrix P of a step from the origin.

    Attributes:
        size: s, the fraction of the step that is taken, or the paper's factor of the gradient.
        damping: added to the diagonal of J^T D J; None for the paper's step.
        relative: whether that is in units of the diagonal's mean, or absolute. Absolute damping 1
            is the prior N(0, I): the step ends at the posterior's mode, if F were linear.
    """

    size: float = 1.0
    damping: float | None = None
    relative: bool = True

    def precision(self, jacobian: tf.Tensor, curvature: tf.Tensor) -> tf.Tensor:
        """J^T D J + damping, `[n, latent_dim, latent_dim]`, of J and D `[n, outputs]`."""
        matrix = tf.matmul(jacobian * curvature[:, None, :], jacobian, transpose_b=True)
        diagonal = tf.linalg.diag_part(matrix)
        tau = tf.reduce_mean(diagonal, axis=-1, keepdims=True) if self.relative else 1.0
        return tf.linalg.set_diag(matrix, diagonal + (self.damping or 0.0) * tau)

    def __call__(self, gradients: tf.Tensor, precision: tf.Tensor) -> tf.Tensor:
        """P times the gradients `[batch, latent_dim]`; n of the precision is 1 or the batch."""
        if self.damping is None:
            return self.size * gradients
        n, latent_dim = tf.shape(precision)[0], precision.shape[-1]
        right = tf.transpose(tf.reshape(gradients, [n, -1, latent_dim]), [0, 2, 1])
        solution = tf.transpose(solve_positive_definite(precision, right), [0, 2, 1])
        return self.size * tf.reshape(solution, tf.shape(gradients))


@dataclass(frozen=True)
class Origin:
    """A network and the inner loss around a point: all that the latents of any image need."""

    point: tf.Tensor  # z0, [1, latent_dim], or a point for each image
    outputs: tf.Tensor  # F(z0), [n, ...]
    loss: Any  # of the outputs, one of `gon_tf.losses`
    step: Any  # P, a function of gradients and the precision: a `Step`, as a rule
    penalty: Gradient | None = None  # gradient of what the inner loss adds, at any latents
    jacobian: tf.Tensor | None = None  # J transposed, [n, latent_dim, outputs], or else `pull`
    precision: tf.Tensor | None = None  # of a Gauss-Newton step, [n, latent_dim, latent_dim]
    pull: Any = None  # a `Gradient`: from cotangents of the outputs to J^T times these

    @classmethod
    def at(cls, network: Network, point, loss, step: Step, penalty=None, *, images=None) -> Origin:
        """The origin of a network at a point, for a number of `images` if that is known."""
        # One tangent for each latent costs somewhat more than one cotangent for each image.
        many = point.shape[0] == 1 and images is not None and 2 * point.shape[-1] <= images
        if step.damping is None and not (many or network.jacobian_is_cheap):
            outputs, pull = network.pull_back(point)
            return cls(point, outputs, loss, step, penalty, pull=pull)
        return cls.of_jacobian(point, *network.jacobian(point), loss, step, penalty)

    @classmethod
    def of_jacobian(cls, point, outputs, jacobian, loss, step: Step, penalty=None) -> Origin:
        """The same where the outputs and the Jacobian are known."""
        precision = None
        if step.damping is not None:
            precision = step.precision(jacobian, flatten(loss.curvature(outputs)))
        return cls(point, outputs, loss, step, penalty, jacobian, precision)

    def moved(self, network: Network, latents: tf.Tensor, *, chord: bool) -> Origin:
        """The origin of a further step, at each image's latents; by this one's P if `chord`."""
        if not chord:
            return Origin.at(network, latents, self.loss, self.step, self.penalty)
        outputs, pull = network.pull_back(latents)
        return replace(self, point=latents, outputs=outputs, jacobian=None, pull=pull)

    def gradients(self, images: tf.Tensor) -> tf.Tensor:
        """J^T g of each of `images` and the penalty's gradient, `[batch, latent_dim]`."""
        cotangents = self.loss.derivative(self.outputs, images)
        if self.jacobian is None:
            gradients = self.pull(cotangents)
        elif self.point.shape[0] == 1:
            gradients = tf.matmul(flatten(cotangents), self.jacobian[0], transpose_b=True)
        else:
            gradients = tf.einsum("no,nlo->nl", flatten(cotangents), self.jacobian)
        return gradients if self.penalty is None else gradients + self.penalty(self.point)

    def latents(self, images: tf.Tensor) -> tf.Tensor:
        """One step from the origin for each image, `[batch, latent_dim]` (equation 5)."""
        return self.point - self.step(self.gradients(images), self.precision)

    def fold(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Kernel `[outputs, latent_dim]` and bias `[latent_dim]` of `latents` as an affine map."""
        bias = self.latents(tf.zeros_like(self.outputs))[0]
        rows = tf.transpose(self.jacobian)[..., 0]
        # A pixel that rises by one lowers its entry of g by `slope`; J^T has a row for each pixel.
        return self.loss.slope * self.step(rows, self.precision), bias

    def covariance_root(self) -> tf.Tensor:
        """Lower triangular R with R^T R = precision^-1: with the prior's damping, Laplace's."""
        factor = tf.linalg.cholesky(self.precision)[0]
        return tf.linalg.triangular_solve(factor, tf.eye(factor.shape[-1]))

    def constant(self) -> Origin:
        """This origin, computed outside a graph, as arrays, with P as a matrix: for export."""
        fields = ("point", "outputs", "jacobian")
        arrays = {name: np.asarray(getattr(self, name)) for name in fields}
        if self.precision is None:
            return replace(self, **arrays)
        inverse = np.linalg.inv(np.asarray(self.precision[0], np.float64))
        matrix = np.float32(self.step.size * inverse)
        return replace(self, **arrays, step=lambda gradients, _: tf.matmul(gradients, matrix))


@tf.custom_gradient
def solve_positive_definite(matrix: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """`matrix^-1 right` by Cholesky, `[n, d, d]` and `[n, d, k]`; backwards too."""
    factor = tf.linalg.cholesky(matrix)
    solution = tf.linalg.cholesky_solve(factor, right)

    def gradient(upstream):
        right_gradient = tf.linalg.cholesky_solve(factor, upstream)
        return -tf.matmul(right_gradient, solution, transpose_b=True), right_gradient

    return solution, gradient


def flatten(outputs: tf.Tensor) -> tf.Tensor:
    """`[n, ...]` to `[n, outputs]`."""
    return tf.reshape(outputs, [tf.shape(outputs)[0], -1])

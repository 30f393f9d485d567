"""Latents from the origin: the method of Gradient Origin Networks, in one file. Read this first.

A GON has no encoder. The latents of an image x are one step from the origin z0 = 0, against the
gradient of the reconstruction loss (Bond-Taylor & Willcocks 2021, equation 5):

    z(x) = z0 - s * d/dz0 loss(F(z0), x)                                             (gradient)

With J = dF/dz0, g = d loss / dF and D = d² loss / dF² the gradient is J^T g, and the same
quantities give the damped Gauss-Newton step, tau being the mean diagonal of J^T D J:

    z(x) = z0 - s * (J^T D J + damping * tau * I)^-1 J^T g                       (gauss-newton)

More steps may follow (`inner_steps`). They take the gradient where they are, but J^T D J from the
origin, and so no Jacobian for each image (simplified Newton, or chord, method).

Three ways lead to the same latents:

`nested`   the paper's code: run the network for every image, differentiate inside the outer tape.
`shared`   all images leave from the same z0, so F(z0) and J are those of ONE image; only g differs.
           The network runs once at the origin, whatever the batch size.
`fold`     (of `linearize`) g is affine in x, hence so is z(x): a kernel and a bias. Encoding is
           one matrix product.

A network is a function of latents `[n, latent_dim]` that returns float32 outputs `[n, ...]`. One
that knows shorter ways to its derivatives has methods for them, see `WithDerivatives`.
Everything here is differentiable, so an outer tape trains the network through it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf


@dataclass(frozen=True)
class Gradient:
    """The paper's step: `size` times the gradient of the summed inner loss."""

    size: float = 1.0
    needs_jacobian = False

    def __call__(self, gradients, jacobian=None, curvature=None):
        """The step of each image, `[batch, latent_dim]`, from its gradient."""
        return self.size * gradients

    def fixed(self, linearization):
        """This step around any `Linearization`."""
        return self


@dataclass(frozen=True)
class GaussNewton:
    """The damped Gauss-Newton step. It does not depend on the scale of the loss.

    Args:
        size: fraction of the step that is taken.
        damping: added to the diagonal of J^T D J.
        relative: whether `damping` is in units of that diagonal's mean (tau above) or absolute.
            Absolute damping 1 is the prior N(0, I): the step ends at the posterior mode of the
            linearised network.
    """

    size: float = 1.0
    damping: float = 0.01
    relative: bool = True
    needs_jacobian = True

    def __call__(self, gradients, jacobian, curvature):
        """The step of each image, `[batch, latent_dim]`.

        Args:
            gradients: J^T g of each image, `[batch, latent_dim]`.
            jacobian: `[n, latent_dim, outputs]`, n being 1 (shared) or the batch size.
            curvature: diagonal of D, `[n, outputs]`.
        """
        matrix = self.matrix(jacobian, curvature)
        n, latent_dim = tf.shape(matrix)[0], matrix.shape[-1]
        right = tf.transpose(tf.reshape(gradients, [n, -1, latent_dim]), [0, 2, 1])
        step = tf.transpose(solve_positive_definite(matrix, right), [0, 2, 1])
        return self.size * tf.reshape(step, tf.shape(gradients))

    def matrix(self, jacobian, curvature):
        """J^T D J + damping, symmetric positive definite, `[n, latent_dim, latent_dim]`."""
        matrix = tf.matmul(jacobian * curvature[:, None, :], jacobian, transpose_b=True)
        diagonal = tf.linalg.diag_part(matrix)
        tau = tf.reduce_mean(diagonal, axis=-1, keepdims=True) if self.relative else 1.0
        return tf.linalg.set_diag(matrix, diagonal + self.damping * tau)

    def fixed(self, linearization):
        """This step around a `Linearization` of one origin, a `FixedStep`."""
        matrix = self.matrix(linearization.jacobian, linearization.curvature)[0]
        return FixedStep(self.size * tf.linalg.inv(tf.cast(matrix, tf.float64)))


class FixedStep:
    """A matrix times the gradient: a step that was computed before, for export.

    Args:
        matrix: `[latent_dim, latent_dim]`, symmetric.
    """

    needs_jacobian = True

    def __init__(self, matrix):
        self.matrix = np.asarray(matrix, np.float32)

    def __call__(self, gradients, jacobian=None, curvature=None):
        """The step of each image, `[batch, latent_dim]`, from its gradient."""
        return tf.matmul(gradients, self.matrix)


def latents_from_origin(
    network,
    origin,
    images,
    loss,
    step,
    *,
    inner_steps=1,
    shares_origin=True,
    penalty=None,
    linearization=None,
):
    """Latents of a batch of images, `[batch, latent_dim]`.

    Args:
        network: function of latents.
        origin: z0, `[1, latent_dim]`.
        images: float32 `[batch, ...]`, the shape of the network's outputs.
        loss: a loss of `gon_tf.losses`.
        step: a `Gradient` or `GaussNewton`.
        inner_steps: number of steps. Only the first one leaves from a point that images share; each
            other one takes a pass forwards and one backwards for each image.
        shares_origin: False if the network treats a batch as a whole, or draws random numbers, so
            that each image needs a pass of its own at the origin.
        penalty: function of latents, `[n]`, that is added to the inner loss of each image.
        linearization: what `linearize` gives for these arguments, if the caller has it already.
    """
    if not shares_origin:
        origin, linearization = per_image(origin, images), None
    if linearization is None and step.needs_jacobian:
        linearization = linearize(network, origin, loss, penalty)
    first, further = (shared, by_pull_back) if shares_origin else (nested, nested)
    latents = first(network, origin, images, loss, step, penalty, linearization)
    for _ in range(inner_steps - 1):
        latents = further(network, latents, images, loss, step, penalty, linearization)
    return latents


def nested(network, latents, images, loss, step, penalty=None, linearization=None):
    """One step from `latents` `[batch, latent_dim]`, each image's own, by a tape: the reference.

    A Gauss-Newton step takes the Jacobian of `linearization`, or of `latents` without one.
    """
    if linearization is None and step.needs_jacobian:
        linearization = linearize(network, latents, loss)
    with tf.GradientTape() as tape:
        tape.watch(latents)
        inner_loss = tf.reduce_sum(loss(network(latents), images))
        if penalty is not None:
            inner_loss += tf.reduce_sum(penalty(latents))
    return moved(latents, tape.gradient(inner_loss, latents), step, linearization)


def by_pull_back(network, latents, images, loss, step, penalty=None, linearization=None):
    """What `nested` gives, without the tape if the network knows its own pull-back."""
    if not hasattr(network, "outputs_and_pull_back"):
        return nested(network, latents, images, loss, step, penalty, linearization)
    outputs, pull_back = network.outputs_and_pull_back(latents)
    gradients = pull_back(loss.derivative(outputs, images)) + gradient_of(penalty, latents)
    return moved(latents, gradients, step, linearization)


def moved(latents, gradients, step, linearization):
    """Latents after a step whose Jacobian, if it needs one, is that of `linearization`."""
    if linearization is None:
        return latents - step(gradients)
    return latents - step(gradients, linearization.jacobian, linearization.curvature)


def shared(network, origin, images, loss, step, penalty=None, linearization=None):
    """One step from the `origin` `[1, latent_dim]`, with the network run for one image only."""
    latent_dim, batch = origin.shape[-1], images.shape[0]
    # A tangent costs somewhat more than a cotangent, in time and in memory.
    tangents_are_cheap = batch is not None and 2 * latent_dim <= batch
    is_cheap = tangents_are_cheap or getattr(network, "jacobian_is_cheap", False)
    if linearization is None and (step.needs_jacobian or is_cheap):
        linearization = linearize(network, origin, loss, penalty)
    if linearization is not None:
        return linearization.latents(images, step)
    gradients = pull_back(network, origin, images, loss) + gradient_of(penalty, origin)
    return origin - step(gradients)


def linearize(network, origin, loss, penalty=None) -> Linearization:
    """The network and the inner loss around the `origin`, `[1, latent_dim]` or one per image."""
    outputs, jacobian = outputs_and_jacobian(network, origin)
    return Linearization(
        origin=origin,
        outputs=outputs,
        jacobian=jacobian,
        curvature=flatten(loss.curvature(outputs)),
        penalty_gradient=gradient_of(penalty, origin),
        loss=loss,
    )


@dataclass(frozen=True)
class Linearization:
    """All that the latents of any image need to know of a network (see `linearize`).

    Attributes:
        origin: z0, `[1, latent_dim]`.
        outputs: F(z0), `[1, ...]`.
        jacobian: J transposed, `[1, latent_dim, outputs]`.
        curvature: diagonal of D, `[1, outputs]`.
        penalty_gradient: that of the penalty at z0, `[1, latent_dim]`.
        loss: the loss of the outputs.
    """

    origin: tf.Tensor
    outputs: tf.Tensor
    jacobian: tf.Tensor
    curvature: tf.Tensor
    penalty_gradient: tf.Tensor
    loss: object

    def latents(self, images, step):
        """One step from the origin for each of `images`, `[batch, latent_dim]`."""
        derivative = flatten(self.loss.derivative(self.outputs, images))
        gradients = tf.matmul(derivative, self.jacobian[0], transpose_b=True)
        return self.origin - step(gradients + self.penalty_gradient, self.jacobian, self.curvature)

    def fold(self, step):
        """Kernel `[outputs, latent_dim]` and bias `[latent_dim]` of `latents` as an affine map."""
        bias = self.latents(tf.zeros_like(self.outputs), step)[0]
        # A pixel that rises by one lowers its entry of g by `slope`; J^T has a row for each pixel.
        kernel = step(tf.transpose(self.jacobian[0]), self.jacobian, self.curvature)
        return self.loss.slope * kernel, bias

    def constant(self):
        """A copy that holds arrays, of a linearization that was computed outside a graph."""
        fields = ("origin", "outputs", "jacobian", "curvature", "penalty_gradient")
        arrays = {name: np.asarray(getattr(self, name)) for name in fields}
        return Linearization(**arrays, loss=self.loss)

    def covariance_root(self, step: GaussNewton):
        """Lower triangular R with R^T R = (J^T D J + damping)^-1, `[latent_dim, latent_dim]`.

        With the prior's precision as damping, this is the covariance of the Laplace approximation.
        """
        factor = tf.linalg.cholesky(step.matrix(self.jacobian, self.curvature)[0])
        return tf.linalg.triangular_solve(factor, tf.eye(factor.shape[-1]))


@dataclass(frozen=True)
class WithDerivatives:
    """A network that knows shorter ways to its derivatives than a tape through all of it.

    Attributes:
        network: function of latents.
        outputs_and_jacobian: another, which gives what the function of that name here does.
        outputs_and_pull_back: another, which gives the outputs and the function that takes
            cotangents of them to cotangents of the latents.
    """

    network: Callable
    outputs_and_jacobian: Callable
    outputs_and_pull_back: Callable

    def __call__(self, latents):
        """Outputs, `[n, ...]`."""
        return self.network(latents)


def outputs_and_jacobian(network, latents):
    """F(latents), `[n, ...]`, and J transposed there, `[n, latent_dim, outputs]`."""
    if hasattr(network, "outputs_and_jacobian"):
        return network.outputs_and_jacobian(latents)
    return network(latents), jacobian_at(network, latents)


def jacobian_at(network, latents):
    """J transposed, `[n, latent_dim, outputs]`: one tangent for each latent dimension."""

    def tangent(direction):
        directions = tf.broadcast_to(direction, tf.shape(latents))
        with tf.autodiff.ForwardAccumulator(latents, directions) as accumulator:
            outputs = network(latents)
        return flatten(accumulator.jvp(outputs))

    latent_dim = latents.shape[-1]
    tangents = tf.vectorized_map(tangent, tf.eye(latent_dim, dtype=latents.dtype))
    return tf.transpose(tangents, [1, 0, 2])


def pull_back(network, origin, images, loss):
    """J^T g of each image, `[batch, latent_dim]`: a cotangent for each, one tape for all."""
    with tf.GradientTape() as tape:
        tape.watch(origin)
        outputs = network(origin)
    cotangents = loss.derivative(outputs, images)
    return tf.vectorized_map(
        lambda cotangent: tape.gradient(outputs, origin, output_gradients=cotangent[None])[0],
        cotangents,
    )


@dataclass(frozen=True)
class Penalty:
    """A penalty that knows its gradient.

    Attributes:
        function: of latents `[n, latent_dim]`, `[n]`.
        gradient: its gradient, `[n, latent_dim]`.
    """

    function: Callable
    gradient: Callable

    def __call__(self, latents):
        """The penalty of each row."""
        return self.function(latents)


def gradient_of(penalty, latents):
    """Gradient of a penalty (or of none) at `latents`, of their shape."""
    if penalty is None:
        return tf.zeros_like(latents)
    if hasattr(penalty, "gradient"):
        return penalty.gradient(latents)
    with tf.GradientTape() as tape:
        tape.watch(latents)
        value = penalty(latents)
    return tape.gradient(value, latents)


@tf.custom_gradient
def solve_positive_definite(matrix, right):
    """`matrix^-1 right` by Cholesky, `[n, d, d]` and `[n, d, k]`; backwards too."""
    factor = tf.linalg.cholesky(matrix)
    solution = tf.linalg.cholesky_solve(factor, right)

    def gradient(upstream):
        right_gradient = tf.linalg.cholesky_solve(factor, upstream)
        return -tf.matmul(right_gradient, solution, transpose_b=True), right_gradient

    return solution, gradient


def per_image(origin, images):
    """The origin repeated for every image, `[batch, latent_dim]`."""
    return tf.repeat(origin, tf.shape(images)[0], axis=0)


def flatten(outputs):
    """`[n, ...]` to `[n, outputs]`."""
    return tf.reshape(outputs, [tf.shape(outputs)[0], -1])

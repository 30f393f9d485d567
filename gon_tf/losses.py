"""Losses of one image, with the derivative and curvature that the origin needs.

Each loss is a function of the network's `outputs` and of the `images`, summed over the pixels and
channels of an image. `derivative` is affine in the image with a constant slope, which is why the
latents of a GON are an affine map of the image (see `gon_tf.origin`).
"""

from __future__ import annotations

from typing import Any

from keras import KerasTensor, ops


class SquaredError:
    """Squared error: `sum((output - image)**2)`. The outputs are the reconstruction."""

    name = "squared_error"
    slope = 2.0  # -d derivative / d image

    def __call__(
        self, outputs: KerasTensor, images: KerasTensor, weights: Any = 1.0
    ) -> KerasTensor:
        """Loss of each image, `[batch]`; its pixels weigh 1, or `weights`."""
        return sum_of_pixels(weights * ops.square(outputs - images))

    def derivative(self, outputs: KerasTensor, images: KerasTensor) -> KerasTensor:
        """Derivative with respect to the outputs, the shape of `images`."""
        return 2.0 * (outputs - images)

    def curvature(self, outputs: KerasTensor) -> KerasTensor:
        """d² loss / d outputs² (diagonal), the shape of `outputs`."""
        return ops.full_like(outputs, 2.0)

    def outputs_to_images(self, outputs: KerasTensor) -> KerasTensor:
        """Network outputs as pictures."""
        return outputs


class CrossEntropy:
    """Binary cross-entropy in nats. The outputs are logits, so it is exact far from 0.5 too."""

    name = "cross_entropy"
    slope = 1.0

    def __call__(
        self, outputs: KerasTensor, images: KerasTensor, weights: Any = 1.0
    ) -> KerasTensor:
        """Loss of each image, `[batch]`; its pixels weigh 1, or `weights`."""
        return sum_of_pixels(weights * (ops.softplus(outputs) - outputs * images))

    def derivative(self, outputs: KerasTensor, images: KerasTensor) -> KerasTensor:
        """Derivative with respect to the outputs, the shape of `images`."""
        return ops.sigmoid(outputs) - images

    def curvature(self, outputs: KerasTensor) -> KerasTensor:
        """d² loss / d outputs² (diagonal), the shape of `outputs`: p (1 - p)."""
        probabilities = ops.sigmoid(outputs)
        return probabilities * (1.0 - probabilities)

    def outputs_to_images(self, outputs: KerasTensor) -> KerasTensor:
        """Network outputs as pictures: the probability of white."""
        return ops.sigmoid(outputs)


class Weighted:
    """A loss in which the pixels of an image weigh differently: unknown ones nothing, say.

    Args:
        loss: one of the losses above.
        weights: a number, or an array that broadcasts to the images.
    """

    def __init__(self, loss: SquaredError | CrossEntropy, weights: Any):
        self.loss, self.weights = loss, weights

    @property
    def slope(self) -> Any:
        """-d derivative / d image."""
        return self.weights * self.loss.slope

    def __call__(self, outputs: KerasTensor, images: KerasTensor) -> KerasTensor:
        """Loss of each image, `[batch]`."""
        return self.loss(outputs, images, self.weights)

    def derivative(self, outputs: KerasTensor, images: KerasTensor) -> KerasTensor:
        """Derivative with respect to the outputs, the shape of `images`."""
        return self.weights * self.loss.derivative(outputs, images)

    def curvature(self, outputs: KerasTensor) -> KerasTensor:
        """Second derivative (diagonal): the shape of `outputs`, or of all images."""
        return self.weights * self.loss.curvature(outputs)


LOSSES = {loss.name: loss for loss in (SquaredError, CrossEntropy)}


def get(name: str) -> SquaredError | CrossEntropy:
    """The loss called `name`: "squared_error" or "cross_entropy".

    Raises:
        ValueError: if there is no loss of that name.
    """
    if name not in LOSSES:
        raise ValueError(f"loss must be one of {sorted(LOSSES)}. Received: loss={name!r}")
    return LOSSES[name]()


def sum_of_pixels(values: KerasTensor) -> KerasTensor:
    """Sum over everything but the first axis, `[batch, ...]` to `[batch]`."""
    return ops.sum(values, axis=tuple(range(1, len(values.shape))))


def kl_divergence(mean: KerasTensor, log_variance: KerasTensor) -> KerasTensor:
    """KL(N(mean, exp(log_variance)) || N(0, I)) in nats for each row, `[batch, n]` to `[batch]`."""
    return 0.5 * ops.sum(ops.square(mean) + ops.exp(log_variance) - 1.0 - log_variance, axis=-1)


def energy_distance(samples: KerasTensor, images: KerasTensor) -> KerasTensor:
    """How far two sets of pictures are from one distribution, a scalar, zero in the mean if not.

    2 E|x - y| - E|x - x'| - E|y - y'| over all pairs of a set, of the pictures and of their area
    averages over 2x2 and 4x4 pixels, as a sum. Its gradient moves samples x towards images y and
    away from each other; unlike that of a likelihood, it needs no image that a sample belongs to.

    Args:
        samples: `[n, height, width, channels]`.
        images: `[m, height, width, channels]`.

    Example:
        >>> black, white = np.zeros((2, 4, 4, 1), "float32"), np.ones((2, 4, 4, 1), "float32")
        >>> round(float(energy_distance(black, white)))  # 2 * (4 + 4 + 4)
        24

    Source: Szekely & Rizzo, "Energy statistics", Journal of Statistical Planning and Inference
    2013; a kernel of Li, Swersky & Zemel, "Generative Moment Matching Networks", ICML 2015.
    """
    total = 0.0
    for side in (1, 2, 4):
        x, y = (
            flat(side * ops.average_pool(set_, side, padding="same", data_format="channels_last"))
            for set_ in (samples, images)
        )
        total += 2.0 * ops.mean(distances(x, y)) - mean_distance(x) - mean_distance(y)
    return total


def flat(pictures: KerasTensor) -> KerasTensor:
    """Pictures as rows."""
    return ops.reshape(pictures, (ops.shape(pictures)[0], -1))


def distances(x: KerasTensor, y: KerasTensor) -> KerasTensor:
    """Distances of all pairs of rows, `[n, m]`; those of nearly equal rows have a gradient, too."""
    squares = ops.sum(ops.square(x), axis=1)[:, None] + ops.sum(ops.square(y), axis=1)
    squares = squares - 2.0 * ops.matmul(x, ops.transpose(y))
    return ops.sqrt(ops.maximum(squares, 0.0) + 1e-3)


def mean_distance(x: KerasTensor) -> KerasTensor:
    """The mean distance of two different rows; that of a single one is zero."""
    count = ops.shape(x)[0]
    others = 1.0 - ops.eye(count, dtype=x.dtype)
    pairs = ops.cast(ops.maximum(count * (count - 1), 1), x.dtype)
    return ops.sum(others * distances(x, x)) / pairs


__all__ = [
    "CrossEntropy",
    "SquaredError",
    "Weighted",
    "energy_distance",
    "get",
    "kl_divergence",
    "sum_of_pixels",
]

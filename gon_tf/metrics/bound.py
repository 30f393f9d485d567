"""What a model says of its evidence lower bound and its latents, as Keras metrics."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops


def bits_per_dimension_of_images(
    images: keras.KerasTensor, negative_elbo: keras.KerasTensor
) -> keras.KerasTensor:
    """Nats of each image `[batch]` as bits per pixel and channel of the `images` `[batch, ...]`."""
    return negative_elbo / (math.prod(images.shape[1:]) * math.log(2.0))


@keras.saving.register_keras_serializable("gon_tf")
class BitsPerDimension(keras.metrics.MeanMetricWrapper):
    """Negative evidence lower bound in bits per pixel and channel, mean over images.

    Example:
        >>> metric = BitsPerDimension()
        >>> metric.update_state(np.zeros((2, 4, 4, 1)), np.full(2, 16 * math.log(2)))
        >>> float(metric.result())
        1.0
    """

    def __init__(self, name: str = "bits_per_dimension", dtype: Any = None):
        super().__init__(bits_per_dimension_of_images, name=name, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"name": self.name, "dtype": self.dtype}


@keras.saving.register_keras_serializable("gon_tf")
class ActiveUnits(keras.metrics.Metric):
    """Number of latents whose posterior mean varies from image to image.

    A latent is active if the variance of its mean over the images is above the threshold; one that
    the decoder ignores stays at the prior's mean. During training the model's changes vary it, too.

    Args:
        latent_dim: number of latents.
        threshold: variance above which a latent is active, >= 0.

    Example:
        >>> metric = ActiveUnits(3)
        >>> metric.update_state(np.array([[0.0, 1.0, 5.0], [0.0, -1.0, 5.1]]))
        >>> float(metric.result())
        1.0

    Source: Burda, Grosse & Salakhutdinov, "Importance Weighted Autoencoders", ICLR 2016.
    """

    def __init__(
        self,
        latent_dim: int,
        threshold: float = 0.01,
        name: str = "active_units",
        dtype: Any = None,
    ):
        super().__init__(name=name, dtype=dtype)
        self.latent_dim, self.threshold = latent_dim, threshold
        self.count = self.add_variable((), "zeros", name="count")
        self.total = self.add_variable((latent_dim,), "zeros", name="total")
        self.squares = self.add_variable((latent_dim,), "zeros", name="squares")

    def update_state(self, means: keras.KerasTensor) -> None:
        """Takes note of the means of a batch's posteriors, `[batch, latent_dim]`."""
        means = ops.cast(means, self.dtype)
        self.count.assign_add(ops.cast(ops.shape(means)[0], self.dtype))
        self.total.assign_add(ops.sum(means, axis=0))
        self.squares.assign_add(ops.sum(ops.square(means), axis=0))

    def result(self) -> keras.KerasTensor:
        """Number of active latents, a float."""
        count = ops.maximum(self.count, 1.0)
        variance = self.squares / count - ops.square(self.total / count)
        return ops.sum(ops.cast(variance > self.threshold, self.dtype))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            "latent_dim": self.latent_dim,
            "threshold": self.threshold,
            "name": self.name,
            "dtype": self.dtype,
        }

"""Generative latent optimization: every training image has a latent that is learned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from gon_tf import arguments
from gon_tf.models.base import LatentModel, Problem
from gon_tf.models.posterior import Point

MOMENTUM, DECAY, EPSILON = 0.9, 0.999, 1e-8  # of Adam, for the latents of new images


@keras.saving.register_keras_serializable("gon_tf")
class GLO(LatentModel):
    """A decoder trained together with one latent z_i for each training image x_i.

    There is no encoder. Latents live in the unit ball, to which each step projects them:

        minimise over F and z_1 ... z_n:  sum_i loss(F(z_i), x_i),        z_i <- z_i / max(|z_i|, 1)

    An image has its latent by its number in [0, image_count). An array's images are numbered by
    `fit` in their order, which must thus be the same at every call of `fit`. A data set, which may
    be shuffled, must yield the numbers: batches of (images, numbers), not of (images, labels).

    New images, and all that `encode`, `evaluate` and `call` are given, are encoded by optimisation:
    `encode_steps` steps of Adam from the mean of the learned latents against the image's own loss,
    with a rate that falls linearly to zero. That is `encode_steps` times the cost of a GON.

    Args:
        decoder: a `gon_tf.ConvDecoder`, or any built Keras model from `[batch, latent_dim]` to
            `[batch, height, width, channels]`.
        image_count: number of training images, >= 1. The model has as many latents as weights, and
            the optimizer updates all of them in every step.
        loss: "squared_error", or "cross_entropy" (nats) for a decoder whose outputs are in [0, 1].
        encode_steps: steps that encode an image, >= 1.
        encode_learning_rate: length of the first of these steps, > 0; the ball's radius is 1.
        latent_regularizer: factor of the squared length of the latents in the loss, >= 0.
        components: number of Gaussians in the prior, which is fitted to the learned latents; see
            `LatentModel`.
        **kwargs: `prior` and `rank`, see `LatentModel`.

    Raises:
        ValueError: if an argument is out of range.
        TypeError: if `decoder` is not a Keras model.

    Example:
        >>> count = len(images)
        >>> model = gon_tf.GLO(gon_tf.ConvDecoder((32, 32, 1), latent_dim=256), image_count=count)
        >>> model.compile(keras.optimizers.Adam(2e-3))
        >>> model.fit(images, epochs=10)                      # an array, or
        >>> pairs = tf.data.Dataset.from_tensor_slices((images, np.arange(count)))
        >>> model.fit(pairs.shuffle(count).batch(64), epochs=10)

    Source: Bojanowski et al., "Optimizing the Latent Space of Generative Networks", ICML 2018,
    equations 1 and 2, with the losses of this project instead of the Laplacian pyramid.
    """

    def __init__(
        self,
        decoder: keras.Model,
        image_count: int,
        loss: str | Callable = "squared_error",
        encode_steps: int = 100,
        encode_learning_rate: float = 0.3,
        latent_regularizer: float = 0.0,
        components: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(decoder, loss, latent_regularizer, components, **kwargs)
        self.image_count = arguments.integer("image_count", image_count)
        self.encode_steps = arguments.integer("encode_steps", encode_steps)
        self.encode_learning_rate = arguments.number(
            "encode_learning_rate", encode_learning_rate, above=True
        )
        self.image_latents = self.add_weight(
            shape=(self.image_count, self.latent_dim),
            initializer=keras.initializers.RandomNormal(stddev=self.latent_dim**-0.5),
            constraint=in_unit_ball,
            dtype="float32",
            name="image_latents",
        )
        self.image_latents.assign(in_unit_ball(self.image_latents))

    # Training

    def targets(self, images: Any) -> np.ndarray | None:
        """The numbers of an array's images; those of a data set come with them.

        Raises:
            ValueError: if the array does not hold `image_count` images, or the numbers of a data
                set's first batch are not such numbers.
            TypeError: if the images are neither an array nor a data set.
        """
        if isinstance(images, tf.data.Dataset):
            check_numbers(images, self.image_count)
            return None
        if not hasattr(images, "shape"):
            raise TypeError(
                "GLO trains on an array of images or a tf.data.Dataset of (images, numbers). "
                f"Received: {type(images).__name__}"
            )
        if len(images) != self.image_count:
            raise ValueError(
                f"GLO has one latent for each of image_count={self.image_count} images. "
                f"Received: {len(images)} images"
            )
        return np.arange(self.image_count)

    def fit_latents(
        self,
        images: Any = None,
        labels: Sequence | np.ndarray | None = None,
        steps: int | None = None,
    ) -> None:
        """Fits the prior that `sample` draws from to the learned latents; `fit` calls it.

        Args:
            images: not needed.
            labels: one for each of the `image_count` images, as in `LatentModel.fit_latents`.
            steps: not needed.
        """
        self.prior.fit([np.asarray(self.image_latents)], self.pixel_metric, labels)

    # Use

    def batch_encoder(self, count: int) -> Callable[[np.ndarray], Any]:
        """The function that encodes a bounded number of images at a time.

        Raises:
            ValueError: if the model has not been trained.
        """
        if not self.prior.is_fitted:
            raise ValueError(
                "GLO encodes with a trained decoder, from the mean of the learned latents: call "
                "fit(images), or fit_latents() for weights that come from elsewhere. Received: a "
                "model that was not trained"
            )
        return super().batch_encoder(count)

    def posterior(self, problem: Problem) -> Point:
        """Learned latents in training; else those of optimisation, each image by itself."""
        if problem.training:
            return Point(ops.take(self.image_latents, problem.targets, axis=0))
        return Point(self.optimised_latents(problem))

    def optimised_latents(self, problem: Problem) -> tf.Tensor:
        """Latents of a batch of images by steps of Adam."""
        images = problem.images
        mean = ops.mean(self.image_latents, axis=0, keepdims=True)
        start = ops.repeat(mean, ops.shape(images)[0], axis=0)

        def step(number, state):
            latents, direction, scale = state
            gradient = self.gradient_at(latents, problem)
            direction = MOMENTUM * direction + (1.0 - MOMENTUM) * gradient
            # One scale for an image, not one for each coordinate: rounding in coordinates
            # that do not matter would be blown up.
            square = ops.sum(ops.square(gradient), axis=-1, keepdims=True)
            scale = DECAY * scale + (1.0 - DECAY) * square
            taken = ops.cast(number + 1, "float32")
            rate = self.encode_learning_rate * (1.0 - (taken - 1.0) / self.encode_steps)
            unbiased = direction / (1.0 - MOMENTUM**taken)
            length = ops.sqrt(scale / (1.0 - DECAY**taken)) + EPSILON
            return in_unit_ball(latents - rate * unbiased / length), direction, scale

        state = start, ops.zeros_like(start), ops.zeros_like(start[:, :1])
        return ops.fori_loop(0, self.encode_steps, step, state)[0]

    def gradient_at(self, latents: tf.Tensor, problem: Problem) -> tf.Tensor:
        """Derivative of each image's loss by its latents, `[batch, latent_dim]`."""
        outputs, pull = problem.network.pull_back(latents)
        gradient = pull(problem.loss.derivative(outputs, problem.images))
        return gradient + 2.0 * self.latent_regularizer * latents

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "image_count": self.image_count,
            "encode_steps": self.encode_steps,
            "encode_learning_rate": self.encode_learning_rate,
        }


def in_unit_ball(latents: tf.Tensor) -> tf.Tensor:
    """The nearest latents of length 1 or less, `[n, latent_dim]`."""
    squares = ops.sum(ops.square(latents), axis=-1, keepdims=True)
    return latents * ops.rsqrt(ops.maximum(squares, 1.0))


def check_numbers(dataset: tf.data.Dataset, image_count: int) -> None:
    """Raises ValueError unless a data set yields (images, numbers of images); reads one batch."""
    wanted = f"GLO needs a data set of (images, numbers), the numbers in [0, {image_count})"
    spec = dataset.element_spec
    if not isinstance(spec, tuple) or len(spec) != 2 or not spec[1].dtype.is_integer:
        raise ValueError(f"{wanted}. Received: {spec}")
    for _, numbers in dataset.take(1).as_numpy_iterator():
        if numbers.min() < 0 or numbers.max() >= image_count:
            raise ValueError(f"{wanted}. Received: numbers from {numbers.min()} to {numbers.max()}")
        if len(np.unique(numbers)) < len(numbers):
            raise ValueError(
                f"{wanted}, each image its own. Received: the same number twice in a batch; "
                "are they labels?"
            )

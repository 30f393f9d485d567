"""Losses of one image, with the derivative and curvature that the origin needs.

Each loss is a function of the network's `outputs` and of the `images`, summed over the pixels and
channels of an image. `derivative` is affine in the image with a constant slope, which is why the
latents of a GON are an affine map of the image (see `gon_tf.origin`). That of a loss of one's own
(`Own`) need not be.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
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

    def __init__(self, loss: SquaredError | CrossEntropy | Own, weights: Any):
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


class Own:
    """A loss of one's own, of images and pictures; its outputs are the pictures.

    Derivatives are automatic. The curvature is that of pictures which are the images: of a
    likelihood it is Fisher's information, of most others the largest there is, so that a step is
    rather too short than too long. It is a function of the outputs alone, so that all images still
    share one matrix of the step (see `gon_tf.origin`).

    Args:
        loss: a function of images and pictures, in that order, or a Keras loss. What it gives for
            an image, one number or many, is summed (a Keras loss' own reduction does not count).
    """

    slope = None  # `derivative` may be any function of the image

    def __init__(self, loss: Callable | keras.losses.Loss):
        self.loss = loss
        self.function = loss.call if isinstance(loss, keras.losses.Loss) else loss
        self.name = getattr(loss, "__name__", type(loss).__name__)

    def __call__(
        self, outputs: KerasTensor, images: KerasTensor, weights: Any = 1.0
    ) -> KerasTensor:
        """Loss of each image, `[batch]`; its pixels weigh 1, or `weights`."""
        return sum_of_pixels(weights * ops.cast(self.function(images, outputs), "float32"))

    def derivative(self, outputs: KerasTensor, images: KerasTensor) -> KerasTensor:
        """Derivative with respect to the outputs, the shape of `images`."""
        # An image's own outputs, where one origin's are those of all.
        outputs = tf.broadcast_to(outputs, tf.shape(images))
        with tf.GradientTape() as tape:
            tape.watch(outputs)
            value = self(outputs, images)
        return tape.gradient(value, outputs, unconnected_gradients="zero")

    def curvature(self, outputs: KerasTensor) -> KerasTensor:
        """d² loss / d outputs² (diagonal) where the image is the outputs, their shape."""
        pictures = tf.identity(outputs)
        with tf.GradientTape() as tape:
            tape.watch(pictures)
            slopes = self.derivative(pictures, outputs)
        return tape.gradient(slopes, pictures, unconnected_gradients="zero")

    def outputs_to_images(self, outputs: KerasTensor) -> KerasTensor:
        """Network outputs as pictures."""
        return outputs

    def check(
        self, shape: tuple[int, ...], *, pointwise: str | None = None, curved: bool = False
    ) -> None:
        """Raises ValueError unless this is a loss of pictures of a shape that can be trained.

        Args:
            shape: (height, width, channels), or of any other kind of picture.
            pointwise: what needs a loss that takes each pixel by itself, if something does.
            curved: whether there must be a second derivative.
        """
        draws = np.random.default_rng(0).uniform(0.1, 0.9, (4, 2, *shape)).astype(np.float32)
        outputs, images, others, other_images = map(tf.constant, draws)
        values = self.function(images, outputs)
        alone = values.shape[:1] == (2,) and self(outputs[:1], images[:1])
        together = {"rtol": 1e-3, "equal_nan": True}
        if alone is False or not np.allclose(alone[0], self(outputs, images)[0], **together):
            raise ValueError(
                "A loss must give each image its own value, or one for each of its pixels, "
                f"[batch, ...]. Received: {self.name}, which gives {tuple(values.shape)} for 2"
            )
        slopes = self.derivative(outputs, images)
        if not np.all(np.isfinite(slopes)) or not np.any(slopes):
            raise ValueError(
                "A loss must have a finite derivative by the pictures, its second argument, that "
                f"is not zero. Received: {self.name}"
            )
        kept = np.random.default_rng(1).uniform(size=(2, *shape)) < 0.5
        mixed = tf.where(kept, outputs, others), tf.where(kept, images, other_images)
        same = np.allclose(self.derivative(*mixed)[kept], slopes[kept], rtol=1e-3, atol=1e-6)
        if pointwise and not same:
            raise ValueError(
                f"{pointwise} needs a loss whose derivative by a pixel depends on that pixel "
                f"alone. Received: {self.name}"
            )
        curvature = np.asarray(self.curvature(outputs)) if curved else np.ones(1)
        if not np.all(curvature >= 0.0) or not 0.0 < curvature.max() < np.inf:
            raise ValueError(
                "step='gauss-newton' needs a loss with a second derivative, finite and positive "
                "where the picture is the image; step='gradient' and compile(loss=...) do not. "
                f"Received: {self.name}"
            )


LOSSES = {loss.name: loss for loss in (SquaredError, CrossEntropy)}
KERAS = "keras>"  # before the names of Keras' own losses in a config


def get(loss: str | dict | Callable | keras.losses.Loss) -> SquaredError | CrossEntropy | Own:
    """The loss that a model's argument stands for.

    Args:
        loss: "squared_error" or "cross_entropy"; a function of images and pictures or a Keras loss
            (see `Own`), its name if it is Keras' or registered, or what `config_of` gives.

    Raises:
        ValueError: if there is no such loss.
    """
    return LOSSES[loss]() if isinstance(loss, str) and loss in LOSSES else own(loss)


def own(loss: str | dict | Callable | keras.losses.Loss) -> Own:
    """The same without those of this project."""
    found: Any = loss
    if isinstance(loss, str):
        found = named(loss)
        with contextlib.suppress(ValueError):
            found = found or keras.losses.get(loss)
    elif isinstance(loss, dict):
        found = loss.get("class")  # Keras has made a class of the name, or not
        found = found if isinstance(found, type) else named(str(found))
    if isinstance(found, type):
        arguments = loss["arguments"] if isinstance(loss, dict) else {}
        found = found(**arguments) if issubclass(found, keras.losses.Loss) else None
    if not callable(found):
        raise ValueError(
            f"loss must be one of {sorted(LOSSES)}, a function of images and pictures or a Keras "
            "loss, or the name of one that is Keras' own or registered with it, by a module that "
            f"is imported (gon-tf --import MODULE). Received: loss={loss!r}"
        )
    return Own(found)


def named(name: str) -> Any:
    """What is registered with Keras by a name, or what `KERAS` and a name stand for, or None."""
    if name.startswith(KERAS):
        return getattr(keras.losses, name.removeprefix(KERAS), None)
    return keras.saving.get_registered_object(name)


def config_of(loss: SquaredError | CrossEntropy | Own) -> str | dict:
    """What a config says of a loss: a name, or the class and arguments of a Keras loss.

    Raises:
        ValueError: if it is of one's own and not registered with Keras.
    """
    if not isinstance(loss, Own):
        return loss.name
    check_registered("loss", loss.loss)
    kind = type(loss.loss) if isinstance(loss.loss, keras.losses.Loss) else loss.loss
    name = keras.saving.get_registered_name(kind)
    name = name if named(name) is kind else KERAS + kind.__name__
    if kind is loss.loss:
        return name
    # Keras' own leave some of what they were made with out of their config, Huber its delta.
    given: Any = loss.loss
    made_with = getattr(given, "_fn_kwargs", {})
    return {"class": name, "arguments": {**made_with, **given.get_config()}}


def check_registered(role: str, thing: Any) -> None:
    """Raises ValueError unless Keras finds a function, or an object's class, by its name again."""
    kind = thing if hasattr(thing, "__name__") else type(thing)
    found = keras.saving.get_registered_object(keras.saving.get_registered_name(kind))
    if found is not kind and kind.__module__.partition(".")[0] != "keras":
        raise ValueError(
            f"To save a model with a {role} of your own, register it: put "
            "@keras.saving.register_keras_serializable('my_package') before its definition. "
            f"Received: {kind.__name__}"
        )


def sum_of_pixels(values: KerasTensor) -> KerasTensor:
    """Sum over everything but the first axis, `[batch, ...]` to `[batch]`."""
    return ops.sum(values, axis=tuple(range(1, len(values.shape))))


def kl_divergence(mean: KerasTensor, log_variance: KerasTensor) -> KerasTensor:
    """KL(N(mean, exp(log_variance)) || N(0, I)) in nats for each row, `[batch, n]` to `[batch]`."""
    return 0.5 * ops.sum(ops.square(mean) + ops.exp(log_variance) - 1.0 - log_variance, axis=-1)


__all__ = [
    *("CrossEntropy", "Own", "SquaredError", "Weighted"),
    *("check_registered", "config_of", "get", "kl_divergence", "named", "own", "sum_of_pixels"),
]

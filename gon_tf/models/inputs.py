"""Checks of what users pass to a model, before or while it is used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import keras
import numpy as np
from keras import ops

TOLERANCE = 1e-5  # of the range: resizing with antialiasing makes white 1.0000002
OUT_OF_RANGE = (
    "images must be finite and lie in [0, 1]. Received: values that do not. Divide images in "
    "[0, 255] by 255 or pass uint8."
)


def checked_images(images: Any, image_shape: tuple[int, ...]) -> np.ndarray:
    """`images` as uint8 or float32 `[batch, height, width, channels]`.

    Raises:
        TypeError: if they are neither uint8 nor floating point.
        ValueError: if the shape is not that of a batch of `image_shape`, or floating point values
            lie outside [0, 1] or are not finite.
    """
    images = np.asarray(images)
    expected = f"[batch, {', '.join(map(str, image_shape))}]"
    if images.shape[1:] != tuple(image_shape):
        raise ValueError(f"images must have the shape {expected}. Received: {images.shape}")
    if images.dtype == np.uint8:
        return images
    if not is_floating(images.dtype):
        raise TypeError(
            "images must be uint8 in [0, 255] or floating point in [0, 1]. "
            f"Received: dtype {images.dtype}"
        )
    images = images.astype(np.float32)
    if images.size:
        low, high = float(images.min()), float(images.max())
        check_range(low, high)
        if low < 0.0 or high > 1.0:  # by rounding
            return np.clip(images, 0.0, 1.0)
    return images


def is_floating(dtype: Any) -> bool:
    """Whether `dtype` is floating point, bfloat16 included (which NumPy itself does not know)."""
    return keras.backend.is_float_dtype(keras.backend.standardize_dtype(dtype))


def check_range(low: float, high: float) -> None:
    """Raises ValueError unless low and high are values of images, [0, 1]."""
    if np.isnan(low) or np.isnan(high):
        raise ValueError("images must be finite. Received: values that are NaN or infinite")
    if low < -TOLERANCE or high > 1.0 + TOLERANCE:
        hint = " Divide by 255 or pass uint8." if 1.0 < high <= 255.0 and low >= 0.0 else ""
        raise ValueError(
            f"images must lie in [0, 1]. Received: values from {low:g} to {high:g}.{hint}"
        )


def invalid_values(images: Any) -> keras.KerasTensor:
    """How many values of images are not in [0, 1], NaN included, inside a graph."""
    if keras.backend.standardize_dtype(images.dtype) == "uint8":
        return ops.zeros((), "float32")
    images = ops.cast(images, "float32")
    valid = ops.logical_and(images >= -TOLERANCE, images <= 1.0 + TOLERANCE)
    return ops.sum(ops.cast(ops.logical_not(valid), "float32"))


def checked_latents(latents: Any, latent_dim: int) -> np.ndarray:
    """`latents` as float32 `[batch, latent_dim]`.

    Raises:
        ValueError: if the shape is another or a value is not finite.
    """
    latents = np.asarray(latents, dtype=np.float32)
    if latents.ndim != 2 or latents.shape[1] != latent_dim:
        raise ValueError(
            f"latents must have the shape [batch, {latent_dim}]. Received: {latents.shape}"
        )
    if not np.all(np.isfinite(latents)):
        raise ValueError("latents must be finite. Received: values that are NaN or infinite")
    return latents


def to_unit_range(images: Any, image_shape: tuple[int, ...] | None = None) -> keras.KerasTensor:
    """Images as float32 in [0, 1]: uint8 is scaled, here on the device; floats are in range.

    Raises:
        ValueError: if the shape is not that of a batch of `image_shape`, if that is given.
        TypeError: if the images are integers other than uint8.
    """
    shape = tuple(images.shape)
    if image_shape is not None and (
        len(shape) != len(image_shape) + 1
        or any(own not in (None, side) for own, side in zip(shape[1:], image_shape, strict=True))
    ):
        raise ValueError(f"images must have the shape {(None, *image_shape)}. Received: {shape}")
    dtype = keras.backend.standardize_dtype(images.dtype)
    if dtype == "uint8":
        return ops.cast(images, "float32") / 255.0
    if not keras.backend.is_float_dtype(dtype):
        raise TypeError(
            f"images must be uint8 in [0, 255] or floating point in [0, 1]. Received: dtype {dtype}"
        )
    images = ops.cast(images, "float32")
    # Without a shape to hold them to, they are images that `checked_images` has clipped.
    return images if image_shape is None else ops.clip(images, 0.0, 1.0)


def images_and_targets(data: Any) -> tuple[Any, Any]:
    """The images of a batch, and what comes with them.

    Args:
        data: images, (images, targets), or a dictionary whose images are under "image", as those
            of TensorFlow Datasets; or the specification of such a batch.

    Raises:
        ValueError: if images have weights, or a dictionary has no images.
    """
    images, targets, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
    if sample_weight is not None:
        raise ValueError("All images weigh the same. Received: data with sample weights")
    if isinstance(images, Mapping):
        if "image" not in images:
            raise ValueError(
                "A data set of dictionaries must have its images under 'image'. "
                f"Received: {', '.join(map(str, images))}"
            )
        images = images["image"]
    return images, targets


def batches_of(images: Any, steps: int | None = None) -> Iterator[np.ndarray]:
    """The batches of an array (one) or of a data set (the first `steps`, or all)."""
    if hasattr(images, "shape"):
        return iter([np.asarray(images)])
    if isinstance(images, keras.utils.PyDataset):
        check_length(images, steps)
        numbers = range(images.num_batches or steps or 0)
        batches = map(images.__getitem__, numbers)
    else:
        batches = images
    return (np.asarray(images_and_targets(batch)[0]) for batch in islice(batches, steps))


def check_length(data: Any, steps: int | None) -> None:
    """Raises ValueError if data never end and nothing says how many batches to take."""
    if steps is None and isinstance(data, keras.utils.PyDataset) and data.num_batches is None:
        raise ValueError("An endless PyDataset needs steps_per_epoch. Received: num_batches=None")


REMEDY = "Use a smaller learning rate or clip the gradients (clipnorm)."


class InputGuard(keras.callbacks.Callback):
    """Stops `fit` and `evaluate` when the images or the loss are not what they must be.

    The model counts invalid values on the device. The count is read after the first batch and
    after each epoch, so that no other step waits for the device; other callbacks that save the
    model at the end of an epoch come later, so what they saved before stays.
    """

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Checks the first batch."""
        if batch == 0:
            self._check()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Checks the epoch, and the weights that its last step left."""
        self._check()
        if not all(bool(ops.all(ops.isfinite(w))) for w in self.model.trainable_weights):
            raise ValueError(f"The loss is not finite. Received: weights that are not. {REMEDY}")

    def on_test_end(self, logs: dict | None = None) -> None:
        """Checks the whole evaluation."""
        self._check()

    def _check(self):
        invalid = int(self.model.invalid_values.result())
        if invalid:
            raise ValueError(OUT_OF_RANGE.replace("values that", f"{invalid} values that"))
        loss = float(self.model.loss_metric.result())
        if not np.isfinite(loss):
            raise ValueError(f"The loss is not finite. Received: loss={loss}. {REMEDY}")

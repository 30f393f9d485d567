"""Checks of what users pass to a model, before or while it is used."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops


def checked_images(images, image_shape: tuple[int, ...]) -> np.ndarray:
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
        check_range(float(images.min()), float(images.max()))
    return images


def is_floating(dtype) -> bool:
    """Whether `dtype` is floating point, bfloat16 included (which NumPy itself does not know)."""
    return keras.backend.is_float_dtype(keras.backend.standardize_dtype(dtype))


def check_range(low: float, high: float) -> None:
    """Raises ValueError unless low and high are values of images, [0, 1]."""
    if np.isnan(low) or np.isnan(high):
        raise ValueError("images must be finite. Received: values that are NaN or infinite")
    if low < 0.0 or high > 1.0:
        hint = " Divide by 255 or pass uint8." if 1.0 < high <= 255.0 and low >= 0.0 else ""
        raise ValueError(
            f"images must lie in [0, 1]. Received: values from {low:g} to {high:g}.{hint}"
        )


def invalid_values(images):
    """How many values of float images are not in [0, 1], NaN included, inside a graph."""
    valid = ops.logical_and(images >= 0.0, images <= 1.0)
    return ops.sum(ops.cast(ops.logical_not(valid), "float32"))


def checked_latents(latents, latent_dim: int) -> np.ndarray:
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


def to_unit_range(images):
    """Images as float32 in [0, 1]: uint8 is scaled, here on the device; floats are in range."""
    if keras.backend.standardize_dtype(images.dtype) == "uint8":
        return ops.cast(images, "float32") / 255.0
    return ops.cast(images, "float32")


def only_images(data):
    """The images of a batch that may be (images, labels)."""
    images, _, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
    if sample_weight is not None:
        raise ValueError("All images weigh the same. Received: data with sample weights")
    return images


REMEDY = "Use a smaller learning rate or clip the gradients (clipnorm)."


class InputGuard(keras.callbacks.Callback):
    """Stops `fit` and `evaluate` when the images or the loss are not what they must be.

    The model counts invalid values on the device. The count is read after the first batch and
    after each epoch, so that no other step waits for the device; other callbacks that save the
    model at the end of an epoch come later, so what they saved before stays.
    """

    def on_train_batch_end(self, batch, logs=None):
        """Checks the first batch."""
        if batch == 0:
            self._check()

    def on_epoch_end(self, epoch, logs=None):
        """Checks the epoch, and the weights that its last step left."""
        self._check()
        if not all(bool(ops.all(ops.isfinite(w))) for w in self.model.trainable_weights):
            raise ValueError(f"The loss is not finite. Received: weights that are not. {REMEDY}")

    def on_test_end(self, logs=None):
        """Checks the whole evaluation."""
        self._check()

    def _check(self):
        invalid = int(self.model.invalid_values.result())
        if invalid:
            raise ValueError(
                f"images must be finite and lie in [0, 1]. Received: {invalid} values that do not. "
                "Divide images in [0, 255] by 255 or pass uint8."
            )
        loss = float(self.model.loss_metric.result())
        if not np.isfinite(loss):
            raise ValueError(f"The loss is not finite. Received: loss={loss}. {REMEDY}")

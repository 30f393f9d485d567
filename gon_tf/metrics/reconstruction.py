"""How well images are reconstructed, as Keras metrics."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from gon_tf import losses

WINDOW = 11  # pixels a side, of the structural similarity
SMALLEST_ERROR = 1e-10  # of a pixel: caps PSNR at 100 dB, where an 8-bit picture is long exact


def squared_error_of_images(
    images: keras.KerasTensor, reconstructions: keras.KerasTensor
) -> keras.KerasTensor:
    """Squared error summed over an image, `[batch, ...]` to `[batch]`."""
    return losses.sum_of_pixels(ops.square(ops.subtract(images, reconstructions)))


def peak_signal_to_noise_of_images(
    images: keras.KerasTensor, reconstructions: keras.KerasTensor
) -> keras.KerasTensor:
    """PSNR of each image in dB for a range of [0, 1], `[batch, ...]` to `[batch]`."""
    per_pixel = ops.mean(
        ops.square(ops.subtract(images, reconstructions)),
        axis=tuple(range(1, len(images.shape))),
    )
    return -10.0 * ops.log10(ops.maximum(per_pixel, SMALLEST_ERROR))


def structural_similarity_of_images(
    images: keras.KerasTensor, reconstructions: keras.KerasTensor
) -> keras.KerasTensor:
    """SSIM of each image for a range of [0, 1], see `StructuralSimilarity`, `[batch]`.

    Raises:
        ValueError: if the images are no `[batch, height, width, channels]`.
    """
    if len(images.shape) != 4:
        raise ValueError(
            "SSIM needs images [batch, height, width, channels]. "
            f"Received: the shape {tuple(images.shape)}"
        )
    images, reconstructions = (ops.cast(values, "float32") for values in (images, reconstructions))
    window = min(WINDOW, *images.shape[1:3])
    return tf.image.ssim(images, reconstructions, max_val=1.0, filter_size=window)


@keras.saving.register_keras_serializable("gon_tf")
class SumSquaredError(keras.metrics.MeanMetricWrapper):
    """Squared error summed over the pixels and channels of an image, mean over images.

    Example:
        >>> metric = SumSquaredError()
        >>> metric.update_state(np.zeros((2, 4, 4, 1)), np.full((2, 4, 4, 1), 0.5))
        >>> float(metric.result())
        4.0
    """

    def __init__(self, name: str = "sse", dtype: Any = None):
        super().__init__(squared_error_of_images, name=name, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"name": self.name, "dtype": self.dtype}


@keras.saving.register_keras_serializable("gon_tf")
class PeakSignalToNoise(keras.metrics.MeanMetricWrapper):
    """Peak signal-to-noise ratio of images in [0, 1], in dB (at most 100), mean over images."""

    def __init__(self, name: str = "psnr", dtype: Any = None):
        super().__init__(peak_signal_to_noise_of_images, name=name, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"name": self.name, "dtype": self.dtype}


@keras.saving.register_keras_serializable("gon_tf")
class StructuralSimilarity(keras.metrics.MeanMetricWrapper):
    """Structural similarity (SSIM) of images in [0, 1], at most 1, mean over images.

    Means, variances and correlations are taken in a Gaussian window of 11 pixels a side (deviation
    1.5), or of the image's shorter side if that is less, for each channel.

    Example:
        >>> metric = StructuralSimilarity()
        >>> metric.update_state(np.ones((2, 8, 8, 1)), np.ones((2, 8, 8, 1)))
        >>> float(metric.result())
        1.0

    Source: Wang et al., "Image Quality Assessment: From Error Visibility to Structural
    Similarity", IEEE Transactions on Image Processing 13, 2004.
    """

    def __init__(self, name: str = "ssim", dtype: Any = None):
        super().__init__(structural_similarity_of_images, name=name, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"name": self.name, "dtype": self.dtype}

"""How well images are reconstructed, as Keras metrics."""

from __future__ import annotations

import keras
from keras import ops

from gon_tf.losses import sum_of_pixels

SMALLEST_ERROR = 1e-10  # of a pixel: caps PSNR at 100 dB, where an 8-bit picture is long exact


def squared_error_of_images(images, reconstructions):
    """Squared error summed over an image, `[batch, ...]` to `[batch]`."""
    return sum_of_pixels(ops.square(ops.subtract(images, reconstructions)))


def peak_signal_to_noise_of_images(images, reconstructions):
    """PSNR of each image in dB for a range of [0, 1], `[batch, ...]` to `[batch]`."""
    per_pixel = ops.mean(
        ops.square(ops.subtract(images, reconstructions)),
        axis=tuple(range(1, len(images.shape))),
    )
    return -10.0 * ops.log10(ops.maximum(per_pixel, SMALLEST_ERROR))


@keras.saving.register_keras_serializable("gon_tf")
class SumSquaredError(keras.metrics.MeanMetricWrapper):
    """Squared error summed over the pixels and channels of an image, mean over images.

    Example:
        >>> metric = SumSquaredError()
        >>> metric.update_state(np.zeros((2, 4, 4, 1)), np.full((2, 4, 4, 1), 0.5))
        >>> float(metric.result())
        4.0
    """

    def __init__(self, name="sse", dtype=None):
        super().__init__(squared_error_of_images, name=name, dtype=dtype)

    def get_config(self):
        """The constructor's arguments."""
        return {"name": self.name, "dtype": self.dtype}


@keras.saving.register_keras_serializable("gon_tf")
class PeakSignalToNoise(keras.metrics.MeanMetricWrapper):
    """Peak signal-to-noise ratio of images in [0, 1], in dB (at most 100), mean over images."""

    def __init__(self, name="psnr", dtype=None):
        super().__init__(peak_signal_to_noise_of_images, name=name, dtype=dtype)

    def get_config(self):
        """The constructor's arguments."""
        return {"name": self.name, "dtype": self.dtype}

"""How well images are reconstructed and how real samples look, as Keras metrics."""

from gon_tf.metrics import features
from gon_tf.metrics.bound import ActiveUnits, BitsPerDimension, bits_per_dimension_of_images
from gon_tf.metrics.frechet import FrechetDistance
from gon_tf.metrics.reconstruction import (
    PeakSignalToNoise,
    StructuralSimilarity,
    SumSquaredError,
    peak_signal_to_noise_of_images,
    squared_error_of_images,
    structural_similarity_of_images,
)

# The issue's and the papers' short name.
SSIM = StructuralSimilarity

__all__ = [
    "SSIM",
    "ActiveUnits",
    "BitsPerDimension",
    "FrechetDistance",
    "PeakSignalToNoise",
    "StructuralSimilarity",
    "SumSquaredError",
    "bits_per_dimension_of_images",
    "features",
    "peak_signal_to_noise_of_images",
    "squared_error_of_images",
    "structural_similarity_of_images",
]

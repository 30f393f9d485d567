"""The figures of models: what they are called, which one decides, and what others measured."""

from __future__ import annotations

import math
from dataclasses import dataclass

# The figure that decides, by variant: its key, and its name.
FIGURES = {
    "conv": ("sse", "squared error per image"),
    "variational": ("negative_elbo", "-ELBO in nats"),
    "implicit": ("mse", "mean squared error per pixel"),
}
METRICS = {
    "sse": "squared error summed over an image (pixels in 0..1)",
    "mse": "mean squared error per pixel",
    "psnr": "PSNR in dB",
    "ssim": "structural similarity (SSIM)",
    "negative_elbo": "-ELBO in nats",
    "kl": "divergence from the prior in nats",
    "bits_per_dimension": "bits per pixel and channel",
    "active_units": "active latents",
    "frechet": "Frechet distance of samples (`python -m benchmarks.sampling`)",
    "label_accuracy": "samples by label that a classifier takes for that label (share)",
    "copies": "samples nearer to a training image than 99% of held-out images are (share)",
}

CODE = "published PyTorch code, its own logs"
OTHER = "another implementation"
VAE = "VAE with the same decoder, published code"


@dataclass(frozen=True)
class Reference:
    """A figure of another model of the same kind.

    Attributes:
        value: lower is better.
        epochs: of its training.
        source: whose figure it is.
    """

    value: float
    epochs: int
    source: str


def _course(values: str) -> list[Reference]:
    epochs = (1, 5, 10, 20, 50, 100, 500)
    values_and_epochs = zip(map(float, values.split()), epochs, strict=True)
    return [Reference(value, epoch, CODE) for value, epoch in values_and_epochs]


# By model: test SSE per image (conv), -ELBO in nats (variational), mean squared error (implicit).
REFERENCES = {
    "mnist-conv": _course("3.63 0.948 0.713 0.544 0.344 0.222 0.124"),
    "fashion-mnist-conv": _course("4.72 2.01 1.46 1.15 0.882 0.796 0.632"),
    "cifar10-conv": _course("21.9 12.8 10.8 9.82 8.62 8.14 7.72"),
    "coil20-conv": [Reference(2.60, 500, OTHER)],
    "mnist-variational": [Reference(150.3, 1000, CODE), Reference(140.3, 1000, VAE)],
    "fashion-mnist-variational": [Reference(326.1, 1000, CODE), Reference(319.5, 1000, VAE)],
    "cifar10-variational": [Reference(1828, 1000, CODE), Reference(1817, 1000, VAE)],
    "coil20-variational": [Reference(393, 1000, CODE), Reference(380, 1000, VAE)],
    "mnist-implicit": [Reference(0.00535, 100, CODE)],
    "fashion-mnist-implicit": [Reference(0.00891, 100, CODE)],
    "coil20-implicit": [Reference(0.01155, 500, OTHER)],
}


def metrics_of(metadata: dict) -> dict:
    """The metrics of a model, with the error of a pixel."""
    metrics = dict(metadata["metrics"])
    if "sse" in metrics:
        metrics["mse"] = metrics["sse"] / math.prod(metadata["image_shape"])
    return metrics


def last_of_each_source(name: str) -> list[Reference]:
    """The figure after most epochs, of each source."""
    last = {reference.source: reference for reference in REFERENCES.get(name, [])}
    return list(last.values())

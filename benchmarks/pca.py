"""PCA with as many components as a model has latents: `python -m benchmarks.pca NAME...`.

Fitted to the model's training images and measured on its held-out ones, both from its metadata, so
the figures stand beside those of docs/results.md.
"""

from __future__ import annotations

import argparse

import numpy as np

import gon_tf
from docs.generate.cards import read_models


def load(split: str, image_shape: tuple[int, int, int], data_dir: str | None) -> np.ndarray:
    """All images of a split as rows, float32 in [0, 1]."""
    batches = gon_tf.data.load(split, image_shape, 500, data_dir=data_dir)
    images = np.concatenate(list(batches))
    return images.reshape(len(images), -1).astype(np.float32) / 255


def squared_error(train: np.ndarray, test: np.ndarray, components: int) -> float:
    """Mean squared error, summed over an image, of what PCA of `train` makes of `test`."""
    mean = train.mean(axis=0)
    covariance = np.cov(train - mean, rowvar=False)
    directions = np.linalg.eigh(covariance)[1][:, -components:].astype(np.float32)
    centred = test - mean
    return float(np.mean(np.sum((centred - centred @ directions @ directions.T) ** 2, axis=1)))


def main() -> None:
    """Prints a line for each model."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("models", nargs="+", metavar="NAME", help="of the zoo")
    parser.add_argument("--data-dir", help="folder of the TensorFlow Datasets")
    options = parser.parse_args()
    models = read_models()
    for name in options.models:
        metadata = models[name]
        (height, width, channels), recipe = metadata["image_shape"], metadata["recipe"]
        shape = height, width, channels
        train, test = (
            load(split, shape, options.data_dir)
            for split in (recipe["dataset"], metadata["metrics"]["split"])
        )
        error = squared_error(train, test, metadata["latent_dim"])
        print(f"{name:26} {error:8.4g} per image {error / np.prod(shape):10.4g} per pixel")


if __name__ == "__main__":
    main()

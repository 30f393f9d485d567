"""Encoding by the fold against the nested tape: images per second.

    python -m benchmarks.encode [--repetitions 5] [--batch 512]

Convolutional (32x32, 16 filters, 256 latents) and implicit (28x28, width 256, 32 latents), float32,
random weights, the paper's gradient step. The nested tape runs the decoder forwards and backwards
for each image; it takes `--nested-batch` images at a time, as the implicit model's hidden layers of
512 images do not fit everywhere. `fold, then encode` is one call of `model.encode`, which folds
anew; `folded` is what `gon-tf encode` does with every batch of a data set, and an exported model.
"""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import tensorflow as tf

import gon_tf
from benchmarks import median_times, print_table
from gon_tf.bench.measure import machine


class NestedGON(gon_tf.GON):
    """A GON that runs the decoder at the origin once for every image, as the paper does."""

    shares_origin = False


class NestedImplicitGON(gon_tf.ImplicitGON):
    """The same for an implicit GON."""

    shares_origin = False


def conv(nested: bool) -> gon_tf.GON:
    keras.utils.set_random_seed(0)
    decoder = gon_tf.ConvDecoder((32, 32, 1), latent_dim=256, filters=16)
    return (NestedGON if nested else gon_tf.GON)(decoder, step="gradient")


def implicit(nested: bool) -> gon_tf.ImplicitGON:
    keras.utils.set_random_seed(0)
    decoder = gon_tf.ImplicitDecoder(channels=1, latent_dim=32)
    return (NestedImplicitGON if nested else gon_tf.ImplicitGON)(
        decoder, (28, 28, 1), step="gradient"
    )


def encoders(make, images: tf.Tensor, nested_batch: int) -> dict:
    """Functions that encode the same images."""
    nested, model = make(nested=True), make(nested=False)
    one_part = tf.function(nested.latents_of, autograph=False)
    parts = tf.split(images, range_of(len(images), nested_batch))
    fold, array = model.fold(), images.numpy()
    folded = tf.function(fold, autograph=False)
    return {
        "nested": lambda: tf.concat([one_part(part) for part in parts], axis=0).numpy(),
        "fold, then encode": lambda: model.encode(array),
        "folded": lambda: folded(images).numpy(),
    }


def range_of(count: int, size: int) -> list[int]:
    """Lengths of the parts of `count`, each `size` but the last."""
    return [min(size, count - start) for start in range(0, count, size)]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--nested-batch", type=int, default=64)
    options = parser.parse_args()
    rows = []
    for name, make in {"conv": conv, "implicit": implicit}.items():
        shape = (options.batch, *make(nested=False).image_shape)
        images = tf.random.stateless_uniform(shape, [1, 2])
        functions = encoders(make, images, options.nested_batch)
        results = [function() for function in functions.values()]
        scale = abs(results[0]).max()
        off = [abs(result - results[0]).max() / scale for result in results]
        times = median_times(functions, options.repetitions)
        for (path, seconds), difference in zip(times.items(), off, strict=True):
            rows.append(
                [
                    name,
                    path,
                    f"{1000 * seconds:,.1f}",
                    f"{options.batch / seconds:,.0f}",
                    f"{times['nested'] / seconds:,.1f}x",
                    f"{difference:.0e}",
                ]
            )
    print(f"batch {options.batch}; {machine()}")
    print_table(
        ["model", "path", "ms", "images/s", "nested / this", "largest relative difference"], rows
    )


if __name__ == "__main__":
    main()

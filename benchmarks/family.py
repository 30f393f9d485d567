"""Every model of the project after a short training on MNIST, in one table.

    python -m benchmarks.family [--models gon vae ...] [--epochs 2] [--implicit-steps 1000]

Convolutional models: 32x32, 16 filters, 256 latents, batch 64. Implicit models: 28x28, width 256,
depth 4, 32 latents, batch 64, 196 random points of each image in a step, two epochs of as many
images as that takes. GLO, whose every step updates the latents of all training images, sees the
first sixth of them six times as often. Adam with cosine decay to zero; measured on the first 2,000
test images (GLO encodes them by optimisation). The error of a pixel (MSE) compares across sizes;
-ELBO is in nats, for models with a posterior. `--data-dir` or TFDS_DATA_DIR says where the data set
lies.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

import gon_tf
from benchmarks import print_table
from gon_tf.bench.measure import machine
from gon_tf.pictures import grid, to_uint8, write

BATCH = 64
CONV_SHAPE, IMPLICIT_SHAPE = (32, 32, 1), (28, 28, 1)
TEST = "mnist:test[:2000]"


def conv(normalization=None) -> gon_tf.ConvDecoder:
    """The decoder of the convolutional models; encoders and gradient steps need normalisation."""
    return gon_tf.ConvDecoder(CONV_SHAPE, 256, normalization=normalization)


def implicit_gon(**arguments) -> gon_tf.ImplicitGON:
    """An implicit model that trains on a quarter of the points in each step."""
    siren = gon_tf.ImplicitDecoder(channels=1, latent_dim=32)
    return gon_tf.ImplicitGON(siren, IMPLICIT_SHAPE, points_per_step=196, **arguments)


# name: (model for a number of training images, learning rate)
MODELS = {
    "gon": (lambda count: gon_tf.GON(conv()), 8e-3),
    "gon, gradient step": (lambda count: gon_tf.GON(conv("instance"), step="gradient"), 2e-3),
    "variational gon": (lambda count: gon_tf.VariationalGON(conv()), 4e-3),
    "autoencoder": (lambda count: gon_tf.Autoencoder(conv("instance")), 2e-3),
    "tied autoencoder": (lambda count: gon_tf.TiedAutoencoder(conv("instance")), 2e-3),
    "vae": (lambda count: gon_tf.VariationalAutoencoder(conv("instance")), 4e-3),
    "glo": (lambda count: gon_tf.GLO(conv("instance"), image_count=count), 2e-3),
    "implicit gon": (lambda count: implicit_gon(), 2e-4),
    "implicit gon, gradient step": (lambda count: implicit_gon(step="gradient"), 2e-4),
}


def load(name: str, shape, data_dir) -> np.ndarray:
    """All images of a data set, uint8."""
    return np.concatenate(list(gon_tf.data.load(name, shape, 1000, data_dir=data_dir)))


def row(name: str, images: dict, options) -> list[str]:
    """Trains and measures one model."""
    build, rate = MODELS[name]
    shape = IMPLICIT_SHAPE if name.startswith("implicit") else CONV_SHAPE
    training, test = images[shape]
    steps = options.epochs * (len(training) // BATCH)
    epochs = options.epochs
    if name.startswith("implicit"):
        steps, epochs = options.implicit_steps, 2
        training = training[: steps * BATCH // epochs]
    if name == "glo":
        training, epochs = training[: len(training) // 6], 6 * epochs
    keras.utils.set_random_seed(0)
    model = build(len(training))
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, steps)))
    start = time.perf_counter()
    model.fit(training, batch_size=BATCH, epochs=epochs, verbose=0)
    milliseconds = 1000 * (time.perf_counter() - start) / steps
    measured = model.evaluate(test, batch_size=200, verbose=0, return_dict=True)
    elbo = measured.get("negative_elbo")
    if options.pictures:
        file = f"{name.replace(',', '').replace(' ', '-')}.png"
        draw(model, test[:10], options.pictures / file)
    return [
        name,
        f"{sum(weight.shape.num_elements() for weight in model.trainable_weights):,}",
        f"{rate:g}",
        f"{milliseconds:.0f}",
        f"{measured['sse']:.3f}",
        f"{measured['sse'] / np.prod(shape):.5f}",
        "" if elbo is None else f"{elbo:.1f}",
    ]


def draw(model, originals, path: Path) -> None:
    """Test images, their reconstructions below, and a row of samples."""
    rows = (originals, model.reconstruct(originals), model.sample(len(originals)))
    tiles = [picture for row in rows for picture in (row if row is originals else to_uint8(row))]
    write(path, grid(tiles, len(originals)))


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--implicit-steps", type=int, default=1000)
    parser.add_argument("--train", default="mnist:train", help="data set to train on")
    parser.add_argument("--pictures", type=Path, help="folder for a picture of each model")
    parser.add_argument("--data-dir")
    options = parser.parse_args()
    images = {
        shape: tuple(load(name, shape, options.data_dir) for name in (options.train, TEST))
        for shape in (CONV_SHAPE, IMPLICIT_SHAPE)
    }
    rows = []
    for name in options.models:
        rows.append(row(name, images, options))
        print("#", *rows[-1], flush=True)
    print(machine())
    header = ["model", "parameters", "rate", "ms / step", "test SSE", "test MSE", "-ELBO"]
    print_table(header, rows)


if __name__ == "__main__":
    main()

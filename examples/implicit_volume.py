"""3-D: volumes as functions of a point: `python implicit_volume.py`.

An implicit GON learns 12x12x12 volumes of one ellipsoid each from an eighth of their points in
each step, encodes unseen ones, and draws slices of them at four times the resolution.
"""

import argparse

import keras
import numpy as np
from PIL import Image

import gon_tf

SHAPE = (12, 12, 12, 1)


def ellipsoids(count, generator):
    """Soft ellipsoids of random place and axes, `[count, *SHAPE]` in [0, 1]."""
    axis = np.linspace(-1, 1, 12)
    points = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1)
    place = generator.uniform(-0.4, 0.4, (count, 1, 1, 1, 3))
    axes = generator.uniform(0.4, 0.8, (count, 1, 1, 1, 3))
    distance = np.linalg.norm((points - place) / axes, axis=-1, keepdims=True)
    return (1 / (1 + np.exp(8 * (distance - 1)))).astype(np.float32)


def main():
    """Trains, measures on unseen volumes, and draws the slices of one."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--epochs", type=int, default=12, help="passes over 2,048 volumes")
    parser.add_argument("--output", default="volume.png", help="picture to write")
    options = parser.parse_args()

    keras.utils.set_random_seed(0)
    generator = np.random.default_rng(0)
    decoder = gon_tf.ImplicitDecoder(
        channels=1, latent_dim=16, width=64, depth=2, omega=6.0, coordinate_dim=3
    )
    model = gon_tf.ImplicitGON(decoder, SHAPE, points_per_step=216)
    model.compile(keras.optimizers.Adam(1e-3))
    model.fit(ellipsoids(2048, generator), batch_size=64, epochs=options.epochs, verbose=2)

    volumes = ellipsoids(100, generator)
    latents = model.encode(volumes)
    error = np.mean((model.decode(latents) - volumes) ** 2)
    print(f"mean squared error {error:.5f}, variance of the volumes {np.var(volumes):.5f}")

    large = model.decode(latents[:1], size=(48, 48, 48))[0, ..., 0]
    slices = np.concatenate(large[::6], axis=1)
    Image.fromarray(np.clip(slices * 255, 0, 255).astype(np.uint8)).save(options.output)
    print(f"written: {options.output}")


if __name__ == "__main__":
    main()

"""2-D: pictures in-painted and enlarged four times: `python implicit_image.py`.

An implicit GON learns 24x32 colour pictures of soft discs from a quarter of their pixels in each
step, fills in a hidden half of unseen ones, and draws them at 96x128.
"""

import argparse

import keras
import numpy as np
from PIL import Image

import gon_tf

SHAPE = (24, 32, 3)


def discs(count, generator):
    """Soft discs of random place, size and colour, `[count, *SHAPE]` in [0, 1]."""
    rows, columns = np.meshgrid(np.linspace(-1, 1, 24), np.linspace(-1, 1, 32), indexing="ij")
    place = generator.uniform(-0.6, 0.6, (count, 2, 1, 1))
    radius = generator.uniform(0.3, 0.6, (count, 1, 1))
    distance = np.hypot(rows - place[:, 0], columns - place[:, 1])
    colour = generator.uniform(0.2, 1.0, (count, 1, 1, 3))
    return (colour / (1 + np.exp(12 * (distance - radius)[..., None]))).astype(np.float32)


def main():
    """Trains, measures on unseen pictures, and draws eight: hidden half, filled in and enlarged."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--epochs", type=int, default=12, help="passes over 2,048 pictures")
    parser.add_argument("--output", default="image.png", help="picture to write")
    options = parser.parse_args()

    keras.utils.set_random_seed(0)
    generator = np.random.default_rng(0)
    decoder = gon_tf.ImplicitDecoder(channels=3, latent_dim=16, width=64, depth=2, omega=10.0)
    model = gon_tf.ImplicitGON(decoder, SHAPE, points_per_step=192)
    model.compile(keras.optimizers.Adam(1e-3))
    model.fit(discs(2048, generator), batch_size=64, epochs=options.epochs, verbose=2)

    pictures = discs(200, generator)
    mask = np.zeros(SHAPE[:2], bool)
    mask[:, ::2] = True  # every second column is known
    latents = model.encode(pictures, mask=mask)
    error = np.mean((model.decode(latents) - pictures)[:, ~mask] ** 2)
    print(f"mean squared error of hidden pixels {error:.5f}, variance {np.var(pictures):.5f}")

    hidden = np.where(mask[..., None], pictures[:8], 0.0).repeat(4, axis=1).repeat(4, axis=2)
    large = model.decode(latents[:8], size=(96, 128))
    rows = [np.concatenate(row, axis=1) for row in (hidden, large)]
    picture = np.clip(np.concatenate(rows) * 255, 0, 255).astype(np.uint8)
    Image.fromarray(picture).save(options.output)
    print(f"written: {options.output}")


if __name__ == "__main__":
    main()

"""1-D: bumps at any place from 24 readings at random times: `python implicit_signal.py`.

An implicit GON learns signals of 64 values, then draws unseen ones at 256 points from scattered
observations, each signal with times of its own.
"""

import argparse

import keras
import numpy as np
from PIL import Image

import gon_tf


def signals(times, count, generator):
    """Bumps of random place and width in [0, 1]: `[count, *times]`, a function of time each."""
    place = generator.uniform(-0.7, 0.7, (count, 1))
    width = generator.uniform(0.15, 0.4, (count, 1))
    return np.exp(-(((times - place) / width) ** 2)).astype(np.float32)


def main():
    """Trains, measures on unseen signals, and draws four of them with their observations."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--epochs", type=int, default=20, help="passes over 2,048 signals")
    parser.add_argument("--output", default="signal.png", help="picture to write")
    options = parser.parse_args()

    keras.utils.set_random_seed(0)
    generator = np.random.default_rng(0)
    train = signals(np.linspace(-1, 1, 64), 2048, generator)[..., None]
    decoder = gon_tf.ImplicitDecoder(
        channels=1, latent_dim=8, width=64, depth=2, omega=10.0, coordinate_dim=1
    )
    model = gon_tf.ImplicitGON(decoder, image_shape=(64, 1))
    model.compile(keras.optimizers.Adam(1e-3))
    model.fit(train, batch_size=64, epochs=options.epochs, verbose=2)

    fine = np.linspace(-1, 1, 256)
    times = np.sort(generator.uniform(-1, 1, (200, 24)), axis=1)
    both = signals(np.concatenate([times, np.tile(fine, (200, 1))], axis=1), 200, generator)
    seen, truth = both[:, :24], both[:, 24:]
    latents = model.encode(seen[..., None], coordinates=times[..., None])
    drawn = model.decode(latents, size=(256,))[..., 0]
    print(
        f"mean squared error {np.mean((drawn - truth) ** 2):.5f}, "
        f"variance of the signals {np.var(truth):.5f}"
    )
    print(f"written: {plot(options.output, truth[:4], drawn[:4], times[:4], seen[:4])}")


def plot(path, truth, drawn, times, seen):
    """One row for each signal: truth grey, what the model draws black, observations dots."""

    def height(values):
        return np.clip(70 - 60 * values, 0, 79).astype(int)

    rows = []
    for signal, curve, points, values in zip(truth, drawn, times, seen, strict=True):
        row = np.full((80, 256), 255, np.uint8)
        row[height(signal), np.arange(256)] = 170
        row[height(curve), np.arange(256)] = 0
        for x, y in zip(((points + 1) * 127.5).astype(int), height(values), strict=True):
            row[max(y - 2, 0) : y + 3, max(x - 2, 0) : x + 3] = 90
        rows.append(row)
    Image.fromarray(np.concatenate(rows)).save(path)
    return path


if __name__ == "__main__":
    main()

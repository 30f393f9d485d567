"""A training step on large pictures, beside that of an autoencoder with the same decoder.

    python -m benchmarks.large [--sides 64 128 256] [--batch 16] [--repetitions 3]

All have `gon_tf.ResidualDecoder` with its defaults and 256 latents, colour, and Muon, as `gon-tf
train` chooses; the encoder halves the picture by strided convolutions until it is 4x4, from 16
filters to 128. CPU seconds of a step on random pictures, the least of the repetitions, and the
memory that training takes at its peak over what the process had before; each in a process of its
own. The target is 1.3 times the time and 1.5 times the memory of the autoencoder.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

from benchmarks import in_fresh_process, print_table
from gon_tf.bench.measure import machine, peak_growth
from gon_tf.startup import start_tensorflow

MODELS = ("autoencoder", "gon", "variational")
LATENTS, MOST_FILTERS, GRID = 256, 128, 4


def build(kind: str, side: int):
    """A compiled model of pictures of so many pixels a side."""
    import keras

    import gon_tf

    keras.utils.set_random_seed(0)
    decoder = gon_tf.ResidualDecoder((side, side, 3), LATENTS)
    if kind == "gon":
        model = gon_tf.GON(decoder)
    elif kind == "variational":
        model = gon_tf.VariationalGON(decoder, inner_steps=2)
    else:
        model = gon_tf.Autoencoder(decoder, encoder=encoder(side))
    model.compile(gon_tf.optimizers.Muon(1e-3))
    return model


def encoder(side: int):
    """Strided convolutions from a picture to its latents."""
    import keras

    layers, filters = [keras.Input((side, side, 3))], 16
    while side > GRID:
        filters = min(2 * filters, MOST_FILTERS)
        layers.append(keras.layers.Conv2D(filters, 4, strides=2, padding="same", activation="elu"))
        side //= 2
    return keras.Sequential([*layers, keras.layers.Flatten(), keras.layers.Dense(LATENTS)])


def training_step(kind: str, side: int, batch: int) -> Callable:
    """A function that takes one training step on random pictures."""
    import tensorflow as tf

    model = build(kind, side)
    shape = (batch, side, side, 3)
    images = tf.cast(tf.random.stateless_uniform(shape, [1, 2], 0, 256, tf.int32), tf.uint8)
    step = tf.function(model.train_step, autograph=False)
    return lambda: step(images)


def measure(kind: str, side: int, batch: int, repetitions: int) -> tuple[float, float]:
    """CPU seconds of a step, and MiB at its peak, in a process that has done nothing else."""
    start_tensorflow()
    step = training_step(kind, side, batch)
    peak, times = peak_growth(step, 2), []
    for _ in range(repetitions):
        start = time.process_time()
        step()
        times.append(time.process_time() - start)
    return min(times), peak or 0.0


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--sides", nargs="+", type=int, default=[64, 128, 256])
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--repetitions", type=int, default=3)
    options = parser.parse_args()
    rows = []
    for side in options.sides:
        figures = {
            kind: in_fresh_process(measure, kind, side, options.batch, options.repetitions)
            for kind in options.models
        }
        seconds, peak = figures.get("autoencoder", (float("nan"),) * 2)
        for kind, (own_seconds, own_peak) in figures.items():
            rows.append(
                [
                    f"{side}x{side}",
                    kind,
                    f"{1000 * own_seconds:.0f}",
                    f"{own_seconds / seconds:.2f}",
                    f"{own_peak:.0f}",
                    f"{own_peak / peak:.2f}",
                ]
            )
            print("#", *rows[-1], flush=True)
    print(f"{machine()}; batch {options.batch}")
    print_table(["pictures", "model", "CPU ms", "ratio", "peak MiB", "ratio"], rows)


if __name__ == "__main__":
    main()

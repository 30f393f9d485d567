"""Negative evidence lower bound of variational models after a short training, in nats.

    python -m benchmarks.variational [--steps 1200] [--rates 1e-3 2e-3 4e-3] [--models vae laplace]

MNIST at 32x32, decoder of 16 filters and 256 latents, batch 64, Adam with cosine decay to zero;
measured on the 10,000 test images, one draw of the latents each. Takes about a minute for each
model and rate on two cores. `--data-dir` or TFDS_DATA_DIR says where the data set lies.
"""

from __future__ import annotations

import argparse
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras

import gon_tf
from benchmarks import print_table
from gon_tf.bench.measure import machine

SHAPE, LATENTS, BATCH = (32, 32, 1), 256, 64


def decoder(normalization=None) -> gon_tf.ConvDecoder:
    """The decoder of all models; step="gradient" and the encoder of the VAE need normalisation."""
    return gon_tf.ConvDecoder(SHAPE, LATENTS, filters=16, normalization=normalization)


MODELS = {
    "published": lambda: gon_tf.VariationalGON(
        decoder("instance"), step="gradient", noise_at_origin=True
    ),
    "gradient": lambda: gon_tf.VariationalGON(decoder("instance"), step="gradient"),
    "mode": lambda: gon_tf.VariationalGON(decoder(), laplace_covariance=False),
    "laplace": lambda: gon_tf.VariationalGON(decoder()),
    "vae": lambda: gon_tf.VariationalAutoencoder(decoder("instance")),
}
DESCRIPTIONS = {
    "published": "published form (noise in the inner pass), instance norm",
    "gradient": "noise-free inner gradient, instance norm",
    "mode": "posterior mode, no norm",
    "laplace": "posterior mode and covariance (Laplace), no norm",
    "vae": "VAE, mirrored encoder, instance norm",
}


def train(name: str, rate: float, steps: int, training) -> tuple[keras.Model, float]:
    """A model after `steps` steps at a learning `rate` that decays to 0, and ms per step."""
    keras.utils.set_random_seed(0)
    model = MODELS[name]()
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, steps)))
    start = time.perf_counter()
    model.fit(training.repeat(), epochs=1, steps_per_epoch=steps, verbose=0)
    return model, 1000 * (time.perf_counter() - start) / steps


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--rates", type=float, nargs="+", default=[1e-3, 2e-3, 4e-3])
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--data-dir")
    options = parser.parse_args()

    training, test = (
        gon_tf.data.load(
            f"mnist:{split}", SHAPE, BATCH, data_dir=options.data_dir, shuffle_seed=seed
        )
        for split, seed in (("train", 0), ("test", None))
    )
    rows = []
    for name in options.models:
        figures = []
        for rate in options.rates:
            model, milliseconds = train(name, rate, options.steps, training)
            measured = model.evaluate(test, verbose=0, return_dict=True)
            figures.append(f"{measured['negative_elbo']:.1f}")
            print(f"# {name} {rate:g} {milliseconds:.0f} ms per step", measured, flush=True)
        parameters = sum(weight.shape.num_elements() for weight in model.trainable_weights)
        rows.append([DESCRIPTIONS[name], f"{parameters:,}", *figures])
    print(f"{machine()}; {options.steps} steps")
    print_table(["test -ELBO in nats", "parameters", *map("{:g}".format, options.rates)], rows)


if __name__ == "__main__":
    main()

"""CPU time of a training step on one thread, which other programs on the machine disturb least.

    python -m benchmarks.steps [--cases implicit conv] [--repetitions 15]

The least of the repetitions, beside the rate of TensorFlow's matrix product in the same process.
To compare two versions, run the command with each in turn, several times.
"""

from __future__ import annotations

import argparse
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import tensorflow as tf

import gon_tf
from benchmarks import print_table
from gon_tf.bench.measure import machine


def conv(**arguments):
    """The paper's network, 16 filters and 256 latents, without normalisation."""
    return gon_tf.GON(gon_tf.ConvDecoder((32, 32, 1), 256), **arguments)


def implicit(**arguments):
    """The paper's SIREN, 4 layers of 256 units and 32 latents."""
    return gon_tf.ImplicitGON(gon_tf.ImplicitDecoder(1, 32), (28, 28, 1), **arguments)


def variational():
    """The network of `conv` with the Laplace posterior."""
    return gon_tf.VariationalGON(gon_tf.ConvDecoder((32, 32, 1), 256))


CASES = {
    "implicit": (implicit, 64),
    "implicit, gradient": (lambda: implicit(step="gradient"), 64),
    "implicit, 196 points": (lambda: implicit(points_per_step=196), 64),
    "conv": (conv, 64),
    "conv, batch 256": (conv, 256),
    "conv, gradient": (lambda: conv(step="gradient"), 64),
    "variational": (variational, 64),
}


def least_cpu_time(function, repetitions: int) -> float:
    """Least CPU seconds of a call, after two that build the graph."""
    times = []
    for _ in range(repetitions + 2):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return min(times[2:])


def training_step(case: str):
    """A function that takes one training step on random images."""
    build, batch = CASES[case]
    keras.utils.set_random_seed(0)
    model = build()
    model.compile(keras.optimizers.Adam(1e-4))
    images = tf.random.stateless_uniform((batch, *model.image_shape), [1, 2])
    step = tf.function(model.train_step, autograph=False)
    return lambda: step(images)["loss"].numpy()


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--repetitions", type=int, default=15)
    options = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    left, right = tf.random.normal((12544, 256)), tf.random.normal((256, 256))
    product = least_cpu_time(lambda: tf.matmul(left, right), options.repetitions)
    rows = []
    for case in options.cases:
        seconds = least_cpu_time(training_step(case), options.repetitions)
        rows.append([case, f"{1000 * seconds:.1f}"])
        print("#", *rows[-1], flush=True)
    rate = 2e-9 * 12544 * 256 * 256 / product
    print(f"{machine()}; one thread, {rate:.0f} billion operations per second in a product")
    print_table(["training step", "CPU ms"], rows)


if __name__ == "__main__":
    main()

"""The linearised origin against the nested tape: training step, encoding, peak memory.

    python -m benchmarks.origin [--repetitions 15]

Convolutional GON, 32x32, 16 filters, 256 latents, float32. The nested tape of a Gauss-Newton step
needs a Jacobian for each image; at batch 256 that takes more memory than most machines have, so it
is measured at batch 64 only.
"""

from __future__ import annotations

import argparse
import json
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import tensorflow as tf

import gon_tf
from benchmarks.measure import in_fresh_process, machine, median_times, peak_growth, print_table

SHAPE, LATENTS = (32, 32, 1), 256
BATCHES = (64, 256)
STEPS = ("gradient", "gauss-newton")
PATHS = ("nested", "linearised")


class NestedGON(gon_tf.GON):
    """A GON that runs the decoder at the origin once for every image, as the paper does."""

    shares_origin = False


def build(step: str, path: str) -> gon_tf.GON:
    """A compiled model of one of the PATHS."""
    keras.utils.set_random_seed(0)
    cls = NestedGON if path == "nested" else gon_tf.GON
    model = cls(gon_tf.ConvDecoder(SHAPE, LATENTS), step=step)
    model.compile(keras.optimizers.Adam(1e-3))
    return model


def pictures(batch: int) -> tf.Tensor:
    """A batch of random images."""
    return tf.random.stateless_uniform((batch, *SHAPE), [1, 2])


def training_step(step: str, path: str, batch: int):
    """A function that takes one training step."""
    model, images = build(step, path), pictures(batch)
    function = tf.function(model.train_step)
    return lambda: function(images)["loss"].numpy()


def encoding(step: str, path: str, batch: int):
    """A function that encodes a batch: by the nested tape, or by fold and matrix product."""
    model, images = build(step, path), pictures(batch).numpy()
    return lambda: model.encode(images)


def product(step: str, batch: int):
    """A function that encodes a batch by an encoder that has been folded before."""
    encoder, images = build(step, "linearised").fold(), pictures(batch)
    function = tf.function(encoder)
    return lambda: function(images).numpy()


def feasible(step: str, path: str, batch: int) -> bool:
    """Whether the memory of a usual machine is enough."""
    return (step, path) != ("gauss-newton", "nested") or batch <= 64


def memory(kind: str, step: str, path: str, batch: int) -> float:
    """Peak memory in MiB of one of the functions above, in a process of its own."""
    return in_fresh_process(
        "benchmarks.origin", "--peak", kind, "--step", step, "--path", path, "--batch", str(batch)
    )["peak_mib"]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--repetitions", type=int, default=15)
    parser.add_argument("--peak", choices=["training", "encoding"], help=argparse.SUPPRESS)
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--path", choices=PATHS, help=argparse.SUPPRESS)
    parser.add_argument("--batch", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    kinds = {"training": training_step, "encoding": encoding}
    if options.peak:
        make = kinds[options.peak]
        peak = peak_growth(lambda: make(options.step, options.path, options.batch))
        print(json.dumps({"peak_mib": peak}))
        return

    rows = []
    for step in STEPS:
        for batch in BATCHES:
            paths = [path for path in PATHS if feasible(step, path, batch)]
            for kind, make in kinds.items():
                functions = {path: make(step, path, batch) for path in paths}
                if kind == "encoding":
                    functions["folded before"] = product(step, batch)
                times = median_times(functions, options.repetitions)
                for path, seconds in times.items():
                    ratio = times["nested"] / seconds if "nested" in times else None
                    rows.append(
                        [
                            kind,
                            step,
                            str(batch),
                            path,
                            f"{1000 * seconds:.1f}",
                            f"{ratio:.1f}x" if ratio else "",
                            f"{memory(kind, step, path, batch):.0f}" if path in PATHS else "",
                        ]
                    )
    print(machine())
    print_table(["", "step", "batch", "path", "ms", "nested / this", "peak MiB"], rows)


if __name__ == "__main__":
    main()

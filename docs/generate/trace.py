"""Shows how far a newcomer must read: `python -m docs.generate.trace`.

Counts the files of the package, and their functions, that are run through by one training step and
by the `reconstruct` that follows it, of each GON. Everything is run eagerly, so that each function
is seen, and one step was made before: what builds the layers is not counted.
"""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import gon_tf

PACKAGE = Path(gon_tf.__file__).parent
SHAPE = (16, 16, 1)


def models() -> dict[str, keras.Model]:
    """A small model of each kind, by its name."""
    return {
        "GON": gon_tf.GON(gon_tf.ConvDecoder(SHAPE, latent_dim=4, filters=2)),
        "VariationalGON": gon_tf.VariationalGON(gon_tf.ConvDecoder(SHAPE, latent_dim=4, filters=2)),
        "ImplicitGON": gon_tf.ImplicitGON(
            gon_tf.ImplicitDecoder(1, latent_dim=4, width=8, depth=2), SHAPE
        ),
    }


def trace(function: Callable[[], object]) -> set[tuple[str, str]]:
    """(file, function) of the package for all that `function` runs through."""
    found = set()

    def enter(frame, event, _):
        path = Path(frame.f_code.co_filename)
        if event == "call" and PACKAGE in path.parents:
            found.add((str(path.relative_to(PACKAGE)), frame.f_code.co_qualname))

    sys.setprofile(enter)
    try:
        function()
    finally:
        sys.setprofile(None)
    return found


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--files", action="store_true", help="name the files")
    options = parser.parse_args()
    tf.config.run_functions_eagerly(True)
    images = np.random.default_rng(0).random((4, *SHAPE), np.float32)
    print(f"{'':32}files  functions")
    for name, model in models().items():
        model.compile(keras.optimizers.Adam(1e-3), run_eagerly=True)
        model.train_on_batch(images)
        ways = {
            "training step": functools.partial(model.train_on_batch, images),
            "reconstruct": functools.partial(model.reconstruct, images),
        }
        for way, function in ways.items():
            found = trace(function)
            files = sorted({file for file, _ in found})
            print(f"{name + ', ' + way:32}{len(files):5}  {len(found):9}")
            if options.files:
                print("    " + "  ".join(files))


if __name__ == "__main__":
    main()

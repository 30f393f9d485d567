"""The figures of docs/your-pictures.md, of a model that its first command has trained.

    python -m docs.generate.your_pictures MODEL FOLDER      writes docs/figures/your-pictures

Prints the figures that the page gives with them.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import numpy as np

import gon_tf
from docs.generate.method import figure
from docs.generate.pages import CHECKOUT
from gon_tf.pictures import to_uint8, write

FIGURES = CHECKOUT / "docs" / "figures" / "your-pictures"
SHOWN = 10


def main() -> None:
    """Draws reconstructions, samples and the most unusual pictures, and copies the curve."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("model", help="its folder")
    parser.add_argument("pictures", help="the folder that it was trained on")
    options = parser.parse_args()
    FIGURES.mkdir(parents=True, exist_ok=True)
    model = gon_tf.load(options.model)
    batches = gon_tf.data.load(options.pictures, model.image_shape, 500)
    images = np.concatenate(list(batches))
    found = to_uint8(model.reconstruct(images))
    errors = np.sum((images / 255.0 - found / 255.0) ** 2, axis=(1, 2, 3))
    some = np.linspace(0, len(images) - 1, SHOWN).astype(int)
    odd = np.argsort(errors)[: -SHOWN - 1 : -1]
    samples = to_uint8(model.sample(2 * SHOWN))
    draw = {
        "reconstructions": [("pictures", images[some]), ("reconstructions", found[some])],
        "samples": [("samples", samples[:SHOWN]), ("", samples[SHOWN:])],
        "odd": [("the most unusual", images[odd]), ("reconstructions", found[odd])],
    }
    shutil.copy(Path(options.model) / "loss.png", FIGURES)
    for name, rows in draw.items():
        write(FIGURES / f"{name}.png", figure(rows, scale=2))
    print(f"{len(images):,} pictures, half of them with an error below {np.median(errors):.2f}")
    print(f"the most unusual {errors[odd].round(1).tolist()}")


if __name__ == "__main__":
    main()

"""The figures of docs/your-pictures.md, of a model that its first command has trained.

    python -m docs.generate.your_pictures MODEL FOLDER HELD_OUT    writes docs/figures/your-pictures

Prints the figures that the page gives with them.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any

import numpy as np

import gon_tf
from docs.generate.method import figure
from docs.generate.pages import CHECKOUT
from gon_tf.pictures import to_uint8, write

FIGURES = CHECKOUT / "docs" / "figures" / "your-pictures"
SHOWN, PIXELS = 10, 64  # pictures in a row, and their width in the figures


def given_back(model: Any, folder: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The pictures of a folder, what a model makes of them, and the squared error of each."""
    images = np.concatenate(list(gon_tf.data.load(folder, model.image_shape, 500)))
    found = to_uint8(model.reconstruct(images))
    return images, found, np.sum((images / 255.0 - found / 255.0) ** 2, axis=(1, 2, 3))


def main() -> None:
    """Draws reconstructions, samples and the most unusual pictures, and copies the curve."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("model", help="its folder")
    parser.add_argument("pictures", help="the folder that it was trained on")
    parser.add_argument("held_out", help="a folder of others, for the reconstructions")
    options = parser.parse_args()
    FIGURES.mkdir(parents=True, exist_ok=True)
    model = gon_tf.load(options.model)
    images, found, errors = given_back(model, options.pictures)
    odd = np.argsort(errors)[: -SHOWN - 1 : -1]
    others, found_others, _ = given_back(model, options.held_out)
    some = np.linspace(0, len(others) - 1, SHOWN).astype(int)
    samples = to_uint8(model.sample(2 * SHOWN))
    draw = {
        "reconstructions": [("pictures", others[some]), ("reconstructions", found_others[some])],
        "samples": [("samples", samples[:SHOWN]), ("", samples[SHOWN:])],
        "odd": [("the most unusual", images[odd]), ("reconstructions", found[odd])],
    }
    shutil.copy(Path(options.model) / "loss.png", FIGURES)
    for name, rows in draw.items():
        write(FIGURES / f"{name}.png", figure(rows, max(1, PIXELS // model.image_shape[1])))
    print(f"{len(images):,} pictures, half of them with an error below {np.median(errors):.2f}")
    print(f"the most unusual {errors[odd].round(1).tolist()}")


if __name__ == "__main__":
    main()

"""Draws docs/figures/samples: `python -m docs.generate.sample_pictures [--data-dir FOLDER]`.

A picture for each zoo model: samples as they were drawn before local Gaussians on the left, and as
they are drawn on the right, of the same seeds. Before means N(0, I) for variational models, and a
mixture of 10 to 30 full Gaussians for others, which is fitted anew here.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import gon_tf
from benchmarks.priors import with_prior
from gon_tf import files, pictures, zoo
from gon_tf.latents.mixture import MOST_LATENTS

FOLDER = Path(__file__).resolve().parents[1] / "figures" / "samples"
# Full Gaussians of the mixtures that the zoo had; 10 where it had a single one.
FORMERLY = {
    **dict.fromkeys(["coil20-conv", "coil20-implicit"], 20),
    **dict.fromkeys(["mnist-implicit", "fashion-mnist-implicit"], 30),
}
COLUMNS, ROWS, MARGIN = 6, 4, 8  # of each half; pixels between the halves


def before(name: str, model, data_dir: str | None) -> np.ndarray:
    """Samples of a model as they were drawn before, float `[n, height, width, channels]`."""
    if model.is_normal:
        return model.sample(COLUMNS * ROWS, prior="normal")
    dataset = files.read_json(zoo.locate(name) / zoo.METADATA)["recipe"]["dataset"]
    images = gon_tf.data.open_images(dataset, model.image_shape, data_dir=data_dir).pixels
    chosen = np.linspace(0, len(images) - 1, min(MOST_LATENTS, len(images))).astype(int)
    former = with_prior(model, FORMERLY.get(name, 10), rank=None, prior="mixture")
    former.fit_latents(images[chosen])
    return former.sample(COLUMNS * ROWS)


def side_by_side(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """One picture of two grids."""
    grids = [pictures.grid(pictures.to_uint8(images), COLUMNS) for images in (left, right)]
    height, _, channels = grids[0].shape
    gap = np.full((height, MARGIN, channels), 255, np.uint8)
    return np.concatenate([grids[0], gap, grids[1]], axis=1)


def main() -> None:
    """Draws all of them."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--data-dir", help="folder of the TensorFlow Datasets")
    parser.add_argument("--models", nargs="+", default=gon_tf.list_models())
    options = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in options.models:
        model = gon_tf.load(name)
        left = before(name, model, options.data_dir)
        picture = side_by_side(left, model.sample(COLUMNS * ROWS))
        pictures.write(FOLDER / f"{name}.webp", pictures.zoomed(picture, 2))


if __name__ == "__main__":
    main()

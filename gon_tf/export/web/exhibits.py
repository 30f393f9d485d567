"""A model as a page shows it: with a name, examples, and what is known of its training."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gon_tf import files, pictures, presets, zoo
from gon_tf.models.inputs import checked_images, to_unit_range

EXAMPLES = 8


@dataclass(frozen=True)
class Exhibit:
    """A model on a page.

    Args:
        name: that the page calls it by.
        model: a trained GON in float32.
        images: examples that the page begins with, `[n, height, width, channels]`, uint8 or float
            in [0, 1]; the first 8 count. By default the model makes some.
        metadata: as a preset's metadata.json: `description`, and `error_quantiles`
            (`gon_tf.anomaly.error_quantiles`) for the distribution of the training errors.

    Example:
        >>> exhibit = gon_tf.export.web.Exhibit("mine", model, images)
        >>> exhibit.images.shape
        (8, ...)
    """

    name: str
    model: Any
    images: Any = None
    metadata: dict = field(default_factory=dict)

    def __post_init__(self):
        if not hasattr(self.model, "image_shape"):
            raise TypeError(f"model must be a model of gon_tf. Received: {self.model!r}")
        images = self.images
        if images is None:
            images = made_by(self.model)
        images = checked_images(images, self.model.image_shape)[:EXAMPLES]
        if len(images) == 0:
            raise ValueError("images must hold an example. Received: none")
        images = pictures.to_uint8(np.asarray(to_unit_range(images)))
        object.__setattr__(self, "images", images)


def made_by(model: Any) -> np.ndarray:
    """Pictures that a model draws itself, in [0, 1]."""
    if model.drawn_prior().is_fitted:
        made = model.sample(EXAMPLES)
    else:
        noise = np.random.default_rng(0).standard_normal((EXAMPLES, model.latent_dim))
        made = model.decode(noise.astype(np.float32))
    return np.clip(made, 0.0, 1.0)


def exhibit_of(preset: str | os.PathLike, model: Any = None, images: Any = None) -> Exhibit:
    """The exhibit of a preset, with the held-out images of its card as examples, if it has a card.

    Args:
        preset: name of a zoo model, path of a preset folder, or URL, as for `gon_tf.load`.
        model: what that loads, if it has been loaded.
        images: other examples, as in `Exhibit`.

    Raises:
        ValueError: if there is no such model, or the preset is damaged.
        OSError: if a file of the preset is missing.

    Example:
        >>> gon_tf.export.web.exhibit_of("mnist-conv").name
        'mnist-conv'
    """
    folder = zoo.locate(preset)
    model = presets.load(preset) if model is None else model
    if images is None:
        images = from_card(folder / "reconstructions.png", model.image_shape)
    name = os.fspath(preset).rstrip("/").rpartition("/")[2]
    if name in ("", ".", ".."):
        name = folder.resolve().name
    metadata = folder / zoo.METADATA
    return Exhibit(name, model, images, files.read_json(metadata) if metadata.exists() else {})


def from_card(path: Path, image_shape: tuple[int, ...]) -> np.ndarray | None:
    """The images on a card: every other row of a grid. None if there is no such picture."""
    from PIL import Image

    if not path.is_file():
        return None
    height, width, channels = image_shape
    with Image.open(path) as picture:
        grid = np.asarray(picture.convert("L" if channels == 1 else "RGB"))
    rows, columns = height + pictures.GAP, width + pictures.GAP
    if (grid.shape[0] + pictures.GAP) % (2 * rows) or (grid.shape[1] + pictures.GAP) % columns:
        return None  # another picture
    return np.stack(
        [
            grid[top : top + height, left : left + width].reshape(image_shape)
            for top in range(0, grid.shape[0], 2 * rows)
            for left in range(0, grid.shape[1], columns)
        ]
    )

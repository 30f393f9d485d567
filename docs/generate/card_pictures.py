"""The pictures on the cards: held-out images, and what a model makes of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from docs.generate import cards
from gon_tf.pictures import grid, to_uint8

COLUMNS = 10
MOST_BYTES = 60_000
ENLARGED, SHOWN = 4, 5  # super-resolution: times a side, and images


def draw(name: str, folder: Path, metadata: dict, data_dir: str | None = None) -> None:
    """Writes the pictures of a model beside its card.

    Args:
        name: of the model.
        folder: its preset.
        metadata: whose `metrics["split"]` names the held-out images.
        data_dir: folder of the TensorFlow Datasets.

    Raises:
        ValueError: if a picture cannot be made small enough.
    """
    import gon_tf

    model = gon_tf.load(folder)
    images = held_out(metadata["metrics"]["split"], model.image_shape, data_dir)
    makers = {
        "reconstructions.png": reconstructions,
        "samples.png": samples,
        "interpolation.png": interpolation,
        "super-resolution.png": super_resolution,
    }
    for file in cards.picture_names(name.rpartition("-")[2]):
        write(folder / file, makers[file](model, images))


def held_out(split: str, image_shape, data_dir) -> np.ndarray:
    """Images from all over a split, uint8: data sets may be sorted."""
    import gon_tf

    images = np.concatenate(list(gon_tf.data.load(split, image_shape, 500, data_dir=data_dir)))
    return images[np.linspace(0, len(images) - 1, 2 * COLUMNS).astype(int)]


def reconstructions(model, images) -> np.ndarray:
    """Two rows of images, each above what the model makes of them."""
    found = to_uint8(model.reconstruct(images))
    halves = [rows[i : i + COLUMNS] for i in (0, COLUMNS) for rows in (images, found)]
    return grid(np.concatenate(halves), COLUMNS)


def samples(model, images) -> np.ndarray:
    """Four rows of samples, seeds 0 to 39."""
    return grid(to_uint8(model.sample(4 * COLUMNS)), COLUMNS)


def interpolation(model, images) -> np.ndarray:
    """Three ways from one image to another."""
    ways = [model.interpolate(a, b, COLUMNS) for a, b in zip(images[:3], images[3:6], strict=True)]
    return grid(to_uint8(np.concatenate(ways)), COLUMNS)


def super_resolution(model, images) -> np.ndarray:
    """A few images enlarged, bicubic above and by the model below."""
    from PIL import Image

    shown = images[:: len(images) // SHOWN][:SHOWN]
    height, width = (ENLARGED * side for side in model.image_shape[:2])
    bicubic = [
        np.asarray(
            Image.fromarray(image.squeeze()).resize((width, height), Image.Resampling.BICUBIC)
        )
        for image in shown
    ]
    bicubic = np.stack(bicubic).reshape(len(shown), height, width, -1)
    drawn = to_uint8(model.decode(model.encode(shown), size=(height, width)))
    return grid(np.concatenate([bicubic, drawn]), len(shown))


def write(path: Path, image: np.ndarray) -> None:
    """Writes a uint8 picture as a small PNG, in fewer colours if it must be.

    Raises:
        ValueError: if it is too large all the same.
    """
    from PIL import Image

    picture = Image.fromarray(image.squeeze())
    for colours in (None, 256, 64):
        reduced = picture.quantize(colours) if colours else picture
        reduced.save(path, "PNG", optimize=True)
        if path.stat().st_size <= MOST_BYTES:
            return
    raise ValueError(f"{path} has {path.stat().st_size:,} bytes; {MOST_BYTES:,} are the most.")

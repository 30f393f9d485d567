"""Pictures of any size and kind, brought to the size and the channels of a model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gon_tf.cli import streams

if TYPE_CHECKING:
    import numpy as np

option = click.option(
    "--fit",
    type=click.Choice(["stretch", "pad", "crop"]),
    default="stretch",
    show_default=True,
    help="How a picture of another shape gets the model's: stretched, padded with black, or "
    "cropped to its centre.",
)


def read_all(paths: Sequence[Path], image_shape, fit: str = "stretch") -> np.ndarray:
    """Pictures at a model's size, uint8 `[len(paths), height, width, channels]`.

    Args:
        paths: files, or `-` for stdin.
        image_shape: (height, width, channels) of the model.
        fit: "stretch", "pad" or "crop".

    Raises:
        ValueError: if a file is not a picture.
    """
    import numpy as np

    pictures = np.empty((len(paths), *image_shape), "uint8")
    for i, path in enumerate(paths):
        pictures[i] = FITS[fit](read(path, image_shape[-1]), image_shape[:-1])
    return pictures


def read(path: Path, channels: int) -> np.ndarray:
    """A picture of any size, uint8 `[height, width, channels]`."""
    import numpy as np

    from gon_tf import data
    from gon_tf.data.images import decode_image

    if streams.is_stream(path):
        picture = decode_image(streams.content(), "stdin")
    else:
        picture = data.read_image(path)
    return np.asarray(data.to_channels(picture, channels))


def resize(picture, size: tuple[int, int]) -> np.ndarray:
    """`picture` with as many pixels as `size` says, (height, width)."""
    import numpy as np

    from gon_tf import data

    return np.asarray(data.resize(picture, size))


def stretch(picture, size: tuple[int, int], resize=resize) -> np.ndarray:
    """`picture` at (height, width) `size`, whatever its shape was."""
    return resize(picture, size)


def pad(picture, size: tuple[int, int], resize=resize) -> np.ndarray:
    """`picture` as large as it fits into `size`, in the middle of a black one."""
    import numpy as np

    factor = min(side / own for side, own in zip(size, picture.shape, strict=False))
    # At least a pixel, whatever the shape; at most the size, whatever the rounding.
    inner = [
        min(max(round(own * factor), 1), side)
        for side, own in zip(size, picture.shape, strict=False)
    ]
    top, left = ((side - part) // 2 for side, part in zip(size, inner, strict=True))
    canvas = np.zeros((*size, picture.shape[-1]), "uint8")
    canvas[top : top + inner[0], left : left + inner[1]] = resize(picture, (inner[0], inner[1]))
    return canvas


def crop(picture, size: tuple[int, int], resize=resize) -> np.ndarray:
    """The largest middle part of `picture` that has the shape of `size`, at that size."""
    import numpy as np

    from gon_tf import data

    return resize(np.asarray(data.crop_to_aspect(picture, size)), size)


FITS = {"stretch": stretch, "pad": pad, "crop": crop}

"""Pictures as files, and grids of pictures, uint8 [height, width, 1 (grey) or 3 (RGB)]."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gon_tf import picture_files
from gon_tf.cli import outputs

if TYPE_CHECKING:
    import numpy as np

    Pictures = Sequence[np.ndarray] | np.ndarray

GAP = 2  # pixels between the tiles of a grid


def find(paths: Iterable[Path]) -> list[Path]:
    """The files that `paths` name, and the pictures in the folders among them, sorted.

    Raises:
        OSError: if one of the paths does not exist, or is a folder without pictures.
    """
    found = []
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f"There is no file or folder {path}.")
        files = picture_files.find(path) if path.is_dir() else [path]
        if not files:
            raise FileNotFoundError(f"The folder {path} holds no pictures ({accepted()}).")
        found.extend(files)
    return found


def accepted() -> str:
    """The suffixes of pictures, for messages."""
    return " ".join(sorted(picture_files.SUFFIXES))


def check(path: Path) -> None:
    """Raise OSError if `path` is no picture, as far as can be told without decoding it.

    `gon_tf.data.read_image` finds the rest, but needs TensorFlow and the time to decode.
    """
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                image.verify()
    except (FileNotFoundError, IsADirectoryError, PermissionError):
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        limit = f"{Image.MAX_IMAGE_PIXELS:,}"
        raise OSError(f"{path} is too large a picture; {limit} pixels are the most.") from error
    except Image.UnidentifiedImageError as error:
        what = "is empty" if path.stat().st_size == 0 else "is not a picture"
        raise OSError(f"{path} {what}; pictures are {accepted()}.") from error
    except Exception as error:  # the decoders raise whatever a broken file leads them into
        raise OSError(f"{path} is a broken picture: {error}") from error


def to_uint8(images) -> np.ndarray:
    """Pictures in [0, 1] as uint8."""
    import numpy as np

    return np.rint(np.clip(np.asarray(images, "float32"), 0, 1) * 255).astype("uint8")


def grid(images: Pictures, columns: int) -> np.ndarray:
    """One picture of all `images`, row by row, with white gaps."""
    import numpy as np

    height, width, channels = images[0].shape
    rows = math.ceil(len(images) / columns)
    size = rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, channels
    canvas = np.full(size, 255, "uint8")
    for i, image in enumerate(images):
        top, left = i // columns * (height + GAP), i % columns * (width + GAP)
        canvas[top : top + height, left : left + width] = image
    return canvas


def square(images: Pictures) -> np.ndarray:
    """A grid as near to a square as the number of images allows."""
    return grid(images, math.ceil(math.sqrt(len(images))))


def pairs(above: Pictures, below: Pictures) -> np.ndarray:
    """A grid in which every picture of `above` stands over its counterpart in `below`."""
    import numpy as np

    count = len(above)
    columns = count if count <= 10 else math.ceil(math.sqrt(2 * count))
    blank = [np.full_like(above[0], 255)] * (-count % columns)
    tiles = []
    for start in range(0, count, columns):
        for row in (above, below):
            part = list(row[start : start + columns])
            tiles += part + blank[: columns - len(part)]
    return grid(tiles, columns)


def write(path: Path, image: np.ndarray) -> None:
    """Write a uint8 picture as PNG, whole or not at all."""
    from PIL import Image

    pixels = image[..., 0] if image.shape[-1] == 1 else image
    with outputs.replacing(path) as temporary:
        Image.fromarray(pixels).save(temporary, "PNG")

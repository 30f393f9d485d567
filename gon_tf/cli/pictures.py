"""Pictures as files, and grids of pictures, uint8 [height, width, 1 (grey) or 3 (RGB)]."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gon_tf import picture_files
from gon_tf.cli import outputs, streams
from gon_tf.plots import GAP, grid, pairs, square, to_uint8  # noqa: F401 - the commands draw

if TYPE_CHECKING:
    import numpy as np

    Pictures = Sequence[np.ndarray] | np.ndarray

MOST_PIXELS = 200_000_000  # of a grid
MOST_SIDE = {"JPEG": 65_500, "WEBP": 16_383}  # pixels that the formats can hold


def find(paths: Iterable[Path]) -> list[Path]:
    """The files that `paths` name, and the pictures in the folders among them, sorted.

    `-` is stdin.

    Raises:
        OSError: if one of the paths does not exist, or is a folder without pictures.
        click.UsageError: if stdin is named twice.
    """
    paths, found = list(paths), []
    streams.check_inputs(paths)
    for path in paths:
        if streams.is_stream(path):
            found.append(path)
            continue
        if not path.exists():
            raise FileNotFoundError(f"There is no file or folder {path}.")
        files = picture_files.find(path) if path.is_dir() else [path]
        if not files:
            raise FileNotFoundError(f"The folder {path} holds no pictures ({accepted()}).")
        found.extend(files)
    return found


def single(paths: Sequence[Path]) -> list[Path]:
    """`paths`, each of which must be one picture.

    Raises:
        OSError: if one of the paths does not exist or is a folder.
        click.UsageError: if stdin is named twice.
    """
    for path in paths:
        if path.is_dir():
            raise IsADirectoryError(f"{path} is a folder; give one picture.")
    return find(paths)


def accepted() -> str:
    """The suffixes of pictures, for messages."""
    return " ".join(sorted(picture_files.SUFFIXES))


def check(path: Path) -> None:
    """Raise OSError if `path` is no picture, as far as can be told without decoding it.

    `gon_tf.data.read_image` finds the rest, but needs TensorFlow and the time to decode.
    """
    from PIL import Image

    with streams.opened(path) as file:
        empty = not file.read(1)
        file.seek(0)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                with Image.open(file) as image:
                    image.verify()
        except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
            most = f"{Image.MAX_IMAGE_PIXELS:,}"
            reason = f"is too large a picture; {most} pixels are the most"
            raise OSError(f"{streams.title(path)} {reason}.") from error
        except Image.UnidentifiedImageError as error:
            what = "is empty" if empty else "is not a picture"
            raise OSError(f"{streams.title(path)} {what}; pictures are {accepted()}.") from error
        except Exception as error:  # the decoders raise whatever a broken file leads them into
            raise OSError(f"{streams.title(path)} is a broken picture: {error}") from error


def check_grid(count: int, size: Sequence[int]) -> None:
    """Raise ValueError if `count` pictures of (height, width, ...) `size` are too many for one."""
    height, width = size[:2]
    if count * (height + GAP) * (width + GAP) > MOST_PIXELS:
        raise ValueError(
            f"A picture of {count:,} pictures of {height}x{width} pixels is too large; give a "
            "folder as OUT, without --grid."
        )


def enlarged(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """`picture` at (height, width) `size`, its pixels as they are."""
    rows, columns = (
        [i * own // side for i in range(side)]
        for side, own in zip(size, picture.shape, strict=False)
    )
    return picture[rows][:, columns]


def row(images: Pictures) -> np.ndarray:
    """A grid of one row; of several if there are more than ten."""
    return grid(images, min(len(images), 10))


def write_all(plan: outputs.Plan, images: Pictures, whole: Callable[[], np.ndarray]) -> None:
    """Write what is planned: each of `images` to its file, and the picture of the whole."""
    for file, image in zip(plan.files, images, strict=False):
        write(file, image)
    if plan.grid:
        write(plan.grid, whole())


def write(path: Path, image: np.ndarray) -> None:
    """Write a uint8 picture, whole or not at all, in the format of its suffix; PNG to stdout.

    Raises:
        ValueError: if the format cannot hold a picture of that size.
        OSError: if the file cannot be written.
    """
    content = encoded(path, image)
    if streams.is_stream(path):
        streams.write(content)
        return
    with outputs.replacing(path) as temporary:
        temporary.write_bytes(content)


def encoded(path: Path, image: np.ndarray) -> bytes:
    """The content of the picture file `path`."""
    from PIL import Image

    suffix = ".png" if streams.is_stream(path) else path.suffix.lower()
    kind, options = outputs.FORMATS[suffix]
    most = MOST_SIDE.get(kind, math.inf)
    if max(image.shape) > most:
        height, width, _ = image.shape
        raise ValueError(
            f"A {kind} picture has at most {most:,} pixels a side; write a .png file. "
            f"Received: {height} x {width} pixels for {path}"
        )
    content = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(content, kind, **options)
    return content.getvalue()

"""Picture files and grids: find, check, draw, write. No TensorFlow.

A picture in memory is uint8 `[height, width, 1 (grey) or 3 (RGB)]`.
"""

from __future__ import annotations

import io
import math
import os
import stat
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from gon_tf import files

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

    Pictures = Sequence[np.ndarray] | np.ndarray

# The pictures that can be read: the suffixes of their files, and Pillow's names of the formats.
SUFFIXES = frozenset({".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".png", ".webp"})
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP")
# What is larger is a mistake or an attack on the memory.
MAX_PIXELS, MAX_SIDE = 64_000_000, 20_000
# Those that can be written: format, and what Pillow is told, by the suffix of the file.
WRITERS = {
    ".png": ("PNG", {}),
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".webp": ("WEBP", {"lossless": True}),
}
MOST_SIDE = {"JPEG": 65_500, "WEBP": 16_383, "GIF": 65_535}  # pixels that the formats can hold
LITTER = frozenset({"__MACOSX", "Thumbs.db", "desktop.ini"})
GAP = 2  # pixels between the tiles of a grid
VISIBLE, VISIBLE_FRAME = 600, 280  # pixels that a grid, a frame of an animation has at least
ANIMATIONS: dict[str, dict[str, Any]] = {
    ".gif": {"format": "GIF", "disposal": 1},
    ".webp": {"format": "WEBP", "lossless": True},
}
FRAME, REST = 60, 600  # milliseconds of a frame, of the first and last


def accepted() -> str:
    """The suffixes of pictures, for messages."""
    return " ".join(sorted(SUFFIXES))


def find(folder: Path) -> list[Path]:
    """The picture files in a folder and below, sorted by path; linked folders are read, too.

    Left out is what systems leave behind (hidden files and folders, `__MACOSX` and the like) and,
    of a file that is there by several names (links), all but the first. A warning says how many
    other files were passed over.

    Args:
        folder: the folder, which exists.

    Returns:
        The paths, each beginning with `folder`.

    Example:
        >>> find(Path("photos"))
        [PosixPath('photos/cat.jpg'), PosixPath('photos/dogs/rex.png')]
    """
    first, others = {}, 0
    for path, status in sorted(_files(folder), key=lambda item: item[0]):
        if path.suffix.lower() not in SUFFIXES or not stat.S_ISREG(status.st_mode):
            others += 1
            continue
        # Some file systems have no numbers for their files.
        identity = (status.st_dev, status.st_ino) if status.st_ino else path
        first.setdefault(identity, path)
    if first and others:
        warnings.warn(
            f"Passed over in {folder}: {others:,} files other than {accepted()}.",
            stacklevel=2,
        )
    return list(first.values())


def _files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """What is in a folder and below but folders, whatever system litter and dangling links."""
    seen, waiting = set(), [folder]
    while waiting:
        place = waiting.pop()
        status = place.stat()
        if status.st_ino and (status.st_dev, status.st_ino) in seen:
            continue  # a link back to where we were
        seen.add((status.st_dev, status.st_ino))
        with os.scandir(place) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name in LITTER:
                    continue
                if entry.is_dir():
                    waiting.append(place / entry.name)
                elif os.path.exists(entry.path):
                    yield place / entry.name, os.stat(entry.path)


@dataclass(frozen=True)
class Picture:
    """A picture in a file or, as stdin's, in memory.

    Attributes:
        path: the file, `-` if there is none.
        content: what such a file would hold, if there is none.
    """

    path: Path
    content: bytes | None = None

    @property
    def name(self) -> str:
        """The picture in a result: its path, or "stdin"."""
        return str(self.path) if self.content is None else "stdin"

    @property
    def stem(self) -> str:
        """The name for what is made of the picture."""
        return self.path.stem if self.content is None else "stdin"

    def open(self) -> BinaryIO:
        """The picture's file, open for reading."""
        return self.path.open("rb") if self.content is None else io.BytesIO(self.content)

    def check(self) -> None:
        """Raise OSError if this is no picture, as far as can be told without decoding it.

        `gon_tf.data.read_image` finds the rest, but needs TensorFlow and the time to decode.
        """
        from PIL import Image

        title = self.name if self.content is None else "Stdin"
        with self.open() as file:
            empty = not file.read(1)
            file.seek(0)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", Image.DecompressionBombWarning)
                    with opened(file) as image:
                        too_large = math.prod(image.size) > MAX_PIXELS or max(image.size) > MAX_SIDE
                        image.verify()
            except Image.DecompressionBombError:
                too_large = True
            except Image.UnidentifiedImageError as error:
                what = "is empty" if empty else "is not a picture"
                raise OSError(f"{title} {what}; pictures are {accepted()}.") from error
            except Exception as error:  # the decoders raise whatever a broken file leads them into
                raise OSError(f"{title} is a broken picture: {error}") from error
        if too_large:
            most = f"{MAX_PIXELS:,} pixels, {MAX_SIDE:,} a side, are the most"
            raise OSError(f"{title} is too large a picture; {most}.")


def opened(file: BinaryIO) -> Image.Image:
    """A picture's file as Pillow opens it, with what can be read of its EXIF data.

    Raises:
        PIL.UnidentifiedImageError: if it is no picture; other errors as `PIL.Image.open`.
    """
    from PIL import Image

    try:
        return Image.open(file, formats=FORMATS)
    except Exception:  # of a JPEG with strange EXIF data that, too: Pillow looks there for the dpi
        file.seek(0)
        plain, exif = without_exif(file.read())
        if not exif:
            raise
        image = Image.open(io.BytesIO(plain), formats=FORMATS)
        image.info["exif"] = exif  # which a reader of the orientation may still try
        return image


def without_exif(content: bytes) -> tuple[bytes, bytes]:
    """The content of a JPEG file without its EXIF data, and these; of other files as it is."""
    place, exif = 2, b""
    while content[:2] == b"\xff\xd8" and content[place : place + 1] == b"\xff":
        kind, length = content[place + 1], int.from_bytes(content[place + 2 : place + 4], "big")
        end = place + 2 + length
        if kind == 0xDA or length < 2:  # the pixels
            break
        segment = content[place + 4 : end]
        if kind == 0xE1 and segment.startswith(b"Exif\0\0"):
            exif, content, end = segment, content[:place] + content[end:], place
        place = end
    return content, exif


def to_uint8(images: Any) -> np.ndarray:
    """Pictures in [0, 1] as uint8; uint8 stays as it is."""
    import numpy as np

    if getattr(images, "dtype", None) == np.uint8:
        return images
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


def row(images: Pictures) -> np.ndarray:
    """A grid of one row; of several if there are more than ten."""
    return grid(images, min(len(images), 10))


def pairs(above: Pictures, below: Pictures) -> np.ndarray:
    """A grid in which every picture of `above` stands over its counterpart in `below`."""
    import numpy as np

    count = len(above)
    columns = count if count <= 10 else math.ceil(math.sqrt(2 * count))
    blank = [np.full_like(above[0], 255)] * (-count % columns)
    tiles = []
    for start in range(0, count, columns):
        for images in (above, below):
            part = list(images[start : start + columns])
            tiles += part + blank[: columns - len(part)]
    return grid(tiles, columns)


def enlarged(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """`picture` at (height, width) `size`, its pixels as they are."""
    rows, columns = (
        [i * own // side for i in range(side)]
        for side, own in zip(size, picture.shape, strict=False)
    )
    return picture[rows][:, columns]


def zoom_of(picture: np.ndarray, least: int = VISIBLE) -> int:
    """How many times to enlarge a picture so that its longer side has `least` pixels or more."""
    return max(1, math.ceil(least / max(picture.shape[:2])))


def zoomed(picture: np.ndarray, zoom: int) -> np.ndarray:
    """`picture` with each pixel as a square of `zoom` pixels a side."""
    return picture.repeat(zoom, axis=0).repeat(zoom, axis=1)


def animation(frames: Pictures, suffix: str) -> bytes:
    """The content of a picture file that shows `frames` forth and back, without end.

    Args:
        frames: at least one, of one size.
        suffix: .gif, which has 256 colours a frame, or .webp, which is exact.

    Raises:
        ValueError: if the format cannot hold a picture of that size.
    """
    from PIL import Image

    check_side(frames[0], ANIMATIONS[suffix.lower()]["format"])

    moving = [*frames, *frames[-2:0:-1]]
    images = [Image.fromarray(f[..., 0] if f.shape[-1] == 1 else f) for f in moving]
    durations = [REST if i in (0, len(frames) - 1) else FRAME for i in range(len(moving))]
    content = io.BytesIO()
    images[0].save(
        content,
        save_all=True,
        append_images=images[1:],
        duration=durations,
        loop=0,
        **ANIMATIONS[suffix.lower()],
    )
    return content.getvalue()


def check_side(image: np.ndarray, kind: str) -> None:
    """Raises ValueError if a format cannot hold a picture of that size."""
    most = MOST_SIDE.get(kind, math.inf)
    if max(image.shape) > most:
        height, width, _ = image.shape
        raise ValueError(
            f"A {kind} picture has at most {most:,} pixels a side; write a .png file. "
            f"Received: {height} x {width} pixels"
        )


def encoded(image: np.ndarray, path: Path) -> bytes:
    """The content of the picture file `path`, in the format of its suffix.

    Raises:
        ValueError: if the format cannot hold a picture of that size.
    """
    from PIL import Image

    kind, options = WRITERS[path.suffix.lower()]
    check_side(image, kind)
    content = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(content, kind, **options)
    return content.getvalue()


def write(path: Path, image: np.ndarray) -> None:
    """Write a picture, whole or not at all, in the format of the path's suffix.

    Raises:
        ValueError: if the format cannot hold a picture of that size.
        OSError: if the file cannot be written.
    """
    content = encoded(image, path)
    with files.replacing(path) as temporary:
        temporary.write_bytes(content)

"""One picture at a time: read it from a file, bring it to the channels and the size asked for."""

from __future__ import annotations

import contextlib
import io
import math
import os
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image, UnidentifiedImageError

from gon_tf import arguments
from gon_tf.pictures import FORMATS, MAX_PIXELS, MAX_SIDE, opened

MAX_BYTES = 2**28  # of a picture's file in a database
LARGE = 2**23  # pixels from which on pictures are decoded one at a time, and reduced
STRIP = 2**20  # pixels of a picture that are converted together
MOST_REDUCED = 64.0  # times a side: that many rows are converted together
# EXIF's orientations: whether rows and columns change places, and which of them are then reversed.
TURNS: dict[int | None, tuple[bool, int, int]] = {
    2: (False, 1, -1),
    3: (False, -1, -1),
    4: (False, -1, 1),
    5: (True, 1, 1),
    6: (True, 1, -1),
    7: (True, -1, -1),
    8: (True, -1, 1),
}
_one_large = threading.Lock()


def read_image(path: str | os.PathLike, size: tuple[int, int] | None = None) -> np.ndarray:
    """Read a picture file (PNG, JPEG, BMP, GIF, WebP; the first frame of an animation).

    The picture comes upright (EXIF orientation applied), transparent parts are laid on white,
    16 bits per channel are rounded to 8.

    Args:
        path: the file.
        size: (height, width) that the picture is wanted for. One of more than 8 megapixels then
            comes reduced, at least twice as large as that: several whole ones fill the memory.

    Returns:
        uint8 `[H, W, C]` in [0, 255], `C` = 1 for a grey picture and 3 for any other.

    Raises:
        ValueError: if the file is missing, broken, not a picture, or larger than 64 megapixels or
            20,000 pixels a side; the message names the file.

    Example:
        >>> read_image("photos/cat.jpg").shape
        (480, 640, 3)
    """
    with _naming(os.fspath(path)):
        if os.path.exists(path) and not os.path.isfile(path):  # to open a pipe might take forever
            raise ValueError("it is no regular file")
        return _decode(path, size)


def decode_image(data: bytes, name: str, size: tuple[int, int] | None = None) -> np.ndarray:
    """As `read_image`, of the content of a picture file; `name` is what an error calls it."""
    with _naming(name):
        if len(data) > MAX_BYTES:
            raise ValueError(f"{len(data):,} bytes are over {MAX_BYTES:,}")
        return _decode(io.BytesIO(data), size)


@contextlib.contextmanager
def _naming(name: str | bytes) -> Iterator[None]:
    """Make one sentence of whatever a broken file leads the decoders to."""
    try:
        yield
    except Exception as error:
        unknown = isinstance(error, UnidentifiedImageError)
        reason = f"it is none of {', '.join(FORMATS)}" if unknown else error
        raise ValueError(f"Cannot read image {name!r}: {reason}") from error


def check_size(height: int, width: int) -> None:
    """Raise ValueError if an image of so many pixels is too large."""
    if height * width > MAX_PIXELS:
        raise ValueError(f"{width} x {height} pixels are over 64 megapixels")
    if max(height, width) > MAX_SIDE:
        raise ValueError(f"{width} x {height} pixels: a side is over {MAX_SIDE:,}")


def _decode(file: str | os.PathLike | io.BytesIO, size: tuple[int, int] | None) -> np.ndarray:
    """The picture in an open file or at a path, its size checked before it is decoded."""
    with contextlib.ExitStack() as closing:
        content = file if isinstance(file, io.BytesIO) else closing.enter_context(open(file, "rb"))
        image = closing.enter_context(opened(content))
        check_size(image.height, image.width)
        if image.width * image.height <= LARGE:
            return _upright(image, np.asarray(_convert(_loaded(image))))
        with _one_large:
            pixels = _upright(image, _convert_large(image, size))
            image.close()  # gives its memory back before the next one begins
            return pixels


def _upright(image: Image.Image, pixels: np.ndarray) -> np.ndarray:
    """The pixels of a picture `[H, W, C]` as its EXIF says, if that can be read."""
    try:
        swap, down, right = TURNS.get(image.getexif().get(0x0112), (False, 1, 1))
    except Exception:  # whatever is wrong with it
        swap, down, right = False, 1, 1
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    pixels = pixels.swapaxes(0, 1) if swap else pixels
    return np.ascontiguousarray(pixels[::down, ::right])


def _loaded(image: Image.Image) -> Image.Image:
    """The picture, decoded."""
    image.load()
    if image.format == "BMP" and image.mode == "RGBA" and image.getchannel("A").getbbox() is None:
        image.putalpha(255)  # many programs leave these bytes empty
    return image


def _convert(image: Image.Image) -> Image.Image:
    """A picture of whatever mode as grey ("L") or "RGB", transparent parts on white."""
    if image.mode.startswith("I"):  # Pillow would cut 16 bits off at 255 instead of scaling them
        return Image.fromarray(((np.asarray(image, np.uint32) + 128) // 257).astype(np.uint8))
    mode = "L" if image.mode in ("1", "L", "LA") else "RGB"
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return image if image.mode == mode else image.convert(mode)


def _convert_large(image: Image.Image, size: tuple[int, int] | None) -> np.ndarray:
    """The pixels of a picture, reduced to no less than twice the (height, width) `size`.

    Some rows at a time, as each conversion needs several times the memory of what it converts.
    """
    side = max(size) if size else math.inf  # whichever way the picture will be turned
    # A JPEG can be decoded to less; its last pixels may then lie partly beyond its edge.
    drafted = image.draft(image.mode, (2 * max(size),) * 2) if size else None
    columns, rows = drafted[1][2:] if drafted else image.size
    factor = max(1.0, min(rows / (2 * side), columns / (2 * side), MOST_REDUCED))
    height, width = int(rows / factor), int(columns / factor)
    image, pixels = _loaded(image), None
    together = max(1, int(STRIP / (factor * image.width)))
    for first in range(0, height, together):
        last = min(first + together, height)
        begin, end = (rows / height * row for row in (first, last))
        top, bottom = int(begin), min(math.ceil(end), image.height)
        strip = _convert(image.crop((0, top, image.width, bottom)))
        box = (0, begin - top, columns, min(end - top, strip.height))
        part = np.asarray(strip.resize((width, last - first), Image.Resampling.BOX, box))
        if pixels is None:
            pixels = np.empty([height, *part.shape[1:]], np.uint8)
        pixels[first:last] = part
    assert pixels is not None
    return pixels


def to_channels(images: Any, channels: int) -> tf.Tensor:
    """Turn grey images into RGB or colour images into grey.

    Grey becomes RGB by repetition and RGB becomes grey by luma weights (ITU-R 601), so that a grey
    image survives the way there and back unchanged. A fourth channel (alpha) is dropped.

    Args:
        images: uint8 `[..., H, W, 1, 3 or 4]`.
        channels: 1 for grey, 3 for RGB.

    Returns:
        uint8 `[..., H, W, channels]`.

    Raises:
        ValueError: if `channels` or the images' channels are any others.

    Example:
        >>> to_channels(np.zeros([28, 28, 1], np.uint8), 3).shape
        TensorShape([28, 28, 3])
    """
    images = _as_uint8(images)
    arguments.choice("channels", channels, (1, 3))
    if images.shape[-1] not in (1, 3, 4, None):
        raise ValueError(f"images must have 1, 3 or 4 channels. Received: shape={images.shape}")
    if images.shape[-1] == channels:
        return images
    # Broadcasting fits grey and colour alike, so it serves where the channels are not known yet.
    colours = images[..., :3]  # pyright: ignore[reportArgumentType]
    rgb = tf.broadcast_to(colours, tf.concat([tf.shape(images)[:-1], [3]], axis=0))
    rgb = tf.ensure_shape(rgb, [*images.shape[:-1], 3])
    return rgb if channels == 3 else tf.image.rgb_to_grayscale(rgb)


def resize(images: Any, size: tuple[int, int]) -> tf.Tensor:
    """Bring an image or a batch to a size.

    Bilinear with antialiasing, which is how the published networks' images were made. The aspect
    ratio is not kept. Images that have the size already come back as they are.

    Args:
        images: uint8 `[H, W, C]` or `[B, H, W, C]`.
        size: (height, width) in pixels.

    Returns:
        uint8 `[height, width, C]` or `[B, height, width, C]`, rounded to the nearest value.

    Raises:
        ValueError: if the images are not uint8.

    Example:
        >>> resize(np.zeros([28, 28, 1], np.uint8), (32, 32)).shape
        TensorShape([32, 32, 1])
    """
    images = _as_uint8(images)
    if tuple(images.shape[-3:-1]) == tuple(size):
        return images
    resized = tf.image.resize(images, size, method="bilinear", antialias=True)
    return tf.cast(tf.clip_by_value(tf.round(resized), 0.0, 255.0), tf.uint8)


def crop_to_aspect(images: Any, size: tuple[int, int]) -> tf.Tensor:
    """Cut the largest middle part that has the aspect ratio of a size.

    Args:
        images: uint8 `[H, W, C]` or `[B, H, W, C]`.
        size: (height, width), of which only the ratio matters.

    Returns:
        uint8 `[..., H' <= H, W' <= W, C]`, one of the sides as it was.

    Example:
        >>> crop_to_aspect(np.zeros([30, 80, 3], np.uint8), (64, 64)).shape
        TensorShape([30, 30, 3])
    """
    images = _as_uint8(images)
    height, width = size
    static = images.shape[-3:-1].is_fully_defined()
    shape = images.shape if static else tf.shape(images)
    smaller, larger = (min, max) if static else (tf.minimum, tf.maximum)
    rows, columns = shape[-3], shape[-2]
    # To the nearest pixel: the ratio then changes by less than resizing could show.
    inner_rows = larger(1, smaller(rows, (2 * columns * height + width) // (2 * width)))
    inner_columns = larger(1, smaller(columns, (2 * rows * width + height) // (2 * height)))
    top, left = (rows - inner_rows) // 2, (columns - inner_columns) // 2
    return images[..., top : top + inner_rows, left : left + inner_columns, :]


def _as_uint8(images) -> tf.Tensor:
    images = tf.convert_to_tensor(images)
    if images.dtype != tf.uint8:
        raise ValueError(
            f"images must be uint8 with values in [0, 255]. Received: dtype={images.dtype.name}"
        )
    return images

"""One picture at a time: read it from a file, bring it to the channels and the size asked for."""

from __future__ import annotations

import io
import os

import numpy as np
import tensorflow as tf
from PIL import Image, ImageOps, UnidentifiedImageError

from gon_tf import arguments

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP")
# What is larger is a mistake or an attack on the memory.
MAX_PIXELS = 64_000_000
MAX_BYTES = 2**28  # of a picture's file in a database


def read_image(path: str | os.PathLike) -> np.ndarray:
    """Read a picture file (PNG, JPEG, BMP, GIF, WebP; the first frame of an animation).

    The picture comes upright (EXIF orientation applied), transparent parts are laid on white,
    16 bits per channel are rounded to 8.

    Args:
        path: the file.

    Returns:
        uint8 `[H, W, C]` in [0, 255], `C` = 1 for a grey picture and 3 for any other.

    Raises:
        ValueError: if the file is missing, broken, not a picture, or larger than 64 megapixels;
            the message names the file.

    Example:
        >>> read_image("photos/cat.jpg").shape
        (480, 640, 3)
    """
    try:
        return _decode(path)
    # The decoders raise whatever a broken file leads them to: OSError, SyntaxError, struct.error.
    except Exception as error:
        raise ValueError(f"Cannot read image {os.fspath(path)!r}: {error}") from error


def decode_image(data: bytes, name: str) -> np.ndarray:
    """Decode the content of a picture file, wherever it was stored; as `read_image` does.

    Args:
        data: what such a file would hold.
        name: what to call the picture in an error.

    Returns:
        As `read_image`.

    Raises:
        ValueError: as `read_image`.

    Example:
        >>> decode_image(Path("photos/cat.jpg").read_bytes(), "cat").shape
        (480, 640, 3)
    """
    try:
        if len(data) > MAX_BYTES:
            raise ValueError(f"{len(data):,} bytes are over {MAX_BYTES:,}")
        return _decode(io.BytesIO(data))
    except UnidentifiedImageError as error:
        reason = f"{len(data)} bytes that are none of {', '.join(FORMATS)}"
        raise ValueError(f"Cannot read image {name!r}: {reason}") from error
    except Exception as error:
        raise ValueError(f"Cannot read image {name!r}: {error}") from error


def _decode(file: str | os.PathLike | io.BytesIO) -> np.ndarray:
    """The picture in an open file or at a path, its size checked before it is decoded."""
    with Image.open(file, formats=FORMATS) as image:
        if image.width * image.height > MAX_PIXELS:
            raise ValueError(f"{image.width} x {image.height} pixels are over 64 megapixels")
        ImageOps.exif_transpose(image, in_place=True)
        return _to_array(image)


def _to_array(image: Image.Image) -> np.ndarray:
    """The pixels of an open picture as uint8 `[H, W, 1 or 3]`."""
    if image.mode.startswith("I"):  # Pillow would cut 16 bits off at 255 instead of scaling them
        return ((np.asarray(image, np.uint32) + 128) // 257).astype(np.uint8)[..., None]
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    image = image.convert("L" if image.mode in ("1", "L") else "RGB")
    pixels = np.asarray(image)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def to_channels(images, channels: int) -> tf.Tensor:
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


def resize(images, size: tuple[int, int]) -> tf.Tensor:
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


def crop_to_aspect(images, size: tuple[int, int]) -> tf.Tensor:
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


__all__ = ["crop_to_aspect", "decode_image", "read_image", "resize", "to_channels"]

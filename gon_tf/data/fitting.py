"""Pictures of any size and kind, brought to the size and the channels of a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from gon_tf.data.images import crop_to_aspect, decode_image, read_image, to_channels
from gon_tf.data.images import resize as resized
from gon_tf.pictures import Picture

Size = tuple[int, int]  # (height, width)


def read_all(
    pictures: Sequence[Picture], image_shape: Sequence[int], fit: str = "stretch"
) -> np.ndarray:
    """Pictures at a model's size, uint8 `[len(pictures), height, width, channels]`.

    Args:
        pictures: in files or in memory.
        image_shape: (height, width, channels) of the model.
        fit: "stretch", "pad" (with black, as large as it fits) or "crop" (to its centre).

    Raises:
        ValueError: if a file is not a picture.
    """
    height, width, channels = image_shape
    images = np.empty((len(pictures), height, width, channels), "uint8")
    for i, picture in enumerate(pictures):
        images[i] = FITS[fit](read(picture, channels, (height, width)), (height, width))
    return images


def read(picture: Picture, channels: int, size: Size | None = None) -> np.ndarray:
    """A picture, uint8 `[height, width, channels]`; a huge one reduced if wanted for a `size`."""
    if picture.content is None:
        pixels = read_image(picture.path, size)
    else:
        pixels = decode_image(picture.content, picture.name, size)
    return np.asarray(to_channels(pixels, channels))


def resize(image: np.ndarray, size: Size) -> np.ndarray:
    """`image` with as many pixels as `size` says."""
    return np.asarray(resized(image, size))


def stretch(image: np.ndarray, size: Size, resize: Callable = resize) -> np.ndarray:
    """`image` at `size`, whatever its shape was."""
    return resize(image, size)


def pad(image: np.ndarray, size: Size, resize: Callable = resize) -> np.ndarray:
    """`image` as large as it fits into `size`, in the middle of a black one."""
    factor = min(size[0] / image.shape[0], size[1] / image.shape[1])
    # At least a pixel, whatever the shape; at most the size, whatever the rounding.
    height, width = (
        min(max(round(own * factor), 1), side)
        for side, own in zip(size, image.shape[:2], strict=True)
    )
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    canvas = np.zeros((*size, image.shape[-1]), "uint8")
    canvas[top : top + height, left : left + width] = resize(image, (height, width))
    return canvas


def crop(image: np.ndarray, size: Size, resize: Callable = resize) -> np.ndarray:
    """The largest middle part of `image` that has the shape of `size`, at that size."""
    return resize(np.asarray(crop_to_aspect(image, size)), size)


FITS = {"stretch": stretch, "pad": pad, "crop": crop}

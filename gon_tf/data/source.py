"""What every kind of image source comes down to."""

from __future__ import annotations

import dataclasses
import threading
import warnings
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np
import tensorflow as tf

MAX_BROKEN = 100  # unless the user says otherwise

Shard = tuple[int, int]


class Broken:
    """The images of a source that cannot be read: each is named in a warning, until it is too many.

    Args:
        name: name of the source.

    Attributes:
        limit: how many may be broken.
        count: how many have been found.
        error: why reading had to stop, for the user, whatever TensorFlow makes of it; else None.
    """

    def __init__(self, name: str):
        self.name, self.limit, self.count = name, MAX_BROKEN, 0
        self.error: ValueError | None = None
        self._whole: Broken = self
        self._lock = threading.Lock()  # images are decoded by several threads

    @classmethod
    def joined(cls, name: str, parts: list[Broken]) -> Broken:
        """One count, limit and error for several sources, in place of their own."""
        whole = cls(name)
        for part in parts:
            part._whole = whole
        return whole

    def skip(self, reason: Exception) -> None:
        """Warn of one image, or raise ValueError if it is one too many."""
        whole = self._whole
        with whole._lock:
            whole.count += 1
            too_many = whole.count > whole.limit
        if too_many:
            self.stop(
                f"More than {whole.limit} images of {whole.name!r} cannot be read, one of them: "
                f"{reason}"
            )
        warnings.warn(f"{reason} (skipped)", stacklevel=1)

    def stop(self, message: str) -> NoReturn:
        """Raise ValueError, and keep the first one."""
        error = ValueError(message)
        self._whole.error = self._whole.error or error
        raise error


@dataclasses.dataclass(frozen=True)
class Source:
    """Images that can be read, whatever they are stored in.

    Attributes:
        name: the normalised name, which opens the same source again: `"mnist:train"` for `"MNIST"`.
        images: single images, uint8 `[H, W, C]`, always in the same order. Height, width and
            channels may differ between the images of one source; its `element_spec` then has
            `None` there.
        count: how many images there are. An upper bound if some turn out to be broken.
        description: the source for a model card: names, version and counts, no machine's paths.
            Can be written as JSON.
        broken: counts the images that could not be read.
        array: all images as one uint8 array `[count, H, W, C]`, perhaps on disk, if they are
            stored as that; else None.
        items: what `read` needs to find each image: tensors; None if there is no `read`.
        read: gives the image, uint8 `[H, W, C]`, of an item; ValueError if it is broken.
        parts: the sources that this one joins.
    """

    name: str
    images: tf.data.Dataset
    count: int
    description: dict[str, Any]
    broken: Broken
    array: np.ndarray | None = None
    items: tf.data.Dataset | None = None
    read: Callable[..., np.ndarray] | None = None
    parts: tuple[Source, ...] = ()


def shard_of(name: str, total: int, shard: Shard) -> range:
    """The positions that belong to a shard (index, count): every `count`-th from `index` on.

    Raises:
        ValueError: if no image is left for this shard.
    """
    index, count = shard
    chosen = range(index, total, count)
    if not chosen:
        raise ValueError(
            f"Shard {index} of {count} is empty: {name!r} has {total} images. Use fewer shards."
        )
    return chosen


def encoded_source(
    name: str,
    items: tf.data.Dataset,
    read: Callable[..., np.ndarray],
    count: int,
    description: dict[str, Any],
) -> Source:
    """A source of images that are decoded one by one, some of which may turn out to be broken.

    Args:
        name: its name.
        items: as in `Source`.
        read: as in `Source`; is called by several threads.
        count: number of items.
        description: as in `Source`.

    Raises:
        ValueError: if there is no image that can be read.
    """
    broken = Broken(name)
    _check_any_readable(items, read, broken, count)

    def read_or_skip(*item) -> np.ndarray:
        try:
            return read(*item)
        except ValueError as error:
            broken.skip(error)
            return np.zeros([0, 0, 1], np.uint8)

    def decode(*item) -> tf.Tensor:
        image = tf.numpy_function(read_or_skip, item, tf.uint8, stateful=False)
        return tf.ensure_shape(image, [None, None, None])

    images = items.map(decode, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    images = images.filter(lambda image: tf.size(image) > 0)
    return Source(name, images, count, description, broken, items=items, read=read)


def _check_any_readable(items, read, broken: Broken, count: int) -> None:
    """Raise ValueError unless there is an image to read; stops at the first."""
    reason = None
    for item in items.take(broken.limit).as_numpy_iterator():
        try:
            read(*item) if isinstance(item, tuple) else read(item)
            return
        except ValueError as error:
            reason = reason or error
    tried = f"the first {broken.limit} of the {count}" if count > broken.limit else f"the {count}"
    raise ValueError(f"None of {tried} images in {broken.name!r} can be read: {reason}")


__all__ = ["Broken", "Shard", "Source", "encoded_source", "shard_of"]

"""What every kind of image source comes down to."""

from __future__ import annotations

import dataclasses
import functools
import re
import threading
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

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
        self._lock = threading.Lock()  # images are decoded by several threads

    def skip(self, reason: Exception) -> None:
        """Warn of one image, or raise ValueError if it is one too many."""
        with self._lock:
            self.count += 1
            if self.count > self.limit:
                self.error = self.error or ValueError(
                    f"More than {self.limit} images of {self.name!r} cannot be read, one of them: "
                    f"{reason}"
                )
                raise self.error
        warnings.warn(f"{reason} (skipped)", stacklevel=1)


class File(NamedTuple):
    """One of the files that a source is made of, if it can be opened as a source of its own.

    Attributes:
        name: what opens it.
        count: its images.
        checksum: tells it from files of other content, known without reading the content.
    """

    name: str
    count: int
    checksum: str


@dataclasses.dataclass(frozen=True)
class Source:
    """Images that can be read, whatever they are stored in: `pixels`, `items` or `parts`.

    Attributes:
        name: the normalised name, which opens the same source again: `"mnist:train"` for `"MNIST"`.
        count: how many images there are. An upper bound if some turn out to be broken.
        description: the source for a model card: names, version and counts, no machine's paths.
            Can be written as JSON.
        broken: counts the images that could not be read.
        pixels: single images as they are stored, if that is without encoding.
        array: all images as one uint8 array `[count, H, W, C]`, perhaps on disk, if they are
            stored as that; else None.
        items: what `read` needs to find each encoded image: tensors.
        read: gives the image, uint8 `[H, W, C]`, of an item and the size that it is wanted for
            (see `read_image`); ValueError if it is broken. Is called by several threads.
        parts: the sources that this one joins.
        files: the files that hold the images of all shards, one after the other, if they can be
            opened alone; else none. Machines share the work by them.
        read_labels: gives the label of each image, texts in the images' order, broken ones among
            them; None if there are no labels.
    """

    name: str
    count: int
    description: dict[str, Any]
    broken: Broken
    pixels: tf.data.Dataset | None = None
    array: np.ndarray | None = None
    items: tf.data.Dataset | None = None
    read: Callable[..., np.ndarray] | None = None
    parts: tuple[Source, ...] = ()
    files: tuple[File, ...] = ()
    read_labels: Callable[[], list[str]] | None = None

    @property
    def images(self) -> tf.data.Dataset:
        """Single images, uint8 `[H, W, C]`, always in the same order.

        Height, width and channels may differ between the images of one source; its `element_spec`
        then has `None` there.
        """
        if self.parts:
            return functools.reduce(
                tf.data.Dataset.concatenate, (part.images for part in self.parts)
            )
        if self.items is None:
            assert self.pixels is not None
            return self.pixels

        def decode(*item) -> tf.Tensor:
            image = tf.numpy_function(self.read_or_skip, item, tf.uint8, stateful=False)
            return tf.ensure_shape(image, [None, None, None])

        images = self.items.map(decode, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        return images.filter(lambda image: tf.size(image) > 0)

    @property
    def labels(self) -> list[str]:
        """The label of each image.

        Raises:
            ValueError: if this kind of source has none.
        """
        self.check_labels()
        readers = [part.read_labels for part in self.parts or (self,)]
        return [label for read in readers for label in read()]  # pyrefly: ignore[not-callable]

    def check_labels(self) -> None:
        """Raises ValueError if this kind of source has no labels; reads none."""
        for part in self.parts or (self,):
            if part.read_labels is None:
                raise ValueError(
                    "TensorFlow data sets with a feature 'label' have labels, and folders whose "
                    f"pictures all lie in folders. Received: {part.name!r}"
                )

    def read_or_skip(self, *item, size: tuple[int, int] | None = None) -> np.ndarray:
        """The image of an item; one without pixels in place of a broken one."""
        assert self.read is not None
        try:
            return self.read(*item, size)
        except ValueError as error:
            self.broken.skip(error)
            return np.zeros([0, 0, 1], np.uint8)


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


def checked(source: Source) -> Source:
    """A source of encoded images; ValueError if none of the first of them can be read."""
    assert source.items is not None
    assert source.read is not None
    reason = None
    for item in source.items.take(MAX_BROKEN).as_numpy_iterator():
        try:
            source.read(*item, (1, 1))
            return source
        except ValueError as error:
            reason = reason or error
    count = source.count
    tried = f"the first {MAX_BROKEN} of the {count}" if count > MAX_BROKEN else f"the {count}"
    raise ValueError(f"None of {tried} images in {source.name!r} can be read: {reason}")


def reason_of(error: tf.errors.OpError) -> str:
    """What an error of TensorFlow's says, without the operation that it was met in."""
    text = str(error.message).strip()
    return re.sub(r"\{\{.*?\}\} *| *\[Op:.*|\n.*", "", text, flags=re.DOTALL)


def positions(chosen: range) -> tf.data.Dataset:
    """Items that are positions, each a tuple of one."""
    return tf.data.Dataset.zip((tf.data.Dataset.range(chosen.start, chosen.stop, chosen.step),))

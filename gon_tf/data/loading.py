"""From the name of a data set to batches for training, evaluation and encoding."""

from __future__ import annotations

import dataclasses
import functools
import math
import os
import warnings
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from gon_tf import arguments
from gon_tf.data.images import crop_to_aspect, resize, to_channels
from gon_tf.data.kinds import open_source
from gon_tf.data.source import MAX_BROKEN, Shard, Source, reason_of
from gon_tf.data.store import Images, collect

MEMORY_BUDGET = 2**30
CHUNK, CHUNK_BYTES = 256, 2**24  # images that are resized together, and their bytes
READ_TOGETHER = 64  # encoded images that one thread reads at a time


def load(
    name: str | os.PathLike,
    image_shape: tuple[int, int, int],
    batch_size: int,
    *,
    shuffle_seed: int | None = None,
    drop_remainder: bool = False,
    **options,
) -> tf.data.Dataset:
    """Batches of the images of a data set, as uint8; models scale them to [0, 1] on the device.

    Every image is decoded and resized once, now, and kept as uint8. With a seed, the whole data set
    is shuffled, in a new order after each pass: see `Images.batches`.

    Args:
        name: see `open_source`.
        image_shape: (height, width, channels) of the images to make; 1 channel is grey, 3 are RGB.
        batch_size: images per batch.
        shuffle_seed: seed of the order, >= 0; None keeps the order of the source.
        drop_remainder: leave out the last batch if it is smaller. The batch size is then static.
        **options: as for `open_images`: `data_dir`, `crop`, `shard`, `max_broken`,
            `memory_budget`, `cache_dir`.

    Returns:
        uint8 `[batch_size, height, width, channels]` in [0, 255], on the GPU if there is just one.
        `len` of it is the number of batches.

    Raises:
        ValueError: if an argument is out of range; also as `open_images`.
        OSError: as `open_images`.

    Example:
        >>> batches = load("mnist", (32, 32, 1), batch_size=64, shuffle_seed=0)
        >>> model.fit(batches, epochs=12)
    """
    batch_size = arguments.integer("batch_size", batch_size)
    images = open_images(name, image_shape, **options)
    return images.batches(batch_size, shuffle_seed=shuffle_seed, drop_remainder=drop_remainder)


def open_images(
    name: str | os.PathLike,
    image_shape: tuple[int, int, int],
    *,
    data_dir: str | os.PathLike | None = None,
    crop: bool = False,
    shard: Shard = (0, 1),
    max_broken: int = MAX_BROKEN,
    memory_budget: int = MEMORY_BUDGET,
    cache_dir: str | os.PathLike | None = None,
) -> Images:
    """Decode all images of a data set and keep them at one size, ready for batches in any order.

    Args:
        name: see `open_source`.
        image_shape: (height, width, channels) of the images to make; 1 channel is grey, 3 are RGB.
        data_dir: see `open_source`.
        crop: cut the middle out of images of another aspect ratio, instead of stretching them.
        shard: (index, count): take the images index, index + count, ... only; each of `count`
            workers gives its own index from 0 on. Other shards' images are not decoded.
        max_broken: broken images are named in a `UserWarning` each and skipped; more than so many
            are an error.
        memory_budget: bytes. Decoded images that need more are kept in a file without a name,
            which is gone when they are, or with the process. A `.npy` file that has the right
            shape already is used where it is.
        cache_dir: folder of that file; None for the system's (`TMPDIR`).

    Returns:
        The images; see `Images`.

    Raises:
        ValueError: if an argument is out of range, no image or too many cannot be read; also as
            `open_source`.
        OSError: if there is no room for the decoded images; also as `open_source`.

    Example:
        >>> images = open_images("photos", (48, 64, 3), crop=True)
        >>> steps = images.steps(64, shuffle_seed=0)
    """
    image_shape = _image_shape(image_shape)
    memory_budget = arguments.integer("memory_budget", memory_budget, minimum=0)
    source = _open(name, data_dir, shard, max_broken)
    if source.array is not None and source.array.shape[1:] == image_shape:
        return Images(source.array)
    together = max(1, min(CHUNK, CHUNK_BYTES // math.prod(image_shape)))
    parts = _decoded(source, image_shape, crop, together)
    pixels = collect(parts, source.count, image_shape, memory_budget, cache_dir)
    return Images(pixels, skipped=source.broken.count)


def stream(
    name: str | os.PathLike,
    image_shape: tuple[int, int, int],
    batch_size: int,
    *,
    data_dir: str | os.PathLike | None = None,
    crop: bool = False,
    shard: Shard = (0, 1),
    start: int = 0,
    max_broken: int = MAX_BROKEN,
) -> Iterator[np.ndarray]:
    """Read a data set once, in its order, in memory that does not grow with it.

    Args:
        name: see `open_source`.
        image_shape: as for `open_images`.
        batch_size: images per batch; the last may have fewer.
        data_dir: see `open_source`.
        crop: as for `open_images`.
        shard: as for `open_images`.
        start: images of the shard, broken ones among them, to pass over. Those of a folder, an
            LMDB or a TFRecord file are not decoded, no others resized.
        max_broken: as for `open_images`.

    Yields:
        uint8 `[batch_size, height, width, channels]` in [0, 255].

    Raises:
        ValueError: as `open_images`. Arguments and data set are checked at once, the images as
            they are read.
        OSError: as `open_source`.

    Example:
        >>> for images in stream("photos", model.image_shape, 256):
        ...     latents = model.encode(images)
    """
    image_shape = _image_shape(image_shape)
    batch_size = arguments.integer("batch_size", batch_size)
    source = _open(name, data_dir, shard, max_broken)
    start = arguments.integer("start", start, minimum=0)
    if start >= source.count:
        raise ValueError(
            f"start must be below {source.count}, the images of {source.name!r}. Received: {start}"
        )
    return _decoded(source, image_shape, crop, batch_size, start)


def _image_shape(image_shape) -> tuple[int, int, int]:
    image_shape = arguments.image_shape("image_shape", image_shape)
    arguments.choice("channels", image_shape[2], (1, 3))
    return image_shape


def _open(name: str | os.PathLike, data_dir, shard: Shard, max_broken: int) -> Source:
    source = open_source(name, data_dir, shard)
    source.broken.limit = arguments.integer("max_broken", max_broken, minimum=0)
    return source


def _decoded(
    source: Source, image_shape, crop: bool, batch_size: int, start: int = 0
) -> Iterator[np.ndarray]:
    """Batches of a source's images at one size; an error of TensorFlow's becomes one sentence."""
    parts = []
    for part in source.parts or (source,):
        parts.append(_prepare(_without(part, min(start, part.count)), image_shape, crop))
        start = max(0, start - part.count)
    images = functools.reduce(tf.data.Dataset.concatenate, parts)
    count = 0
    try:
        for batch in images.rebatch(batch_size).prefetch(1).as_numpy_iterator():
            count += len(batch)
            yield batch
    except tf.errors.OpError as error:
        unknown = ValueError(f"Cannot read {source.name!r}: {reason_of(error)}.")
        raise (source.broken.error or unknown) from error
    skipped = source.broken.count
    if not count:
        raise ValueError(f"None of the {source.count} images in {source.name!r} can be read.")
    if skipped > 1:  # one has been named already
        warnings.warn(
            f"Cannot read images: {skipped} of {source.count} in {source.name!r} were skipped.",
            stacklevel=2,
        )


def _without(source: Source, start: int) -> Source:
    """A source that begins at a later image; where they are encoded, others are not decoded."""
    if source.items is not None:
        return dataclasses.replace(source, items=source.items.skip(start))
    return dataclasses.replace(source, pixels=source.images.skip(start))


def _prepare(source: Source, image_shape, crop: bool) -> tf.data.Dataset:
    """Images at the channels and the size asked for, in batches of any size.

    Images of one size are resized together: for small ones it takes a tenth of the time.
    """
    height, width, channels = image_shape

    def prepare(images) -> tf.Tensor:
        if crop:
            images = crop_to_aspect(images, (height, width))
        return resize(to_channels(images, channels), (height, width))

    def read_and_prepare(*items) -> np.ndarray:
        images = (
            source.read_or_skip(*item, size=(height, width)) for item in zip(*items, strict=True)
        )
        groups = [prepare(np.stack(group)).numpy() for group in _groups(images)]
        return np.concatenate(groups) if groups else np.empty([0, *image_shape], np.uint8)

    def decode(*items) -> tf.Tensor:
        images = tf.numpy_function(read_and_prepare, items, tf.uint8, stateful=False)
        return tf.ensure_shape(images, [None, *image_shape])

    def each(images, function, parallel=tf.data.AUTOTUNE):
        return images.map(function, num_parallel_calls=parallel, deterministic=True)

    if source.items is not None:
        return each(source.items.batch(READ_TOGETHER), decode)
    assert source.pixels is not None
    shape = source.pixels.element_spec.shape
    if not shape.is_fully_defined():
        return each(source.pixels, prepare).batch(CHUNK)
    together = max(1, min(CHUNK, CHUNK_BYTES // shape.num_elements()))
    # Resizing takes several times the memory of an image: large ones come one at a time.
    return each(source.pixels.batch(together), prepare, tf.data.AUTOTUNE if together > 1 else 1)


def _groups(images: Iterator[np.ndarray]) -> Iterator[list[np.ndarray]]:
    """Neighbours of one shape, and not too many bytes, together."""
    group = []
    for image in images:
        if not image.size:  # a broken one
            continue
        if group and (group[0].shape != image.shape or len(group) * image.nbytes > CHUNK_BYTES):
            yield group
            group = []
        group.append(image)
    if group:
        yield group

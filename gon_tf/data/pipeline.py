"""From the name of a data set to batches for training and evaluation."""

from __future__ import annotations

import os

import numpy as np
import tensorflow as tf

from gon_tf import arguments
from gon_tf.data.images import resize, to_channels
from gon_tf.data.sources import Source, open_source


def load(
    name: str,
    image_shape: tuple[int, int, int],
    batch_size: int,
    *,
    data_dir: str | os.PathLike | None = None,
    shuffle_seed: int | None = None,
    drop_remainder: bool = False,
) -> tf.data.Dataset:
    """Batches of the images of a data set, as uint8; models scale them to [0, 1] on the device.

    Every image is decoded and resized once and kept in memory as uint8: those of a folder here, to
    find the broken ones, all others in the first pass over the batches. A first pass that stops
    early keeps nothing; to use a part of the images, name it: `"mnist:train[:1000]"`.

    With a seed, the whole data set is shuffled, in a new order for each iterator that is made,
    even if it is never read. The n-th order depends on the seed, on the number of images and, like
    all that is random in TensorFlow, on the seed of `tf.random.set_seed` if one was set.

    Args:
        name: see `open_source`.
        image_shape: (height, width, channels) of the images to make; 1 channel is grey, 3 are RGB.
        batch_size: images per batch.
        data_dir: see `open_source`.
        shuffle_seed: seed of the order; None keeps the order of the source.
        drop_remainder: leave out the last batch if it is smaller. The batch size is then static.

    Returns:
        uint8 `[batch_size, height, width, channels]` in [0, 255], on the GPU if there is just one.
        `len` of it is the number of batches.

    Raises:
        ValueError: if `image_shape` or `batch_size` is out of range; also as `open_source`.
        OSError: as `open_source`.

    Example:
        >>> batches = load("mnist", (32, 32, 1), batch_size=64, shuffle_seed=0)
        >>> model.fit(batches, epochs=12)
    """
    image_shape = arguments.image_shape("image_shape", image_shape)
    batch_size = arguments.integer("batch_size", batch_size)
    source = open_source(name, data_dir)
    images = _prepare(source, image_shape).cache()
    if images.cardinality() == tf.data.UNKNOWN_CARDINALITY:
        # Which files are broken shows when they are read: do so now. It fills the cache, too.
        count = images.reduce(np.int64(0), lambda count, _: count + 1)
        images = images.apply(tf.data.experimental.assert_cardinality(count))
    if shuffle_seed is not None:
        images = images.shuffle(source.count, seed=shuffle_seed)
    batches = images.batch(batch_size, drop_remainder=drop_remainder).prefetch(tf.data.AUTOTUNE)
    gpus = tf.config.get_visible_devices("GPU")
    # With several devices the distribution strategy does the copying.
    if len(gpus) == 1 and not tf.distribute.has_strategy():
        batches = _copy_to(batches, "/gpu:0")
    return batches


def _prepare(source: Source, image_shape: tuple[int, int, int]) -> tf.data.Dataset:
    """The images of a source at the channels and the size asked for, one by one."""
    height, width, channels = image_shape

    def prepare(images):
        return resize(to_channels(images, channels), (height, width))

    if not source.images.element_spec.shape.is_fully_defined():
        return source.images.map(prepare, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    # Images that all have one size are resized many at a time: it takes a third of the time.
    batches = source.images.batch(256)
    batches = batches.map(prepare, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return batches.unbatch().apply(tf.data.experimental.assert_cardinality(source.count))


def _copy_to(batches: tf.data.Dataset, device: str) -> tf.data.Dataset:
    """Copy batches to a device ahead of their use. Nothing may follow this step."""
    copied = batches.apply(tf.data.experimental.prefetch_to_device(device))
    copied.cardinality = batches.cardinality  # TensorFlow loses it here; progress bars need it
    return copied


__all__ = ["load", "resize", "to_channels"]

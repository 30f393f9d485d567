"""Images that are ready: at one size, in memory or on disk, for batches in any order."""

from __future__ import annotations

import functools
import hashlib
import math
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from gon_tf import arguments, files

HASHED_TOGETHER = 2**24  # bytes


def order(count: int, seed: int, epoch: int) -> np.ndarray:
    """The order of images in an epoch: the same for the same arguments, anywhere and always.

    It is int64 `[count]`, the numbers 0 to count - 1 shuffled.
    """
    # Unlike a Generator's shuffle, the raw bits of Philox are promised to stay as they are.
    bits = np.random.Philox(np.random.SeedSequence([seed, epoch])).random_raw(count)
    return np.argsort(bits, kind="stable")


class Images:
    """The images of a data set at one size.

    `batches` serves `fit` for a number of epochs; `steps` is for training that stops and goes on:
    it begins at any step, and what a step holds depends on nothing but its number and the seed.

    Args:
        pixels: uint8 `[count, height, width, channels]`, may be on disk.
        skipped: how many images of the data set are not in there because they are broken.
        rows: int64 `[n]`, which of the pixels are meant; all of them if None.

    Example:
        >>> images = Images(np.zeros((1000, 32, 32, 1), np.uint8))
        >>> len(images), images.steps_per_epoch(64)
        (1000, 16)
        >>> steps = images.steps(64, shuffle_seed=0, start=2 * 16 + 7)  # in the third epoch
        >>> model.fit(steps, steps_per_epoch=16, initial_epoch=2, epochs=4)
    """

    def __init__(self, pixels: np.ndarray, skipped: int = 0, rows: np.ndarray | None = None):
        self.pixels, self.skipped = pixels, skipped
        self.rows = np.arange(len(pixels)) if rows is None else rows

    def __len__(self) -> int:
        return len(self.rows)

    def part(self, rows: np.ndarray) -> Images:
        """Some of the images, by their numbers; nothing is copied, and what is on disk stays."""
        return Images(self.pixels, self.skipped, self.rows[rows])

    def first(self, count: int) -> np.ndarray:
        """The first `count` images, uint8 `[count or fewer, height, width, channels]`."""
        return np.asarray(self.pixels[self.rows[:count]])

    def spread(self, count: int) -> np.ndarray:
        """As many images, evenly from all of them; all if there are fewer."""
        count = min(count, len(self))
        return np.asarray(self.pixels[self.rows[np.arange(count) * len(self) // max(count, 1)]])

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the images' number, shape and pixels: equal for the same images alone."""
        shape = [len(self), *map(int, self.pixels.shape[1:])]
        digest = hashlib.sha256(repr(shape).encode())
        together = max(1, HASHED_TOGETHER // math.prod(shape[1:]))
        for start in range(0, len(self), together):
            rows = self.rows[start : start + together]
            digest.update(np.ascontiguousarray(self.pixels[rows]).data)
        return digest.hexdigest()

    def steps_per_epoch(self, batch_size: int, *, drop_remainder: bool = False) -> int:
        """Number of batches in an epoch.

        Raises:
            ValueError: if there are not enough images for a single batch.
        """
        batch_size = arguments.integer("batch_size", batch_size)
        if drop_remainder and len(self) < batch_size:
            raise ValueError(
                f"There are fewer images ({len(self)}) than a batch ({batch_size}); choose a "
                "smaller batch size."
            )
        return len(self) // batch_size if drop_remainder else -(-len(self) // batch_size)

    def batches(
        self, batch_size: int, *, shuffle_seed: int | None = None, drop_remainder: bool = False
    ) -> tf.data.Dataset:
        """Batches of one epoch.

        With a seed, an iterator that begins after n passes to the end has the order of epoch n.
        One that is not read to the end, such as Keras makes, changes nothing.

        Args:
            batch_size: images per batch.
            shuffle_seed: seed of the order, >= 0; None keeps the order of the source.
            drop_remainder: leave out the last batch if it is smaller.

        Returns:
            uint8 `[batch_size, height, width, channels]`, as `gon_tf.data.load`.
        """
        # A first batch that is smaller than asked for is what `fit` reports best by itself.
        batch_size = arguments.integer("batch_size", batch_size)
        count = len(self) // batch_size if drop_remainder else -(-len(self) // batch_size)
        passes = _Passes(count)
        numbers = tf.data.Dataset.range(count) if shuffle_seed is None else passes.numbers()
        batches = self._read(numbers, batch_size, count, shuffle_seed, drop_remainder)
        note = _images_of if shuffle_seed is None else passes.note
        return _to_device(batches.prefetch(tf.data.AUTOTUNE).map(note))

    def steps(
        self,
        batch_size: int,
        *,
        shuffle_seed: int | None,
        start: int = 0,
        drop_remainder: bool = False,
    ) -> tf.data.Dataset:
        """Batches without end, epoch after epoch; step `n` belongs to epoch `n // steps_per_epoch`.

        Args:
            batch_size: images per batch.
            shuffle_seed: seed of the orders, >= 0; None keeps the order of the source.
            start: the step to begin with: after so many, training goes on as if it never stopped.
            drop_remainder: leave out the last batch of each epoch if it is smaller.

        Returns:
            As `batches`, infinite; give `fit` its `steps_per_epoch`.

        Raises:
            ValueError: if an argument is out of range, or there are not enough images for a batch.
        """
        count = self.steps_per_epoch(batch_size, drop_remainder=drop_remainder)
        numbers = tf.data.Dataset.counter(arguments.integer("start", start, minimum=0))
        batches = self._read(numbers, batch_size, count, shuffle_seed, drop_remainder)
        return _to_device(batches.prefetch(tf.data.AUTOTUNE).map(_images_of))

    def _read(self, numbers, batch_size, per_epoch, seed, static) -> tf.data.Dataset:
        """Pairs of step numbers and their batches."""
        if seed is not None:
            arguments.integer("shuffle_seed", seed, minimum=0)

        @functools.lru_cache(maxsize=2)  # steps of two epochs may be read at the same time
        def positions(epoch: int) -> np.ndarray:
            return order(len(self), seed, epoch)

        def read(number: np.int64) -> np.ndarray:
            epoch, step = divmod(int(number), per_epoch)
            part = slice(step * batch_size, (step + 1) * batch_size)
            numbers = part if seed is None else positions(epoch)[part]
            return np.asarray(self.pixels[self.rows[numbers]])

        def batch(number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            images = tf.numpy_function(read, [number], tf.uint8, stateful=False)
            shape = [batch_size if static else None, *self.pixels.shape[1:]]
            return number, tf.ensure_shape(images, shape)

        return numbers.map(batch, num_parallel_calls=2, deterministic=True)


def _images_of(number: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
    del number
    return images


class _Passes:
    """Numbers the steps of one pass over the images after the other.

    A pass counts when its last batch is asked for: Keras also makes iterators that it does not
    read, or not to the end, and how many depends on the devices.
    """

    def __init__(self, steps: int):
        self.steps, self.epoch = steps, 0

    def numbers(self) -> tf.data.Dataset:
        """The step numbers of the next pass, int64."""

        def begin(_) -> tf.Tensor:
            return tf.numpy_function(lambda: np.int64(self.epoch * self.steps), [], tf.int64)

        begins = tf.data.Dataset.from_tensors(0).map(begin)
        numbers = begins.flat_map(lambda start: tf.data.Dataset.range(start, start + self.steps))
        return numbers.apply(tf.data.experimental.assert_cardinality(self.steps))

    def note(self, number: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
        """The images, after taking note that they were asked for."""

        def finish(number: np.int64) -> np.int64:
            self.epoch = max(self.epoch, int(number) // self.steps + 1)
            return number

        noted = tf.cond(
            tf.equal(number % self.steps, self.steps - 1),
            lambda: tf.numpy_function(finish, [number], tf.int64),
            lambda: number,
        )
        with tf.control_dependencies([noted]):
            return tf.identity(images)


def collect(
    parts: Iterator[np.ndarray],
    count: int,
    image_shape: tuple[int, int, int],
    memory_budget: int,
    cache_dir: str | os.PathLike | None,
) -> np.ndarray:
    """All images, `count` at the most, in one array: in memory if they fit the budget of bytes.

    Else they go to a file in `cache_dir`, or the system's folder for temporary files. It has no
    name, so that it is gone when the array is, or when the process dies.

    Raises:
        OSError: if the folder of the file is missing or full.
    """
    size = count * math.prod(image_shape)
    if size > memory_budget:
        folder = files.path_of(cache_dir or tempfile.gettempdir())
        return _collect_in_file(parts, size, image_shape, folder)
    pixels, filled = np.empty([count, *image_shape], np.uint8), 0
    for part in parts:
        pixels[filled : filled + len(part)] = part
        filled += len(part)
    return pixels[:filled]


def _collect_in_file(parts, size: int, image_shape, folder: Path) -> np.ndarray:
    """All images in a file without a name in a folder."""
    place = f"{size:,} bytes of images are over the memory budget and go to {str(folder)!r}"
    hint = "Name another folder by cache_dir or the environment variable TMPDIR"
    if not folder.is_dir():
        raise FileNotFoundError(f"{place}, which is not there. {hint}.")
    full = OSError(f"{place}, which has no room for them. {hint}.")
    if shutil.disk_usage(folder).free < size:
        raise full
    filled = 0
    with tempfile.TemporaryFile(dir=folder, prefix="gon-tf-") as file:
        for part in parts:
            try:  # to write to a mapped file would kill the process when the disk is full
                file.write(np.ascontiguousarray(part).data)
                file.flush()
            except OSError as error:
                raise full from error
            filled += len(part)
        if not filled:
            return np.empty([0, *image_shape], np.uint8)
        return np.memmap(file, np.uint8, mode="r", shape=(filled, *image_shape))


def _to_device(batches: tf.data.Dataset) -> tf.data.Dataset:
    """Batches on the GPU if there is just one; a distribution strategy copies by itself."""
    options = tf.data.Options()
    # It would ask for batches that nobody has asked for yet.
    options.experimental_optimization.inject_prefetch = False
    batches = batches.with_options(options)
    gpus = tf.config.get_visible_devices("GPU")
    if len(gpus) == 1 and not tf.distribute.has_strategy():
        batches = _copy_to(batches, "/gpu:0")
    return batches


def _copy_to(batches: tf.data.Dataset, device: str) -> tf.data.Dataset:
    """Copy batches to a device ahead of their use. Nothing may follow this step."""
    copied = batches.apply(tf.data.experimental.prefetch_to_device(device))
    copied.cardinality = batches.cardinality  # TensorFlow loses it here; progress bars need it
    return copied

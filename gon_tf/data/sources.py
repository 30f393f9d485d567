"""Where images come from: one string names a data set, everywhere the same."""

from __future__ import annotations

import functools
import os
from pathlib import Path

import tensorflow as tf

from gon_tf import arguments
from gon_tf.data.kinds.arrays import is_array, open_array
from gon_tf.data.kinds.folder import is_folder, open_folder
from gon_tf.data.kinds.lmdb import is_lmdb, open_lmdb
from gon_tf.data.kinds.tfds import is_tfds_name, open_tfds
from gon_tf.data.kinds.tfrecord import is_tfrecord, open_tfrecord
from gon_tf.data.source import Broken, Shard, Source

# The kinds of source: the first whose test accepts (name, data_dir) opens it. A further kind is a
# module with such a pair of functions and a line here.
KINDS = (
    (is_array, open_array),
    (is_lmdb, open_lmdb),
    (is_tfrecord, open_tfrecord),
    (is_tfds_name, open_tfds),
    (is_folder, open_folder),
)


def open_source(
    name: str, data_dir: str | os.PathLike | None = None, shard: Shard = (0, 1)
) -> Source:
    """Open the data set called `name`. Nothing is ever downloaded.

    Args:
        name: one of the following, or several joined by commas (a comma within a path counts as
            one only if the whole is not the path of something).

            - a TFDS name with an optional split: `"mnist"`, `"fashion-mnist:test"`,
              `"cifar10:train[90%:]"`; `train` if there is none;
            - the path of a folder of pictures;
            - a `.npy` or `.npz` file, of the latter the array called "images" or the only one,
              or any by `"digits.npz:x_test"`;
            - an LMDB, a folder or file whose name ends in `.lmdb` or a folder that holds
              `data.mdb`: key -> content of a picture file;
            - a `.tfrecord` file, or several by a pattern: `"train.tfrecord-*"`.

            Where a TFDS name is also that of a folder, TFDS comes first: `"./mnist"` is the folder.
        data_dir: folder of prepared TFDS data sets; the environment variable `TFDS_DATA_DIR` or
            TFDS' own default (`~/tensorflow_datasets`) if None.
        shard: (index, count) with index from 0: the images index, index + count, ... of each data
            set only.

    Returns:
        The source: its images one by one, their number and a description.

    Raises:
        ValueError: if there is no such data set or split, or no image that can be read.
        OSError: if the data set is not on disk, or the folder is missing or without images.

    Example:
        >>> source = open_source("fashion-mnist:test")
        >>> source.name, source.count
        ('fashion_mnist:test', 10000)
    """
    shard = _check_shard(shard)
    names = [name] if Path(name).exists() else name.split(",")
    return _join([_open_one(part.strip(), data_dir, shard) for part in names])


def _check_shard(shard) -> Shard:
    try:
        index, count = (arguments.integer("shard", part, minimum=0) for part in shard)
    except (TypeError, ValueError):
        index, count = 0, 0
    if not index < count:
        raise ValueError(
            "shard must be (index, count), two integers with 0 <= index < count. "
            f"Received: shard={shard!r}"
        )
    return index, count


def _open_one(name: str, data_dir: str | os.PathLike | None, shard: Shard) -> Source:
    for accepts, open_kind in KINDS:
        if accepts(name, data_dir):
            return open_kind(name, data_dir, shard)
    raise ValueError(
        f"{name!r} is not a data set; give a name such as 'mnist' or 'cifar10:train[90%:]', the "
        "path of a folder of images, or a .npy, .npz, .lmdb or .tfrecord file."
    )


def _join(sources: list[Source]) -> Source:
    """One source after the other."""
    if len(sources) == 1:
        return sources[0]
    name = ",".join(source.name for source in sources)
    return Source(
        name=name,
        images=functools.reduce(tf.data.Dataset.concatenate, (part.images for part in sources)),
        count=sum(source.count for source in sources),
        description={"sources": [source.description for source in sources]},
        broken=Broken.joined(name, [source.broken for source in sources]),
        parts=tuple(sources),
    )


__all__ = ["Source", "open_source"]

"""The kinds of data set, a module each, and the string that names any of them."""

from __future__ import annotations

import dataclasses
import os

from gon_tf import arguments, files
from gon_tf.data.kinds import arrays, folder, lmdb, tfds, tfrecord
from gon_tf.data.source import Broken, Shard, Source

# The first whose test accepts (name, data_dir) opens (name, data_dir, shard). A further kind is a
# module with such a pair of functions and a line here.
KINDS = (
    (arrays.is_array, arrays.open_array),
    (lmdb.is_lmdb, lmdb.open_lmdb),
    (tfrecord.is_tfrecord, tfrecord.open_tfrecord),
    (tfds.is_tfds_name, tfds.open_tfds),
    (folder.is_folder, folder.open_folder),
)


def open_source(
    name: str | os.PathLike, data_dir: str | os.PathLike | None = None, shard: Shard = (0, 1)
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
            A path may begin with `~`, and may be a `pathlib.Path`.
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
        >>> open_source("MNIST:test").name
        'mnist:test'
    """
    name, shard = os.path.expanduser(os.fspath(name)), _check_shard(shard)
    names = [name] if os.path.exists(name) else name.split(",")
    sources = [_open(os.path.expanduser(part.strip()), data_dir, shard) for part in names]
    if len(sources) == 1:
        return sources[0]
    name = ",".join(source.name for source in sources)
    broken = Broken(name)
    return Source(
        name=name,
        count=sum(source.count for source in sources),
        description={"sources": [source.description for source in sources]},
        broken=broken,
        parts=tuple(dataclasses.replace(source, broken=broken) for source in sources),
    )


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


def _open(name: str, data_dir: str | os.PathLike | None, shard: Shard) -> Source:
    files.check_local(name)
    for accepts, open_kind in KINDS:
        if accepts(name, data_dir):
            return open_kind(name, data_dir, shard)
    raise ValueError(
        f"{name!r} is not a data set; give a name such as 'mnist' or 'cifar10:train[90%:]', the "
        "path of a folder of images, or a .npy, .npz, .lmdb or .tfrecord file."
    )

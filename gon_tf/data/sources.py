"""Where images come from: one string names a data set, everywhere the same."""

from __future__ import annotations

import os

from gon_tf.data.folder import is_folder, open_folder
from gon_tf.data.source import Source
from gon_tf.data.tfds import is_tfds_name, open_tfds

# The kinds of source: the first whose test accepts (name, data_dir) opens it. A further kind is a
# module with such a pair of functions and a line here.
KINDS = (
    (is_tfds_name, open_tfds),
    (is_folder, open_folder),
)


def open_source(name: str, data_dir: str | os.PathLike | None = None) -> Source:
    """Open the data set called `name`. Nothing is ever downloaded.

    Args:
        name: a TFDS name with an optional split (`"mnist"`, `"fashion-mnist:test"`,
            `"cifar10:train[90%:]"`; `train` if there is none), or the path of a folder of images.
            Where both fit, TFDS comes first: `"./mnist"` is the folder.
        data_dir: folder of prepared TFDS data sets; the environment variable `TFDS_DATA_DIR` or
            TFDS' own default (`~/tensorflow_datasets`) if None.

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
    for accepts, open_kind in KINDS:
        if accepts(name, data_dir):
            return open_kind(name, data_dir)
    raise ValueError(
        f"{name!r} is not a data set; give a name such as 'mnist' or 'cifar10:train[90%:]', or the "
        "path of a folder of images."
    )


__all__ = ["Source", "open_source"]

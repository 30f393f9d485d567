"""Images of the picture files in a folder."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from gon_tf import pictures
from gon_tf.data.images import read_image
from gon_tf.data.source import Broken, Shard, Source, checked, positions, shard_of


def is_folder(name: str, data_dir: str | os.PathLike | None) -> bool:
    """Whether `name` is the path of something there is, or can only be meant as a path."""
    path = Path(name)
    return name.startswith((".", "~")) or len(path.parts) > 1 or (bool(name) and path.exists())


def open_folder(name: str, data_dir: str | os.PathLike | None, shard: Shard) -> Source:
    """Open a folder of pictures and the folders in it; `gon_tf.pictures` says which files.

    They come sorted by their path.

    Raises:
        FileNotFoundError: if there is no such folder, or no picture in it.
        NotADirectoryError: if it is a file.
        ValueError: if none of its pictures can be read, or the shard is empty.
    """
    folder = Path(name)
    if not folder.exists():
        raise FileNotFoundError(f"There is no folder {name!r}.")
    if not folder.is_dir():
        raise NotADirectoryError(
            f"{name!r} is a file; a data set is a folder of images, a .npy, .npz, .lmdb or "
            ".tfrecord file, or a name such as 'mnist'."
        )
    files = pictures.find(folder)
    if not files:
        raise FileNotFoundError(
            f"There are no images in {name!r}; looked for "
            f"{', '.join(sorted(pictures.SUFFIXES))} there and in the folders below."
        )

    def read(position: np.int64, size) -> np.ndarray:
        return read_image(files[position], size)

    chosen = shard_of(name, len(files), shard)
    description = {"folder": folder.resolve().name, "files": len(files)}
    name = str(folder)
    # The first folder on the way to a picture is its label, if all have one.
    ways = [file.relative_to(folder).parts for file in files]
    labelled = all(len(way) > 1 for way in ways)
    source = Source(
        name,
        len(chosen),
        description,
        Broken(name),
        items=positions(chosen),
        read=read,
        read_labels=(lambda: [ways[i][0] for i in chosen]) if labelled else None,
    )
    return checked(source)

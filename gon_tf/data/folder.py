"""Images of the picture files in a folder."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
import tensorflow as tf

from gon_tf.data.images import read_image
from gon_tf.data.source import Source

EXTENSIONS = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".webp"})


def is_folder(name: str, data_dir: str | os.PathLike | None) -> bool:
    """Whether `name` is the path of something there is, or can only be meant as a path."""
    del data_dir
    path = Path(name)
    return name.startswith((".", "~")) or len(path.parts) > 1 or (bool(name) and path.exists())


def open_folder(name: str, data_dir: str | os.PathLike | None) -> Source:
    """Open a folder of pictures and the folders in it, hidden ones left out.

    A file that turns out to be broken is named in a `UserWarning` and skipped.

    Args:
        name: path of the folder.
        data_dir: not used.

    Returns:
        The pictures sorted by their path.

    Raises:
        FileNotFoundError: if there is no such folder, or no picture in it.
        NotADirectoryError: if it is a file.
        ValueError: if none of its pictures can be read.
    """
    del data_dir
    folder = Path(name).expanduser()
    if not folder.exists():
        raise FileNotFoundError(f"There is no folder {name!r}.")
    if not folder.is_dir():
        raise NotADirectoryError(
            f"{name!r} is a file; a data set is a folder of images or a name such as 'mnist'."
        )
    files = _image_files(folder)
    if not files:
        raise FileNotFoundError(
            f"There are no images in {name!r}; looked for {', '.join(sorted(EXTENSIONS))} "
            "there and in the folders below."
        )
    _check_any_readable(name, files)
    images = (
        tf.data.Dataset.from_tensor_slices([os.fsencode(file) for file in files])
        .map(_read, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        .filter(lambda image: tf.size(image) > 0)
    )
    return Source(
        name=str(folder),
        images=images,
        count=len(files),
        description={"folder": folder.resolve().name, "files": len(files)},
    )


def _image_files(folder: Path) -> list[Path]:
    """The picture files below `folder`, sorted; whatever has a hidden part in its path is left."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in EXTENSIONS
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )


def _check_any_readable(name: str, files: list[Path]) -> None:
    """Raise unless a picture can be read; stops at the first that can."""
    reasons = []
    for file in files:
        try:
            read_image(file)
        except ValueError as error:
            reasons.append(str(error))
        else:
            return
    raise ValueError(f"None of the {len(files)} images in {name!r} can be read: {reasons[0]}")


def _read(file: tf.Tensor) -> tf.Tensor:
    """Picture in a file, uint8 `[H, W, C]`, or an empty one if it is broken."""
    image = tf.numpy_function(_read_or_warn, [file], tf.uint8)
    return tf.ensure_shape(image, [None, None, None])


def _read_or_warn(file: bytes) -> np.ndarray:
    try:
        return read_image(os.fsdecode(file))
    except ValueError as error:
        warnings.warn(f"{error} (skipped)", stacklevel=1)
        return np.zeros([0, 0, 1], np.uint8)


__all__ = ["is_folder", "open_folder"]

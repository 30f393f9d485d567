"""Pictures that a command reads: files, folders of them, `-` for stdin; or a data set."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gon_tf import pictures
from gon_tf.pictures import Picture
from gon_tf.startup import start_tensorflow

if TYPE_CHECKING:
    from gon_tf.latent_files import DataSet, Pictures

STREAM = Path("-")
MOST_BYTES = 256 * 1024**2  # of stdin; a larger picture is a mistake or an attack


def find(paths: Iterable[Path]) -> list[Picture]:
    """The pictures that `paths` name, and those in the folders among them, sorted.

    `-` is stdin, which is read now.

    Raises:
        OSError: if one of the paths does not exist, is no regular file, or is a folder without
            pictures.
        click.UsageError: if stdin is named twice, or closed.
    """
    paths, found = list(paths), []
    if paths.count(STREAM) > 1:
        raise click.UsageError("Stdin can be read once: give one - among the inputs.")
    for path in paths:
        if path == STREAM:
            found.append(Picture(path, stdin()))
        elif path.is_dir():
            files = pictures.find(path)
            if not files:
                kinds = pictures.accepted()
                raise FileNotFoundError(f"The folder {path} holds no pictures ({kinds}).")
            found.extend(map(Picture, files))
        elif not path.exists():
            raise FileNotFoundError(f"There is no file or folder {path}.")
        elif not path.is_file():
            raise OSError(f"{path} is a pipe or a device; write - to read a picture from stdin.")
        else:
            found.append(Picture(path))
    return found


def single(paths: Sequence[Path]) -> list[Picture]:
    """The pictures that `paths` name, each of which must be one.

    Raises:
        OSError: if one of the paths does not exist or is a folder.
        click.UsageError: if stdin is named twice, or closed.
    """
    for path in paths:
        if path.is_dir():
            raise IsADirectoryError(f"{path} is a folder; give one picture.")
    return find(paths)


def stdin() -> bytes:
    """What stdin holds.

    Raises:
        ValueError: if there is too much of it.
        click.UsageError: if it is closed.
    """
    if sys.stdin is None:
        raise click.UsageError("Stdin is closed; there is no picture to read from it.")
    content = sys.stdin.buffer.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ValueError(f"Stdin holds more than {MOST_BYTES:,} bytes; that is no picture.")
    return content


def check(found: Iterable[Picture]) -> None:
    """Raise OSError if one of the pictures is none, as far as can be told without decoding it."""
    for picture in found:
        picture.check()


def find_source(sources: Sequence[str], data_dir: Path | None) -> list[Picture] | str:
    """The pictures that `sources` name, or the name of a data set.

    Raises:
        OSError: if a picture or folder is missing.
    """
    return find(map(Path, sources)) if are_pictures(sources, data_dir) else sources[0]


def open_source(
    found: list[Picture] | str, data_dir: Path | None, *, strict: bool = True, fit: str = "stretch"
) -> Pictures | DataSet:
    """The images of what `find_source` found, with TensorFlow started."""
    start_tensorflow()
    from gon_tf.latent_files import DataSet, Pictures

    if isinstance(found, str):
        return DataSet(found, data_dir, crop=fit == "crop")
    return Pictures(found, strict=strict, fit=fit)


def are_pictures(sources: Sequence[str], data_dir: Path | None) -> bool:
    """Whether `sources` are files and folders of pictures, rather than one data set."""
    path = Path(sources[0])
    if len(sources) > 1 or path.suffix.lower() in pictures.SUFFIXES or path == STREAM:
        return True
    if not path.is_dir() or path.suffix.lower() == ".lmdb":
        return False
    if len(path.parts) > 1 or path.is_absolute() or sources[0].startswith("."):
        return True
    # "mnist" is the data set even if there is a folder of that name, as everywhere.
    start_tensorflow()
    from gon_tf.data.kinds.tfds import is_tfds_name

    return not is_tfds_name(sources[0], data_dir)

"""Images that a command reads once, in batches: picture files or a data set."""

from __future__ import annotations

import bisect
import hashlib
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.globals import push_context

from gon_tf import picture_files
from gon_tf.cli import fitting, pictures, streams
from gon_tf.startup import start_tensorflow

if TYPE_CHECKING:
    import numpy as np

BATCH = 256


@dataclass(frozen=True)
class Batch:
    """Some images of a source.

    Attributes:
        numbers: which they are, int64 `[batch]`.
        names: of their files, strings `[batch]`, or "".
        images: uint8 `[batch, height, width, channels]`.
    """

    numbers: np.ndarray
    names: np.ndarray
    images: np.ndarray


class Pictures:
    """Picture files.

    Args:
        paths: the files, or `-` for stdin.
        strict: whether a broken file is an error, or is left out with a warning.
        fit: how they get the model's shape, see `fitting.FITS`.
    """

    def __init__(self, paths: Sequence[Path], *, strict: bool, fit: str):
        self.paths = paths
        self.strict = strict
        self.fit = fit
        self.count = len(paths)

    @property
    def description(self) -> dict:
        """What identifies the images, on whatever machine: number, names and shape."""
        names = hashlib.sha256("\n".join(path.name for path in self.paths).encode())
        return {"files": self.count, "names": names.hexdigest()[:16], "fit": self.fit}

    def batches(self, numbers: range, image_shape) -> Iterator[Batch]:
        """The images of some numbers, at the model's size, in batches of at most 256."""
        import numpy as np

        def read(number):
            return self.read(self.paths[number], image_shape)

        # What stdin held belongs to the command that runs.
        context = (click.get_current_context(silent=True),)
        with ThreadPoolExecutor(initializer=push_context, initargs=context) as threads:
            for start in range(0, len(numbers), BATCH):
                part = numbers[start : start + BATCH]
                read_ones = zip(part, threads.map(read, part), strict=True)
                found = {number: image for number, image in read_ones if image is not None}
                yield Batch(
                    np.fromiter(found, np.int64),
                    np.asarray([streams.name(self.paths[number]) for number in found], np.str_),
                    np.asarray(list(found.values()), np.uint8).reshape(-1, *image_shape),
                )

    def read(self, path: Path, image_shape):
        """One picture at the model's size, None if it is broken and may be."""
        try:
            return fitting.read_all([path], image_shape, self.fit)[0]
        except ValueError as error:
            if self.strict:
                raise
            warnings.warn(f"{error} (skipped)", stacklevel=1)
            return None


class DataSet:
    """A data set of `gon_tf.data`. A broken image is an error: the numbers of others depend on it.

    Args:
        name: see `gon_tf.data.open_source`.
        data_dir: the same.
    """

    def __init__(self, name: str, data_dir):
        from gon_tf import data

        self.data_dir = data_dir
        source = data.open_source(name, data_dir)
        self.count = source.count
        # What identifies it, on whatever machine.
        self.description = {**source.description, "images": source.count}
        self.parts = [(part.name, part.count) for part in source.parts] or [(name, source.count)]

    def batches(self, numbers: range, image_shape) -> Iterator[Batch]:
        """The images of some numbers, at the model's size, in batches of at most 256."""
        first = 0
        for name, count in self.parts:  # each has shards of its own
            begin, end = (bisect.bisect_left(numbers, n) for n in (first, first + count))
            if begin < end:
                yield from self.of_part(name, first, numbers[begin:end], image_shape)
            first += count

    def of_part(self, name: str, first: int, numbers: range, image_shape) -> Iterator[Batch]:
        """The same for one of the data sets that are joined, whose images begin with `first`."""
        import numpy as np

        from gon_tf import data

        done, index = divmod(numbers.start - first, numbers.step)
        images = data.stream(
            name,
            image_shape,
            BATCH,
            data_dir=self.data_dir,
            shard=(index, numbers.step),
            start=done,
            max_broken=0,
        )
        for start, batch in zip(range(0, len(numbers), BATCH), images, strict=False):
            part = numbers[start : start + BATCH]
            yield Batch(np.asarray(part, np.int64), np.full(len(part), ""), batch[: len(part)])


def find(sources: Sequence[str], data_dir, *, strict: bool, fit: str = "stretch") -> Pictures | str:
    """The pictures that `sources` name, or the name of a data set.

    Raises:
        OSError: if a picture or folder is missing.
    """
    if are_pictures(sources, data_dir):
        return Pictures(pictures.find(map(Path, sources)), strict=strict, fit=fit)
    return sources[0]


def open_source(found: Pictures | str, data_dir) -> Pictures | DataSet:
    """What `find` found, with the data set opened."""
    if isinstance(found, Pictures):
        return found
    return DataSet(found, data_dir)


def are_pictures(sources: Sequence[str], data_dir) -> bool:
    """Whether `sources` are files and folders of pictures, rather than one data set."""
    path = Path(sources[0])
    if len(sources) > 1 or path.suffix.lower() in picture_files.SUFFIXES or streams.is_stream(path):
        return True
    if not path.is_dir() or path.suffix.lower() == ".lmdb":
        return False
    if len(path.parts) > 1 or path.is_absolute() or sources[0].startswith("."):
        return True
    # "mnist" is the data set even if there is a folder of that name, as everywhere.
    start_tensorflow()
    from gon_tf.data.kinds.tfds import is_tfds_name

    return not is_tfds_name(sources[0], data_dir)

"""Images that are read once, in batches, with their names: picture files or a data set."""

from __future__ import annotations

import bisect
import glob
import hashlib
import os
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from gon_tf import data
from gon_tf.data import fitting
from gon_tf.pictures import Picture

BATCH = 256


# Numbers of some images, int64 [batch]; names of their files, or ""; uint8 [batch, H, W, C].
Batch = tuple[np.ndarray, np.ndarray, np.ndarray]


class Pictures:
    """Picture files.

    Args:
        pictures: the files.
        strict: whether a broken file is an error, or is left out with a warning.
        fit: how they get the model's shape, see `gon_tf.data.fitting.FITS`.
    """

    def __init__(self, pictures: Sequence[Picture], *, strict: bool = True, fit: str = "stretch"):
        self.pictures, self.strict, self.fit = pictures, strict, fit
        self.count = len(pictures)

    @property
    def description(self) -> dict:
        """Number, names and content of the files, and how they get their shape."""
        names = b"\n".join(os.fsencode(picture.path.name) for picture in self.pictures)
        return {
            "files": self.count,
            "names": hashlib.sha256(names).hexdigest()[:16],
            "content": digest(self.pictures),
            "fit": self.fit,
        }

    def batches(
        self, numbers: range, image_shape: tuple[int, int, int], size: int = BATCH
    ) -> Iterator[Batch]:
        """The images of some numbers, at the model's size, in batches of at most `size`."""
        with ThreadPoolExecutor() as threads:
            for start in range(0, len(numbers), size):
                part = numbers[start : start + size]
                read = threads.map(lambda number: self._read(number, image_shape), part)
                images = {
                    n: image for n, image in zip(part, read, strict=True) if image is not None
                }
                yield (
                    np.fromiter(images, np.int64),
                    np.asarray([self.pictures[number].name for number in images], np.str_),
                    np.asarray(list(images.values()), np.uint8).reshape(-1, *image_shape),
                )

    def _read(self, number: int, image_shape: tuple[int, int, int]) -> np.ndarray | None:
        """One picture at the model's size, None if it is broken and may be."""
        try:
            return fitting.read_all([self.pictures[number]], image_shape, self.fit)[0]
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
        crop: whether images of another aspect are cut to the model's instead of stretched.
    """

    def __init__(self, name: str, data_dir: str | os.PathLike | None = None, *, crop: bool = False):
        self.name, self.data_dir, self.crop = name, data_dir, crop
        self._source = data.open_source(name, data_dir)
        self.count = self._source.count
        self.parts = [(part.name, part.count) for part in self._source.parts]
        self.parts = self.parts or [(name, self.count)]

    @property
    def description(self) -> dict:
        """What the source says of itself, and the content of its files if it is made of those."""
        content = [Picture(path) for name, _ in self.parts for path in files_of(name)]
        return {
            **self._source.description,
            "images": self.count,
            **({"content": digest(content)} if content else {}),
        }

    def batches(
        self, numbers: range, image_shape: tuple[int, int, int], size: int = BATCH
    ) -> Iterator[Batch]:
        """The images of some numbers, at the model's size, in batches of at most `size`."""
        first = 0
        for name, count in self.parts:  # each has shards of its own
            begin, end = (bisect.bisect_left(numbers, n) for n in (first, first + count))
            if begin < end:
                yield from self._of_part(name, first, numbers[begin:end], image_shape, size)
            first += count

    def _of_part(
        self, name: str, first: int, numbers: range, image_shape: tuple[int, int, int], size: int
    ) -> Iterator[Batch]:
        """The same for one of the data sets that are joined, whose images begin with `first`."""
        done, index = divmod(numbers.start - first, numbers.step)
        images = data.stream(
            name,
            image_shape,
            size,
            data_dir=self.data_dir,
            crop=self.crop,
            shard=(index, numbers.step),
            start=done,
            max_broken=0,
        )
        for start, batch in zip(range(0, len(numbers), size), images, strict=False):
            part = numbers[start : start + size]
            yield np.asarray(part, np.int64), np.full(len(part), ""), batch[: len(part)]


def files_of(name: str) -> list[Path]:
    """The files of a data set that is named by a path or a pattern; none for others."""
    path = os.path.expanduser(name)
    if os.path.isdir(path):
        names = [os.path.join(place, file) for place, _, files in os.walk(path) for file in files]
    else:
        array = [path.rpartition(":")[0]]  # of "digits.npz:x_test"
        names = [path] if os.path.exists(path) else glob.glob(path) or array
    return sorted(Path(n) for n in names if os.path.isfile(n) and not n.endswith("lock.mdb"))


def digest(pictures: Sequence[Picture]) -> str:
    """A string that tells files of other content, or in another order, apart."""

    def of_one(picture: Picture) -> bytes:
        with picture.open() as file:
            # pyrefly: ignore[bad-argument-type] (files and BytesIO can do more than BinaryIO)
            return hashlib.file_digest(file, "sha256").digest()

    whole = hashlib.sha256()
    with ThreadPoolExecutor() as threads:
        for part in threads.map(of_one, pictures):
            whole.update(part)
    return whole.hexdigest()[:16]

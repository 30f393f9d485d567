"""Images that are read once, in batches, with their names: picture files or a data set."""

from __future__ import annotations

import glob
import hashlib
import itertools
import os
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from gon_tf import data
from gon_tf.data import fitting
from gon_tf.data.source import File
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

    def share(self, index: int, machines: int) -> np.ndarray:
        """The images of machine `index` from 1: every one after as many as there are machines."""
        return np.arange(index - 1, self.count, machines)

    def batches(
        self, numbers: np.ndarray, image_shape: tuple[int, int, int], size: int = BATCH
    ) -> Iterator[Batch]:
        """The images of some numbers, at the model's size, in batches of at most `size`."""
        with ThreadPoolExecutor() as threads:
            for start in range(0, len(numbers), size):
                part = numbers[start : start + size].tolist()
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
        self.data_dir, self.crop = data_dir, crop
        self._source = data.open_source(name, data_dir)
        self.count = self._source.count
        # What is opened alone: the files of each data set that is joined, or the whole of it.
        self._parts = [
            [file for file in part.files if file.count] or [File(part.name, part.count, "")]
            for part in self._source.parts or (self._source,)
        ]

    @property
    def description(self) -> dict:
        """What the source says of itself, and what tells its files from those of other content."""
        files = [file for part in self._parts for file in part]
        read = [file.name for file in files if not file.checksum]
        content = [Picture(path) for name in read for path in files_of(name)]
        checksums = "".join(file.checksum for file in files).encode()
        return {
            **self._source.description,
            "images": self.count,
            **({"content": digest(content)} if content else {}),
            **({"checksums": hashlib.sha256(checksums).hexdigest()[:16]} if checksums else {}),
        }

    def share(self, index: int, machines: int) -> np.ndarray:
        """The images of machine `index` from 1, ascending: every one after as many as machines.

        Of a data set in at least as many files these are whole files instead, so that nobody reads
        those of others: each file goes to the machine that has the fewest images so far.
        """
        shares, loads, first = [], [0] * machines, 0
        for files in self._parts:
            for file in files:
                images = np.arange(first, first + file.count)
                if len(files) < machines:
                    shares.append(images[images % machines == index - 1])
                else:
                    taker = loads.index(min(loads))
                    loads[taker] += file.count
                    shares.append(images if taker == index - 1 else images[:0])
                first += file.count
        return np.concatenate(shares)

    def batches(
        self, numbers: np.ndarray, image_shape: tuple[int, int, int], size: int = BATCH
    ) -> Iterator[Batch]:
        """The images of the last `numbers` of a share, at the model's size, `size` in a batch."""
        first = 0
        for file in itertools.chain(*self._parts):
            begin, end = np.searchsorted(numbers, [first, first + file.count])
            if begin < end:
                yield from self._of_file(file, first, numbers[begin:end], image_shape, size)
            first += file.count

    def _of_file(
        self,
        file: File,
        first: int,
        numbers: np.ndarray,
        image_shape: tuple[int, int, int],
        size: int,
    ) -> Iterator[Batch]:
        """The same for one file, whose images begin with number `first`."""
        step = int(numbers[1] - numbers[0]) if len(numbers) > 1 else file.count
        done, index = divmod(int(numbers[0]) - first, step)
        images = data.stream(
            file.name,
            image_shape,
            size,
            data_dir=self.data_dir,
            crop=self.crop,
            shard=(index, step),
            start=done,
            max_broken=0,
        )
        for start, batch in zip(range(0, len(numbers), size), images, strict=False):
            part = numbers[start : start + size]
            yield part, np.full(len(part), ""), batch[: len(part)]


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

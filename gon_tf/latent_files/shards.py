"""Latents of a data set of any size: files in a folder, by one machine or by many, restartable.

Of N machines, machine I encodes the images that the source shares out to it, in their order, and
writes them to files of its own, `latents-IofN-00000.npz` and so on. A file appears under its name
only when it is whole. What a folder is being made from stands in `latents.json`; a run with
anything else in mind is refused, and one that goes on makes what is missing or damaged.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gon_tf import files
from gon_tf.latent_files.files import Latents, joined, read, write

MANIFEST = "latents.json"


@dataclass(frozen=True)
class Shards:
    """Which images one machine encodes, into which files.

    Attributes:
        folder: the folder of the files.
        numbers: the images of this machine, ascending.
        shard: this machine and their number, (I, N), 1 <= I <= N.
        size: images in a file.
    """

    folder: Path
    numbers: np.ndarray
    shard: tuple[int, int]
    size: int

    @property
    def files(self) -> list[Path]:
        """The files of this machine."""
        index, machines = self.shard
        starts = range(0, len(self.numbers), self.size)
        return [
            self.folder / f"latents-{index}of{machines}-{i:05d}.npz" for i in range(len(starts))
        ]

    def from_file(self, file: int) -> np.ndarray:
        """The images of a file and of those after it."""
        return self.numbers[file * self.size :]

    def claim(self, description: dict) -> None:
        """Write down what the folder is made from, or check that it is made from just that.

        Raises:
            FileExistsError: if the folder holds anything else.
            ValueError: if it is made from something else.
        """
        manifest = self.folder / MANIFEST
        size = {"machines": self.shard[1], "shard_size": self.size, "format": "npz"}
        wanted = {**description, **size}
        # Looked at before the manifest: other machines may begin at the same time. Hidden files
        # are what was left of a machine that was stopped while it wrote, or of no concern.
        present = self.folder.is_dir() and [
            path for path in self.folder.iterdir() if not path.name.startswith(".")
        ]
        if manifest.exists():
            _check_same(manifest, json.loads(json.dumps(wanted)))
        elif present:
            raise FileExistsError(f"{self.folder} holds other files; choose another folder.")
        else:
            files.write_json(manifest, wanted)

    def missing(self, latent_dim: int) -> list[int]:
        """The files that are still to be made, those that turn out to be damaged among them."""
        missing = []
        for number, path in enumerate(self.files):
            images = self.numbers[number * self.size : (number + 1) * self.size]
            try:
                if not set(read(path, latent_dim).numbers.tolist()) <= set(images.tolist()):
                    raise ValueError(f"{path} holds other images.")
            except FileNotFoundError:
                missing.append(number)
            except ValueError as error:
                warnings.warn(f"{error} It is made again.", stacklevel=2)
                missing.append(number)
        return missing

    def write(
        self,
        missing: list[int],
        batches: Iterator[Latents],
        on_file: Callable[[Path, int, int], None] | None = None,
    ) -> int:
        """Write the files `missing`, from the latents of all images from the first of them on.

        Returns:
            The number of images in them.

        Raises:
            ValueError: if there is none that can be read; no file is left then.
        """
        written = 0
        for number, content in self._by_file(missing[0], batches):
            if number not in missing:
                continue
            path = self.files[number]
            with files.replacing(path) as temporary:
                write(temporary, content)
            written += len(content)
            if on_file:
                on_file(path, number + 1, len(self.files))
            if number == missing[-1]:
                break
        if not written:
            for number in missing:
                self.files[number].unlink(missing_ok=True)
            raise ValueError(f"There is no image that can be read for {self.files[missing[0]]}.")
        return written

    def _by_file(self, first: int, batches: Iterator[Latents]) -> Iterator[tuple[int, Latents]]:
        """The latents of each file from number `first` on, cut and joined from those of batches."""
        parts, number, batch = [], first, None
        for batch in batches:
            owner = np.searchsorted(self.numbers, batch.numbers) // self.size
            for piece in np.split(np.arange(len(owner)), np.flatnonzero(np.diff(owner)) + 1):
                while len(piece) and owner[piece[0]] > number:
                    yield number, joined(parts, like=batch)
                    parts, number = [], number + 1
                parts.append(batch[piece])
        while batch is not None and number < len(self.files):
            yield number, joined(parts, like=batch)
            parts, number = [], number + 1


def _check_same(manifest: Path, wanted: dict) -> None:
    """Raise ValueError if the manifest says anything but `wanted`."""
    try:
        present = files.read_json(manifest)
    except ValueError as error:
        raise ValueError(f"{manifest} is damaged; delete the folder to start again.") from error
    for key in [*wanted, *present]:
        if present.get(key) != wanted.get(key):
            raise ValueError(
                f"The latents in {manifest.parent} are made with {key}={present.get(key)}, not "
                f"{wanted.get(key)}; choose another folder, or delete it to start again."
            )

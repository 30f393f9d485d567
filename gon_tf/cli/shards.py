"""Latents of a data set of any size: files in a folder, by one machine or by many, restartable.

Of N machines, machine I encodes the images I - 1, I - 1 + N, ... and writes them, in that order, to
files of its own, `latents-IofN-00000.npz` and so on. A file appears under its name only when it is
whole. What a folder is being made from stands in `latents.json`; a run with anything else in mind
is refused, and one that goes on makes what is missing or damaged.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gon_tf.cli import outputs

if TYPE_CHECKING:
    from gon_tf.latent_files import Latents

MANIFEST = "latents.json"


@dataclass(frozen=True)
class Plan:
    """Which images one machine encodes, into which files.

    Attributes:
        folder: the folder of the files.
        count: images of the data set.
        shard: this machine and their number, (I, N), 1 <= I <= N.
        size: images in a file.
        format: "npz" or "tfrecord".
    """

    folder: Path
    count: int
    shard: tuple[int, int]
    size: int
    format: str

    @property
    def numbers(self) -> range:
        """The images of this machine."""
        index, machines = self.shard
        return range(index - 1, self.count, machines)

    @property
    def files(self) -> list[Path]:
        """The files of this machine."""
        index, machines = self.shard
        starts = range(0, len(self.numbers), self.size)
        stem = f"latents-{index}of{machines}-"
        return [self.folder / f"{stem}{i:05d}.{self.format}" for i in range(len(starts))]

    def from_file(self, file: int) -> range:
        """The images of a file and of those after it."""
        return self.numbers[file * self.size :]

    def of_file(self, file: int) -> range:
        """The images of one of the files."""
        return self.numbers[file * self.size : (file + 1) * self.size]


def claim(plan: Plan, description: dict) -> None:
    """Write down what the folder is made from, or check that it is made from just that.

    Raises:
        FileExistsError: if the folder holds anything else.
        ValueError: if it is made from something else.
    """
    manifest = plan.folder / MANIFEST
    wanted = {
        **description,
        "machines": plan.shard[1],
        "shard_size": plan.size,
        "format": plan.format,
    }
    if manifest.exists():
        check_same(manifest, json.loads(json.dumps(wanted)))
        return
    if plan.folder.is_dir() and any(plan.folder.iterdir()):
        raise FileExistsError(f"{plan.folder} holds other files; choose another folder.")
    with outputs.replacing(manifest) as temporary:
        temporary.write_text(json.dumps(wanted, indent=2) + "\n", encoding="utf-8")


def check_same(manifest: Path, wanted: dict) -> None:
    """Raise ValueError if the manifest says anything but `wanted`."""
    found = None
    with suppress(ValueError, RecursionError):
        found = json.loads(manifest.read_text(encoding="utf-8"))
    if not isinstance(found, dict):
        raise ValueError(f"{manifest} is damaged; delete the folder to start again.")
    for key in [*wanted, *found]:
        if found.get(key) != wanted.get(key):
            raise ValueError(
                f"The latents in {manifest.parent} are made with {key}={found.get(key)}, not "
                f"{wanted.get(key)}; choose another folder, or delete it to start again."
            )


def missing(plan: Plan, latent_dim: int) -> list[int]:
    """The files that are still to be made, those that turn out to be damaged among them."""
    from gon_tf import latent_files

    todo = []
    for file, path in enumerate(plan.files):
        try:
            found = latent_files.READERS[plan.format](path, latent_dim)
            if not set(found.numbers.tolist()) <= set(plan.of_file(file)):
                raise ValueError(f"{path} holds other images.")
        except FileNotFoundError:
            todo.append(file)
        except ValueError as error:
            click.echo(f"Warning: {error} It is made again.", err=True)
            todo.append(file)
    return todo


def make(plan: Plan, todo: list[int], batches: Iterator[Latents]) -> int:
    """Write the files `todo`, from the latents of all images from the first of them on.

    Returns:
        The number of images in them.

    Raises:
        ValueError: if there is none that can be read; no file is left then.
    """
    from gon_tf import latent_files

    written = 0
    for file, content in by_file(plan, todo[0], batches):
        if file not in todo:
            continue
        with outputs.replacing(plan.files[file]) as temporary:
            latent_files.WRITERS[plan.format](temporary, content)
        written += len(content)
        if sys.stderr.isatty():
            click.echo(f"{plan.files[file]}  {file + 1}/{len(plan.files)}", err=True)
        if file == todo[-1]:
            break
    if not written:
        for file in todo:
            plan.files[file].unlink(missing_ok=True)
        raise ValueError(f"There is no image that can be read for {plan.files[todo[0]]}.")
    return written


def by_file(plan: Plan, first: int, batches: Iterator[Latents]) -> Iterator[tuple[int, Latents]]:
    """The latents of each file from number `first` on, cut and joined from those of batches."""
    import numpy as np

    from gon_tf.latent_files import joined

    parts, file, batch = [], first, None
    for batch in batches:
        position = (batch.numbers - plan.numbers.start) // plan.numbers.step
        owner = position // plan.size
        for piece in np.split(np.arange(len(owner)), np.flatnonzero(np.diff(owner)) + 1):
            while len(piece) and owner[piece[0]] > file:
                yield file, joined(parts, like=batch)
                parts, file = [], file + 1
            parts.append(batch[piece])
    while batch is not None and file < len(plan.files):
        yield file, joined(parts, like=batch)
        parts, file = [], file + 1


def clear(plan: Plan) -> None:
    """Remove what an interrupted run of this machine left under temporary names."""
    index, machines = plan.shard
    for path in plan.folder.glob(f".*-latents-{index}of{machines}-*"):
        path.unlink(missing_ok=True)

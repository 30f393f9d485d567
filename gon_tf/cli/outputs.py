"""Where results go: checked before the work starts, written under a temporary name and renamed."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gon_tf import files, pictures
from gon_tf.cli import report
from gon_tf.cli.inputs import STREAM

if TYPE_CHECKING:
    import numpy as np

OTHER_PICTURES = frozenset({".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".jxl"})
MOST_PIXELS = 200_000_000  # of a grid
# Bytes of a file's name: systems take 255, and a temporary name is a little longer.
LONGEST_NAME, LONGEST_STEM = 240, 200


@dataclass(frozen=True)
class Plan:
    """The files that a command is to write.

    Attributes:
        files: one for each of its pictures; none if OUT is a single file, or stdout.
        grid: a file that shows all of them, or None.
        zoom: how many times the grid is enlarged; None for as many as make several pictures easy
            to see, and one picture stay as it is.
    """

    files: list[Path]
    grid: Path | None
    zoom: int | None = 1

    @property
    def written(self) -> list[Path]:
        """All files, stdout left out."""
        return [path for path in (*self.files, self.grid) if path and path != STREAM]

    def target(self, number: int) -> Path | None:
        """Where picture `number` ends up: a file of its own, or the one that shows all."""
        return self.files[number] if self.files else self.grid

    def check(
        self, *, overwrite: bool, inputs: Iterable[Path] = (), named: Iterable[Path] = ()
    ) -> None:
        """Raise OSError now if one of the files could not or should not be written later.

        Args:
            overwrite: whether they may replace others.
            inputs: files that are read, which are never replaced.
            named: what the user named as inputs; pictures are not written into folders of it.
        """
        named = set(named)
        inputs = {path for path in inputs if path != STREAM}
        sources = {path.resolve() for path in named if path.is_dir()}
        sources |= {path.resolve().parent for path in inputs - named if sources}
        for target in self.files[:1]:
            place = target.resolve().parent
            if sources.intersection((place, *place.parents)):
                raise FileExistsError(
                    f"{target.parent} is or lies in a folder of the inputs, and would be one of "
                    "them the next time; write somewhere else."
                )
        check(self.written, overwrite=overwrite, inputs=inputs)

    def write(
        self, images: Iterable[np.ndarray], whole: Callable[[list], np.ndarray] = pictures.square
    ) -> None:
        """Write each of `images` to its file, and the picture of the whole that is made of them."""
        kept = []
        for file, image in zip_longest(self.files, images):
            if file:
                write(file, image)
            if self.grid:
                kept.append(image)
        if self.grid:
            self.write_grid(kept, whole)

    def write_grid(
        self, images: list, whole: Callable[[list], np.ndarray] = pictures.square
    ) -> None:
        """Write the picture of the whole that is made of all `images`, enlarged by the zoom."""
        assert self.grid
        picture = whole(images)
        several = picture.shape != images[0].shape
        zoom = self.zoom or (pictures.zoom_of(picture) if several else 1)
        write(self.grid, pictures.zoomed(picture, zoom))

    def report(self, as_json: bool, **facts) -> None:
        """Print the names of the files that were written, with `facts` if it is JSON."""
        if as_json:
            report.echo_json({**facts, "files": self.written})
        else:
            report.echo_lines(self.written)


def plan(
    output: Path, names: Iterable[str], *, grid: bool, as_json: bool, zoom: int | None = 1
) -> Plan:
    """What to write to OUT: one picture, or one for each of `names` and perhaps a grid of them.

    `zoom` is that of the `Plan`.

    Raises:
        click.UsageError: if OUT is a picture of a format that cannot be written, or stdout that
            something else needs, or nobody reads.
    """
    if is_picture(output, as_json=as_json):
        return Plan([], output, zoom)
    names = different_names(names, taken=["grid"] if grid else [])
    paths = [output / f"{name}.png" for name in names]
    return Plan(paths, output / "grid.png" if grid else None, zoom)


def is_picture(output: Path, *, as_json: bool = False) -> bool:
    """Whether OUT names one picture (or stdout) rather than a folder.

    Raises:
        click.UsageError: as `plan`.
    """
    if output == STREAM:
        to_stdout = "With - as OUT the picture goes to stdout: "
        if as_json:
            raise click.UsageError(to_stdout + "leave out --json.")
        if sys.stdout is None:
            raise click.UsageError(to_stdout + "it is closed.")
        if sys.stdout.isatty():
            raise click.UsageError(to_stdout + "send it to a file.")
    if output.suffix.lower() in OTHER_PICTURES:
        raise click.UsageError(
            f"OUT is a {', '.join(pictures.WRITERS)} file, a folder or - (stdout). "
            f"Received: {output}"
        )
    return output == STREAM or output.suffix.lower() in pictures.WRITERS


def check(targets: Sequence[Path], *, overwrite: bool, inputs: Iterable[Path] = ()) -> None:
    """Raise OSError now if one of `targets` could not or should not be written later.

    Removes what a kill has left of former ones that were half-written.

    Args:
        targets: the files.
        overwrite: whether they may replace others.
        inputs: files that are never replaced.
    """
    originals = {path.resolve() for path in inputs}
    for folder in {target.parent for target in targets}:
        check_folder(folder)
    for target in targets:
        if len(os.fsencode(target.name)) > LONGEST_NAME:
            raise OSError(f"The name {target.name} is too long: {LONGEST_NAME} bytes are the most.")
        if target.is_dir():
            raise IsADirectoryError(f"{target} is a folder; give the name of a file.")
        if target.exists() and not overwrite:
            raise FileExistsError(f"{target} exists already; --overwrite replaces it.")
        if target.resolve() in originals:
            raise FileExistsError(f"{target} is one of the inputs; write somewhere else.")
    for folder in {target.parent for target in targets}:
        files.remove_temporary(folder)


def check_new_folder(folder: Path, *, overwrite: bool) -> None:
    """Raise OSError now if a command could not or should not make `folder` later."""
    if folder.is_dir() and any(folder.iterdir()) and not overwrite:
        raise FileExistsError(f"The folder {folder} exists already; --overwrite replaces it.")
    check_folder(folder)


def check_folder(folder: Path) -> None:
    """Raise OSError now if files could not be written to `folder`, which need not exist yet."""
    present = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not present.is_dir():
        raise NotADirectoryError(f"{present} is a file; outputs need a folder.")
    if not os.access(present, os.W_OK | os.X_OK):
        raise PermissionError(f"The folder {present} cannot be written.")


def check_grid(count: int, size: Sequence[int], zoom: int | None = 1) -> None:
    """Raise ValueError if `count` pictures of (height, width, ...) `size` are too many for one."""
    height, width = size[:2]
    pixels = count * (height + pictures.GAP) * (width + pictures.GAP)
    if pixels > MOST_PIXELS:
        raise ValueError(
            f"A picture of {count:,} pictures of {height}x{width} pixels is too large; give a "
            "folder as OUT, without --grid."
        )
    if pixels * (zoom or 1) ** 2 > MOST_PIXELS:
        most = math.isqrt(MOST_PIXELS // pixels)
        raise ValueError(
            f"{count:,} pictures of {height}x{width} pixels can be enlarged {most} times at most. "
            f"Received: --zoom {zoom}"
        )


def different_names(stems: Iterable[str], taken: Iterable[str] = ()) -> list[str]:
    """The stems, with -2, -3, ... after those that came before (in whatever case)."""
    seen = {name.casefold() for name in taken}
    names = []
    for stem in stems:
        while len(os.fsencode(stem)) > LONGEST_STEM:
            stem = stem[:-1]
        name, count = stem, 1
        while name.casefold() in seen:
            count += 1
            name = f"{stem}-{count}"
        seen.add(name.casefold())
        names.append(name)
    return names


def write(path: Path, image: np.ndarray) -> None:
    """Write a picture, whole or not at all, in the format of its suffix; PNG to stdout.

    Raises:
        ValueError: if the format cannot hold a picture of that size.
        OSError: if it cannot be written.
    """
    if path != STREAM:
        pictures.write(path, image)
        return
    sys.stdout.buffer.write(pictures.encoded(image, Path("stdout.png")))
    sys.stdout.buffer.flush()

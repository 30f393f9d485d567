"""Where results go: checked before the work starts, written under a temporary name and renamed."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from gon_tf.cli import streams
from gon_tf.files import replacing  # noqa: F401 - the commands write

# Format of a picture, and what Pillow is told when it writes one, by the suffix of its file.
FORMATS = {
    ".png": ("PNG", {}),
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".webp": ("WEBP", {"lossless": True}),
}
OTHER_PICTURES = frozenset({".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".jxl"})


@dataclass(frozen=True)
class Plan:
    """The files that a command is to write.

    Attributes:
        files: one for each of its pictures; none if OUT is a single file, or stdout.
        grid: a file that shows all of them, or None.
    """

    files: list[Path]
    grid: Path | None

    @property
    def written(self) -> list[Path]:
        """All files, stdout left out."""
        files = [*self.files, *([self.grid] if self.grid else [])]
        return [file for file in files if not streams.is_stream(file)]

    def target(self, number: int) -> Path | None:
        """Where picture `number` ends up: a file of its own, or the one that shows all."""
        return self.files[number] if self.files else self.grid


def plan(output: Path, names: Iterable[str], *, grid: bool, as_json: bool) -> Plan:
    """What to write to OUT: one picture, or one for each of `names` and perhaps a grid of them.

    Raises:
        click.UsageError: if OUT is a picture of a format that cannot be written, or stdout that
            something else needs.
    """
    streams.check_output(output, as_json=as_json)
    if is_picture(output):
        return Plan([], output)
    names = different_names(names, taken=["grid"] if grid else [])
    return Plan([output / f"{name}.png" for name in names], output / "grid.png" if grid else None)


def is_picture(output: Path) -> bool:
    """Whether OUT names one picture (or stdout) rather than a folder.

    Raises:
        click.UsageError: if OUT looks like a picture of another format.
    """
    if output.suffix.lower() in OTHER_PICTURES:
        raise click.UsageError(
            f"OUT is a {', '.join(FORMATS)} file, a folder or - (stdout). Received: {output}"
        )
    return streams.is_stream(output) or output.suffix.lower() in FORMATS


def check(targets: Sequence[Path], *, overwrite: bool, inputs: Collection[Path] = ()) -> None:
    """Raise OSError now if one of `targets` could not or should not be written later."""
    originals = {path.resolve() for path in inputs}
    for folder in {target.parent for target in targets}:
        check_folder(folder)
    for target in targets:
        if target.is_dir():
            raise IsADirectoryError(f"{target} is a folder; give the name of a file.")
        if target.exists() and not overwrite:
            raise FileExistsError(f"{target} exists already; --overwrite replaces it.")
        if target.resolve() in originals:
            raise FileExistsError(f"{target} is one of the inputs; write somewhere else.")


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


def different_names(stems: Iterable[str], taken: Iterable[str] = ()) -> list[str]:
    """The stems, with -2, -3, ... after those that came before (in whatever case)."""
    seen = {name.casefold() for name in taken}
    names = []
    for stem in stems:
        name, count = stem, 1
        while name.casefold() in seen:
            count += 1
            name = f"{stem}-{count}"
        seen.add(name.casefold())
        names.append(name)
    return names

"""Where results go: checked before the work starts, written under a temporary name and renamed."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click


def is_picture(output: Path) -> bool:
    """Whether OUT names one picture rather than a folder.

    Raises:
        click.UsageError: if OUT looks like a picture of another format.
    """
    if output.suffix.lower() in {".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff"}:
        raise click.UsageError(f"OUT is a .png file or a folder. Received: {output}")
    return output.suffix.lower() == ".png"


def check(targets: Sequence[Path], *, overwrite: bool, inputs: Collection[Path] = ()) -> None:
    """Raise OSError now if one of `targets` could not or should not be written later."""
    check_folder(targets[0].parent)
    originals = {path.resolve() for path in inputs}
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


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that becomes `path` in the end, unless something failed.

    Nobody ever sees a half-written file. The folder is made if needed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)

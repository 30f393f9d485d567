"""export.json: what an export wrote, so that a later one replaces that and nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from gon_tf import files

RECORD = "export.json"


def write(folder: Path, format: str, model: str, **more: object) -> None:
    """Writes the record of all files in `folder`, and what `more` there is to say, if anything."""
    written = sorted(path for path in folder.rglob("*") if path.is_file())
    names = {path.relative_to(folder).as_posix(): files.fingerprint(path) for path in written}
    said = {name: value for name, value in more.items() if value}
    files.write_json(folder / RECORD, {"format": format, "model": model, **said, "files": names})


def former_files(folder: Path) -> list[str]:
    """The files of an export in `folder`, its record among them; none if there is no record.

    Raises:
        FileExistsError: if one of them was changed since, or the record is not an export's.
    """
    if not (folder / RECORD).exists():
        return []
    named = files.read_json(folder / RECORD).get("files")
    if not isinstance(named, dict) or not all(map(is_inside, named)):
        raise FileExistsError(f"{folder / RECORD} is not that of an export; write somewhere else.")
    present = [name for name in named if os.path.lexists(folder / name)]
    for name in present:
        path = folder / name
        if path.resolve() != folder.resolve() / name or files.fingerprint(path) != named[name]:
            raise FileExistsError(f"{path} is not as it was exported; write somewhere else.")
    return [*present, RECORD]


def is_inside(name: str) -> bool:
    """Whether a file that a record names lies in its folder."""
    path = PurePosixPath(name)
    return name != "" and not path.is_absolute() and ".." not in path.parts


def check_folder(folder: Path, names: Iterable[str], *, overwrite: bool) -> list[str]:
    """Raises OSError unless an export can be written to `folder`.

    Args:
        folder: where to.
        names: of files and folders in it that are to be written.
        overwrite: replace those of a former export; all other files stay.

    Returns:
        The files to replace.
    """
    if not folder.exists():
        if os.path.lexists(folder):
            raise FileExistsError(f"{folder} is a link that leads nowhere.")
        if not folder.parent.is_dir():
            raise FileNotFoundError(f"The folder {folder.parent} does not exist.")
        return []
    if not folder.is_dir():
        raise FileExistsError(f"{folder} is a file; an export is a folder.")
    files.remove_temporary(folder, folder.absolute().name)
    if any(folder.iterdir()) and not overwrite:
        raise FileExistsError(f"{folder} exists already: choose another folder, or overwrite it.")
    former = former_files(folder)
    present = {
        path for name in (*names, RECORD) for path in (folder / name, *(folder / name).rglob("*"))
    }
    for path in sorted(path for path in present if path.is_symlink() or path.is_file()):
        if path.relative_to(folder).as_posix() not in former:
            raise FileExistsError(f"{path} is of no export that {RECORD} names; write elsewhere.")
    return former

"""Which files are pictures: one rule for data sets and commands, without TensorFlow."""

from __future__ import annotations

from pathlib import Path

SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".webp"})


def find(folder: Path) -> list[Path]:
    """The picture files in a folder and below, sorted by path.

    Left out is what systems leave behind (hidden files and folders, `__MACOSX`) and, of a file that
    is there by several names (links), all but the first.

    Args:
        folder: the folder, which exists.

    Returns:
        The paths, each beginning with `folder`.

    Example:
        >>> find(Path("photos"))
        [PosixPath('photos/cat.jpg'), PosixPath('photos/dogs/rex.png')]
    """
    first = {}
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
        if path.suffix.lower() in SUFFIXES and not hidden and path.is_file():
            status = path.stat()
            # Some file systems have no numbers for their files.
            identity = (status.st_dev, status.st_ino) if status.st_ino else path
            first.setdefault(identity, path)
    return list(first.values())


__all__ = ["SUFFIXES", "find"]

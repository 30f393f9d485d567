"""Files that are whole whenever somebody looks, whatever happens while they are written."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TEMPORARY = re.compile(r"\.\d+-.+")


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


def write_durably(path: Path, data: bytes) -> None:
    """Writes `data` to `path`, whole or not at all, and waits until the disk has it.

    Raises:
        OSError: if it cannot be written; a former file is then still there.
    """
    with replacing(path) as temporary, open(temporary, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the new name, too
    finally:
        os.close(folder)


def remove_temporary(folder: Path) -> None:
    """Removes what a process that was killed in `replacing` has left in `folder`."""
    for path in folder.glob(".*"):
        if TEMPORARY.fullmatch(path.name) and path.is_file():
            path.unlink(missing_ok=True)


def disk_is_full(error: BaseException) -> bool:
    """Whether `error` says that there is no space left on a disk, or for its user."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    # HDF5 and TensorFlow say so in words only.
    return any(words in str(error) for words in ("No space left on device", "Disk quota exceeded"))

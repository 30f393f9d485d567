"""Images in an LMDB: key -> content of a picture file, as vid2frame writes it."""

from __future__ import annotations

import os
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np

from gon_tf.data.images import decode_image
from gon_tf.data.source import Broken, Shard, Source, checked, positions, shard_of

READ_ALL = """
import os, sys, lmdb
path = sys.argv[1]
environment = lmdb.open(path, subdir=os.path.isdir(path), readonly=True, create=False, lock=False)
with environment.begin() as transaction, transaction.cursor() as cursor:
    for key, value in cursor:
        pass
"""

# A process may open a database only once at a time.
_OPEN: weakref.WeakValueDictionary = weakref.WeakValueDictionary()


def is_lmdb(name: str, data_dir: str | os.PathLike | None) -> bool:
    """Whether `name` ends in `.lmdb`, or is a folder that holds an LMDB."""
    is_folder = bool(name) and (Path(name) / "data.mdb").is_file()
    return name.lower().rstrip("/").endswith(".lmdb") or is_folder


def open_lmdb(name: str, data_dir: str | os.PathLike | None, shard: Shard) -> Source:
    """The pictures of a database, a folder or one file, in the order of their keys' bytes.

    It is opened for reading only and without a lock: it must not be written to meanwhile. Keys may
    be any bytes ("video/00000001" if vid2frame wrote them).

    Raises:
        FileNotFoundError: if there is no such file or folder.
        ImportError: if the package lmdb is missing.
        ValueError: if the database cannot be read or has no entries or no readable picture.
    """
    path = Path(name)
    if not path.exists():
        raise FileNotFoundError(f"There is no LMDB {name!r}.")
    environment, keys = _open(name, path)
    if not keys:
        raise ValueError(f"The LMDB {name!r} has no entries.")
    chosen = shard_of(name, len(keys), shard)

    def read(position: np.int64, size) -> np.ndarray:
        key = keys[position]
        with environment.begin() as transaction:
            value = transaction.get(key)
        if value is None:
            raise ValueError(f"Cannot read {name!r}: {key!r} is gone.")
        return decode_image(value, f"{name}: {key.decode(errors='backslashreplace')}", size)

    description = {"lmdb": path.resolve().name, "entries": len(keys)}
    items = positions(chosen)
    return checked(Source(name, len(chosen), description, Broken(name), items=items, read=read))


def _open(name: str, path: Path):
    """The database and all its keys, in order."""
    try:
        import lmdb
    except ImportError as error:
        raise ImportError(
            f'The LMDB {name!r} needs the package lmdb: pip install "gon-tf[lmdb]".'
        ) from error

    file = path / "data.mdb" if path.is_dir() else path
    try:
        if file.exists() and not file.is_file():  # to open a pipe might take forever
            raise OSError("it is no regular file")
        status = file.stat()
        identity = (status.st_dev, status.st_ino)
        environment = _OPEN.get(identity) or lmdb.open(
            str(path),
            subdir=path.is_dir(),
            readonly=True,
            create=False,
            lock=False,
            readahead=False,  # in a random order it would read far more than is used
        )
        pages = environment.info()["last_pgno"] + 1
        # It is mapped into memory: to read what is missing would kill the process.
        page = environment.stat()["psize"]
        short, whole_pages = status.st_size < pages * page, status.st_size % page == 0
        if short and not (whole_pages and _reads_whole(path)):
            raise OSError(
                f"it has {status.st_size:,} bytes, less than its {pages:,} pages: it is truncated"
            )
        _OPEN[identity] = environment
        with environment.begin() as transaction, transaction.cursor() as cursor:
            return environment, list(cursor.iternext(keys=True, values=False))
    except (lmdb.Error, OSError) as error:
        raise ValueError(f"Cannot read the LMDB {name!r}: {error}.") from error


def _reads_whole(path: Path) -> bool:
    """Whether a process of its own can read all entries of a database.

    Pages at its end that were used and given back within one transaction are never written, and
    missing rightly.
    """
    command = [sys.executable, "-c", READ_ALL, os.fspath(path)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0

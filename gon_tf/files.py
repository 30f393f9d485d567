"""Files and folders that are whole whenever somebody looks, whatever happens meanwhile.

Files are written through `replacing`, folders of files through `filling`. Both write under a
temporary name, `.NAME-XXXXXXXX.tmp`, that is locked as long as its process lives: what a kill has
left of it can be told from what another process is writing. No TensorFlow here.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import itertools
import json
import os
import re
import secrets
import shutil
import stat
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

TEMPORARY = re.compile(r"\.(?P<name>.+)-[0-9a-f]{8}\.tmp", re.DOTALL)
REMOTE = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
NAME_BYTES = 200  # of a name within a temporary name: file systems take 255 in all
ABANDONED = 24 * 3600  # seconds without a change, where locks cannot tell
JSON_LEVELS, JSON_DIGITS = 50, 40  # more than any record needs, less than any reader chokes on
# Open no link and wait for no pipe, where the system knows such.
PLAINLY = sum(getattr(os, flag, 0) for flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))
WITHOUT_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK)


def path_of(place: str | os.PathLike) -> Path:
    """The path that a user gave, `~` being the home folder.

    Raises:
        ValueError: if it is empty, or of a place elsewhere (`gs://`, `s3://`).
    """
    if not os.fspath(place):
        raise ValueError("The path of a file or folder must not be empty; . is this folder.")
    check_local(place)
    return Path(os.path.expanduser(place))  # `~` stays where nobody has a home


def check_local(place: str | os.PathLike) -> None:
    """Raises ValueError if a path is that of a place elsewhere."""
    if REMOTE.match(os.fspath(place)):
        raise ValueError(
            "gon_tf reads and writes files of this machine: copy or mount what lies elsewhere. "
            f"Received: {os.fspath(place)!r}"
        )


def check_apart(output: Path, inputs: Iterable[Path]) -> None:
    """Raises ValueError if `output` is one of `inputs`, holds one, or lies in one."""
    place = output.resolve()
    for source in inputs:
        other = source.resolve()
        if place == other:
            raise ValueError(f"{output} is an input; write somewhere else.")
        if place in other.parents or other in place.parents:
            how = "holds" if place in other.parents else "lies in"
            raise ValueError(f"{output} {how} the input {source}; write somewhere else.")


# Writing


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that becomes `path` in the end, unless something failed.

    Nobody ever sees a half-written file. The folder is made if needed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _naming(path), _temporary(path.parent, path.name, _touch) as temporary:
        yield temporary
        os.replace(temporary, path)


@contextmanager
def filling(folder: Path, seal: str, former: Iterable[str] = ()) -> Iterator[Path]:
    """A temporary folder whose files become those of `folder` in the end, unless something failed.

    In a folder that exists, files of the same names and the `former` ones are replaced, and all
    else stays. They are moved aside before the new ones come, and back if those cannot come. What a
    kill has left of an earlier attempt is removed.

    Args:
        folder: path of the folder. Its parent must exist.
        seal: the file without which the others mean nothing. It goes first and comes last, so a
            kill between leaves no mixture of old and new that is taken for either.
        former: further files to replace, relative to `folder`.
    """
    name = folder.absolute().name
    place = folder if folder.is_dir() else folder.parent
    remove_temporary(place, name)
    with _naming(folder), _temporary(place, name, os.mkdir) as temporary:
        yield temporary
        if place == folder:
            with _temporary(place, name, os.mkdir) as aside:
                _exchange(folder, temporary, aside, seal, former)
        else:
            os.rename(temporary, folder)


def _exchange(folder: Path, source: Path, aside: Path, seal: str, former: Iterable[str]) -> None:
    """Moves the `former` files of `folder`, and those like the new ones in `source`, aside."""
    new = [str(path.relative_to(source)) for path in source.rglob("*") if not path.is_dir()]
    new.sort(key=lambda name: name == seal)
    old = [name for name in {*new, *former} if os.path.lexists(folder / name)]
    old.sort(key=lambda name: name != seal)
    done = []
    try:
        for names, place, target in ((old, folder, aside), (new, source, folder)):
            for name in names:
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                os.replace(place / name, target / name)
                done.append((target / name, place / name))
    except BaseException:
        for here, origin in reversed(done):
            os.replace(here, origin)
        raise
    for name in old:  # folders that are empty now, such as variables/
        for parent in [folder / up for up in Path(name).parents][:-1]:
            with contextlib.suppress(OSError):
                parent.rmdir()


def write(path: Path, content: bytes) -> None:
    """Writes `content` to `path`, whole or not at all, and waits until the disk has it."""
    with replacing(path) as temporary, open(temporary, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    with contextlib.suppress(OSError):  # not all file systems sync folders
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # the new name, too
        finally:
            os.close(folder)


def write_json(path: Path, values: dict) -> None:
    """Writes a JSON object for people to read; as `write`."""
    write(path, json_bytes(values))


def json_bytes(values: dict) -> bytes:
    """The content that `write_json` gives a file."""
    return (json.dumps(values, indent=2) + "\n").encode()


# Temporary names


@contextmanager
def _temporary(folder: Path, name: str, make: Callable[[Path], None]) -> Iterator[Path]:
    """A new file or folder in `folder`, locked, that is removed in the end if it is still there."""
    path = lock = None
    try:  # from the first: a signal may come at any time
        while path is None:
            path = folder / f".{_short(name)}-{secrets.token_hex(4)}.tmp"
            try:
                make(path)
            except FileExistsError:
                path = None
                continue
            with contextlib.suppress(FileNotFoundError, BlockingIOError):
                lock = _lock(path)
                if lock is None or os.fstat(lock).st_nlink:
                    break
                os.close(lock)
            path = lock = None  # taken for abandoned before it was locked
        yield path
    finally:
        if path is not None:
            remove(path)
        if lock is not None:
            os.close(lock)


def _touch(path: Path) -> None:
    path.touch(exist_ok=False)


def _short(name: str) -> str:
    return os.fsdecode(os.fsencode(name)[:NAME_BYTES])


def _lock(path: Path) -> int | None:
    """A descriptor that holds the lock on a file or folder; None if there are no locks."""
    if fcntl is None:
        return None
    descriptor = os.open(path, os.O_RDONLY | PLAINLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if isinstance(error, BlockingIOError):
            raise
        return None
    return descriptor


def remove_temporary(folder: Path, name: str | None = None) -> None:
    """Removes what processes that were killed have left of `replacing` and `filling`, only that.

    Args:
        folder: where they wrote; it need not exist.
        name: of the file or folder that they wrote; all by default.
    """
    for path in list(folder.iterdir()) if folder.is_dir() else ():
        match = TEMPORARY.fullmatch(path.name)
        if match is None or (name is not None and match["name"] != _short(name)):
            continue
        with contextlib.suppress(OSError):  # of somebody else, or gone
            lock = _lock(path)
            if lock is not None or time.time() - path.lstat().st_mtime > ABANDONED:
                remove(path)
            if lock is not None:
                os.close(lock)


def remove(path: Path) -> None:
    """Removes what is at `path`: a file, a link, a folder with all in it, or nothing."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def locked(path: Path, patience: float = 0.0) -> Iterator[None]:
    """Keeps other processes out that lock the same file; the system ends it with the process.

    Where the file system has no locks, a warning says so and the work goes on.

    Args:
        path: the lock file, which is made and stays. So does its folder.
        patience: seconds to wait for another process.

    Raises:
        BlockingIOError: if another process holds the lock.
    """
    import filelock

    path.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(path)
    try:
        lock.acquire(timeout=patience)
    except filelock.Timeout:
        raise BlockingIOError(
            f"Another process is at work in {path.absolute().parent}; wait until it has ended."
        ) from None
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno not in WITHOUT_LOCKS:
            raise
        warnings.warn(
            f"The file system of {path.parent} has no locks; only one process may work there.",
            stacklevel=3,
        )
    try:
        yield
    finally:
        lock.release()


# Reading


def fingerprint(path: Path) -> dict[str, str | int]:
    """sha256 and size of a file: {"sha256": hex digest, "bytes": size}."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return {"sha256": digest, "bytes": file.tell()}


def read_plain(path: Path, most_bytes: int) -> bytes:
    """The content of a file that may be anybody's, read once.

    Raises:
        ValueError: if it is a link, which could lead anywhere, something that may never end, such
            as a pipe, or too large.
        FileNotFoundError: if there is no such file.
    """
    if path.is_symlink():
        raise ValueError(f"{path} is a link; the file itself must be there.")
    try:
        descriptor = os.open(path, os.O_RDONLY | PLAINLY)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path.parent} has no {path.name}.") from None
    size = os.fstat(descriptor).st_size
    plain = stat.S_ISREG(os.fstat(descriptor).st_mode)
    if not plain or size > most_bytes:
        os.close(descriptor)
        if not plain:
            raise ValueError(f"{path} is not a plain file.")
        raise ValueError(f"{path} is too large: {size:,} bytes, where {most_bytes:,} are the most.")
    with open(descriptor, "rb") as file:
        return file.read(size)


def read_json(path: Path, most_bytes: int = 2**20) -> dict:
    """The JSON object in a file; see `read_plain` and `parse_json` for what is refused."""
    return parse_json(read_plain(path, most_bytes), path)


def parse_json(content: bytes, source: str | os.PathLike) -> dict:
    """The JSON object in `content`, which comes from `source`."""
    with contextlib.suppress(ValueError, RecursionError):
        values = json.loads(content.decode("utf-8"), parse_int=_integer)
        if isinstance(values, dict) and _levels(values) <= JSON_LEVELS:
            return values
    raise ValueError(
        f"{os.fspath(source)} is not a JSON object, or one nested over {JSON_LEVELS} deep or with "
        f"integers of over {JSON_DIGITS} digits."
    )


def _integer(digits: str) -> int:
    if len(digits) > JSON_DIGITS:
        raise ValueError("too many digits")
    return int(digits)


def _levels(values: dict) -> int:
    """How deep the lists and objects in `values` are nested."""
    level, inner = 0, [values]
    while inner:
        level += 1
        parts = (item.values() if isinstance(item, dict) else item for item in inner)
        inner = [part for part in itertools.chain(*parts) if isinstance(part, dict | list)]
    return level


# Errors


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Lets the error of a full disk name `path`."""
    try:
        yield
    except Exception as error:
        if not disk_is_full(error):
            raise
        raise OSError(errno.ENOSPC, "No space left on the disk", str(path)) from error


def disk_is_full(error: BaseException) -> bool:
    """Whether `error` says that there is no space left on a disk, or for its user."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    # HDF5 and TensorFlow say so in words only.
    return any(words in str(error) for words in ("No space left on", "Disk quota exceeded"))


def first_line(error: BaseException) -> str:
    """What an error says, in one line; its kind if it says nothing."""
    return str(error).strip().partition("\n")[0] or type(error).__name__

"""The files of a preset, which may come from anywhere: plain, of bounded size, with a checksum."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
NAMES = (CONFIG, METADATA, WEIGHTS)
MOST_BYTES = {CONFIG: 2**20, METADATA: 2**20, WEIGHTS: 2**32}


def fingerprint(path: Path) -> dict:
    """sha256 and size of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return {"sha256": digest, "bytes": file.tell()}


def check_plain(preset: Path) -> None:
    """Raises unless the files of a preset are files of a bounded size in that very folder.

    A link could lead anywhere, a pipe or device would never end. Missing files are left to those
    who need them.

    Raises:
        ValueError: if one is something else.
    """
    for name in NAMES:
        try:
            status = (preset / name).lstat()
        except FileNotFoundError:
            continue
        if stat.S_ISLNK(status.st_mode):
            raise ValueError(f"{preset / name} is a link; a preset holds the files themselves.")
        if not stat.S_ISREG(status.st_mode):
            raise ValueError(f"{preset / name} is not a plain file.")
        if status.st_size > MOST_BYTES[name]:
            raise ValueError(
                f"{preset / name} is too large: {status.st_size:,} bytes, where "
                f"{MOST_BYTES[name]:,} are the most."
            )


def read_json(path: Path) -> dict:
    """The JSON object in a file.

    Raises:
        ValueError: if it is none, or too large.
        FileNotFoundError: if there is no such file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"The preset {path.parent} has no {path.name}.")
    if path.stat().st_size > MOST_BYTES[METADATA]:
        raise ValueError(f"{path} is too large: {path.stat().st_size:,} bytes.")
    return parse_json(path.read_bytes(), path)


def parse_json(content: bytes, source: str | os.PathLike) -> dict:
    """The JSON object in `content`, which comes from `source`.

    Raises:
        ValueError: if it is none.
    """
    with contextlib.suppress(ValueError, RecursionError):
        values = json.loads(content.decode("utf-8"))
        if isinstance(values, dict):
            return values
    raise ValueError(f"{os.fspath(source)} is not a JSON object.")


@contextlib.contextmanager
def new_preset(folder: Path) -> Iterator[Path]:
    """A temporary folder for the files of a preset, which become those of `folder` in the end.

    If something fails there is no new folder, and the preset of an old one stays. Other files of an
    old folder stay in any case.
    """
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        yield temporary
        temporary.chmod(0o755)
        if not folder.exists():
            temporary.rename(folder)
            return
        # Without its config a folder is no preset, so an interruption leaves none that is mixed.
        (folder / CONFIG).unlink(missing_ok=True)
        for name in reversed(NAMES):
            os.replace(temporary / name, folder / name)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file that nobody ever sees half-written."""
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def write_json(path: Path, values: dict) -> None:
    """Writes a JSON object for people to read."""
    path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")

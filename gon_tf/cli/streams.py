"""`-` in the place of a file: stdin for an input, stdout for an output."""

from __future__ import annotations

import io
import sys
from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO

import click

STREAM = Path("-")
MOST_BYTES = 256 * 1024**2  # of stdin; a larger picture is a mistake or an attack
_CONTENT = f"{__name__}.content"  # key of what the running command read from stdin


def is_stream(path: Path) -> bool:
    """Whether `path` stands for stdin or stdout."""
    return path == STREAM


def stem(path: Path) -> str:
    """The name for what is made of an input."""
    return "stdin" if is_stream(path) else path.stem


def name(path: Path) -> str:
    """An input as a result names it."""
    return "stdin" if is_stream(path) else str(path)


def title(path: Path) -> str:
    """What to call an input in a message."""
    return "Stdin" if is_stream(path) else str(path)


def check_inputs(paths: Collection[Path]) -> None:
    """Raise click.UsageError if stdin would be read twice."""
    if sum(map(is_stream, paths)) > 1:
        raise click.UsageError("Stdin can be read once: give one - among the inputs.")


def check_output(output: Path, *, as_json: bool) -> None:
    """Raise click.UsageError if OUT is stdout and something else needs it, or nobody reads it."""
    if not is_stream(output):
        return
    if as_json:
        raise click.UsageError("With - as OUT the picture goes to stdout: leave out --json.")
    if sys.stdout.isatty():
        raise click.UsageError("With - as OUT the picture goes to stdout: send it to a file.")


def opened(path: Path) -> BinaryIO:
    """A file or stdin, open for reading.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if stdin holds too much.
    """
    return io.BytesIO(content()) if is_stream(path) else path.open("rb")


def content() -> bytes:
    """What stdin holds. It is read once and kept as long as the command runs.

    Raises:
        ValueError: if there is too much of it.
    """
    meta = click.get_current_context().meta
    if _CONTENT not in meta:
        meta[_CONTENT] = sys.stdin.buffer.read(MOST_BYTES + 1)
    if len(meta[_CONTENT]) > MOST_BYTES:
        raise ValueError(f"Stdin holds more than {MOST_BYTES:,} bytes; that is no picture.")
    return meta[_CONTENT]


def write(data: bytes) -> None:
    """Write to stdout, at once and whole."""
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()

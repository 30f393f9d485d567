"""`-` in the place of a file: stdin for an input, stdout for an output."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Collection
from pathlib import Path

import click

STREAM = Path("-")
MOST_BYTES = 256 * 1024**2  # of stdin; a larger picture is a mistake or an attack
_SPOOLED = f"{__name__}.spooled"  # key of the running command's copy of stdin


def is_stream(path: Path) -> bool:
    """Whether `path` stands for stdin or stdout."""
    return path == STREAM


def stem(path: Path) -> str:
    """The name for what is made of an input."""
    return "stdin" if is_stream(path) else path.stem


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


def spool(path: Path) -> Path:
    """The file to read for `path`: stdin's content lies in a temporary file until the command ends.

    Raises:
        ValueError: if there is too much of it.
    """
    if not is_stream(path):
        return path
    context = click.get_current_context().find_root()
    if _SPOOLED not in context.meta:
        folder = context.with_resource(tempfile.TemporaryDirectory(prefix="gon-tf-"))
        content = click.get_binary_stream("stdin").read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise ValueError(f"Stdin holds more than {MOST_BYTES:,} bytes; that is no picture.")
        context.meta[_SPOOLED] = Path(folder, "stdin")
        context.meta[_SPOOLED].write_bytes(content)
    return context.meta[_SPOOLED]


def write(content: bytes) -> None:
    """Write to stdout, at once and whole."""
    stdout = click.get_binary_stream("stdout")
    stdout.write(content)
    stdout.flush()

"""What SIGINT (Ctrl-C) and SIGTERM do to a training: it ends in order, with a checkpoint."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import click


@contextlib.contextmanager
def stopping(stop: Callable[[], None]) -> Iterator[list[int]]:
    """Let the first SIGINT or SIGTERM call `stop`; the next does what it did before.

    Yields:
        The signal that came, if one did.
    """
    came: list[int] = []

    def put_back():
        for number, handler in former.items():
            signal.signal(number, handler)

    def ask(number, frame):
        came.append(number)
        put_back()
        stop()

    former = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield came
    finally:
        put_back()


def exit_by(number: int, folder: Path) -> SystemExit:
    """The way to end after signal `number`, with a word to the user about what is in `folder`."""
    name = signal.Signals(number).name
    click.echo(f"Stopped by {name}; gon-tf train --resume -o {folder} goes on.", err=True)
    return SystemExit(128 + number)

"""What the signals that ask for an end do to a training: it ends in order, with a checkpoint."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator

from gon_tf import signals


@contextlib.contextmanager
def stopping(stop: Callable[[], None]) -> Iterator[list[int]]:
    """Let the first of these signals call `stop`; the next does what it did before.

    A signal that is ignored (`nohup`) stays so. Only the main thread gets signals.

    Yields:
        The signal that came, if one did.
    """
    came: list[int] = []
    former: dict = {}

    def ask(number, frame):
        came.append(number)
        signals.put_back(former)
        stop()

    former.update(signals.call(ask))
    try:
        yield came
    finally:
        signals.put_back(former)


def ended_by(number: int) -> BaseException:
    """What a process raises to end after signal `number`."""
    return KeyboardInterrupt() if number == signal.SIGINT else SystemExit(128 + number)

"""What the signals that ask for an end do to a training: it ends in order, with a checkpoint."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

# Ctrl-C; what systems send before SIGKILL; a terminal that is closed (not on Windows)
ASKING = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


@contextlib.contextmanager
def stopping(stop: Callable[[], None]) -> Iterator[list[int]]:
    """Let the first of these signals call `stop`; the next does what it did before.

    A signal that is ignored (`nohup`) stays so. Only the main thread gets signals.

    Yields:
        The signal that came, if one did.
    """
    came: list[int] = []
    former = {number: signal.getsignal(number) for number in ASKING}
    former = {number: handler for number, handler in former.items() if handler != signal.SIG_IGN}

    def put_back():
        for number, handler in former.items():
            signal.signal(number, handler)

    def ask(number, frame):
        came.append(number)
        put_back()
        stop()

    if threading.current_thread() is not threading.main_thread():
        former = {}
    for number in former:
        signal.signal(number, ask)
    try:
        yield came
    finally:
        put_back()


def ended_by(number: int) -> BaseException:
    """What a process raises to end after signal `number`."""
    return KeyboardInterrupt() if number == signal.SIGINT else SystemExit(128 + number)

"""The signals that ask a process to end: Ctrl-C, a system that stops, a terminal that is closed."""

from __future__ import annotations

import os
import signal
import threading

# Windows has no SIGHUP.
ASKING = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


def call(handler) -> dict:
    """Let these signals call `handler`, but for those that this process ignores.

    One in the background may ignore SIGINT, one under `nohup` SIGHUP. Only the main thread gets
    signals: in another nothing changes.

    Returns:
        The former handlers, by signal.
    """
    if threading.current_thread() is not threading.main_thread():
        return {}
    handlers = {number: signal.getsignal(number) for number in ASKING}
    former = {number: old for number, old in handlers.items() if old is not signal.SIG_IGN}
    put_back(dict.fromkeys(former, handler))
    return former


def put_back(handlers: dict) -> None:
    """Let each signal call its handler."""
    for number, handler in handlers.items():
        signal.signal(number, handler)


def leave(number, _frame) -> None:
    """End at once, with the status by which shells report a signal."""
    os._exit(128 + number)

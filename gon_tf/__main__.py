"""`python -m gon_tf`, which is `gon-tf`: signals end it quietly from first to last."""

from __future__ import annotations

import os
import signal
import sys

# Windows has no SIGHUP.
SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


def main(prog_name: str = "gon-tf") -> None:
    """Run the command line, called `prog_name`."""
    # While nothing has begun, and when all is done; `gon_tf.cli.app` sees to what is between.
    on_signals(leave)
    open_closed_streams()
    from gon_tf.cli import main as command

    command(prog_name=prog_name)


def on_signals(handler) -> dict:
    """Let `handler` be called by signals that end a process, unless this one ignores them.

    One in the background may ignore SIGINT, one under `nohup` SIGHUP.

    Returns:
        The former handlers, by signal.
    """
    former = {number: signal.getsignal(number) for number in SIGNALS}
    heeded = {number: old for number, old in former.items() if old is not signal.SIG_IGN}
    for number in heeded:
        signal.signal(number, handler)
    return heeded


def leave(number, _frame) -> None:
    """End at once, with the status by which shells report a signal."""
    os._exit(128 + number)


def open_closed_streams() -> None:
    """Give stdin, stdout and stderr something to be, where a daemon has closed them.

    Otherwise the next file that is opened takes the number 2, and gets what libraries print.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    if sys.stderr is None:
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115 - until the end


if __name__ == "__main__":
    main()

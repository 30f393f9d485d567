"""`python -m gon_tf`, which is `gon-tf`: Ctrl-C is quiet from the first import to the end."""

from __future__ import annotations

import os
import signal

INTERRUPTED = 130  # 128 + SIGINT, as shells report it


def main(prog_name: str = "gon-tf") -> None:
    """Run the command line, called `prog_name`."""
    on_interrupt(leave)
    from gon_tf.cli import main as command

    on_interrupt(signal.default_int_handler)  # commands end in order
    try:
        command(prog_name=prog_name)
    finally:
        on_interrupt(leave)


def on_interrupt(handler) -> None:
    """Let SIGINT call `handler`, unless this process ignores it, as one in the background may."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, handler)


def leave(_number, _frame) -> None:
    """End at once: nothing was begun, or all is done."""
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    main()

"""`python -m gon_tf`, which is `gon-tf`: signals end it quietly from first to last."""

from __future__ import annotations

import os
import sys

from gon_tf import signals


def main(prog_name: str = "gon-tf") -> None:
    """Run the command line, called `prog_name`."""
    # While nothing has begun, and when all is done; `gon_tf.cli.app` sees to what is between.
    signals.call(signals.leave)
    open_closed_streams()
    from gon_tf.cli import main as command

    command(prog_name=prog_name)


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

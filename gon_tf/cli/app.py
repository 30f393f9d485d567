"""The group of commands: how a command ends when something fails."""

from __future__ import annotations

import contextlib
import os
import signal
import warnings
from collections.abc import Iterator

import click

from gon_tf.__main__ import INTERRUPTED
from gon_tf.cli import report
from gon_tf.startup import debugging, is_expected

BROKEN_PIPE = 141  # 128 + SIGPIPE


class Commands(click.Group):
    """A group of commands that ends every failure in one line and an exit status."""

    def make_context(self, *args, **kwargs):
        """Parse the options of the group itself, such as --help."""
        with failures_as_status():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx):
        """Run the command that was asked for."""
        with failures_as_status(), terminated_in_order(), warnings.catch_warnings():
            warnings.showwarning = show_warning
            # Keras says so after the first pass over a folder, whose length it cannot know.
            warnings.filterwarnings("ignore", message="Your input ran out of data")
            return super().invoke(ctx)


@contextlib.contextmanager
def failures_as_status():
    """Turn what a command raises into click's ways to end: a message, an exit status."""
    try:
        yield
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except KeyboardInterrupt:
        raise click.exceptions.Exit(INTERRUPTED) from None
    except BrokenPipeError:
        # The reader of stdout left; without this Python complains once more on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        raise click.exceptions.Exit(BROKEN_PIPE) from None
    except Exception as error:
        if debugging():
            raise
        raise click.ClickException(report.printable(one_line(error))) from error


@contextlib.contextmanager
def terminated_in_order() -> Iterator[None]:
    """Let SIGTERM end the process by way of all `finally` blocks, as SIGINT does."""

    def leave(number, frame):
        raise SystemExit(128 + number)

    former = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)


def show_warning(message, *_args, **_options) -> None:
    """Print a warning without the line of code that gave it."""
    click.echo(f"Warning: {report.printable(str(message))}", err=True)


def one_line(error: Exception) -> str:
    """What to tell the user: an expected error's own sentence, or the kind of a surprise."""
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.strerror}: {error.filename}"
    lines = str(error).strip().splitlines()
    if is_expected(error) and lines:
        return " ".join(line.strip() for line in lines)
    kind = ": ".join([type(error).__name__, *lines[:1]])
    return f"{kind} (GON_TF_DEBUG=1 shows where)"

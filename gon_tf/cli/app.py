"""The group of commands: how a command ends when something fails, or a signal comes."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import click

from gon_tf import signals
from gon_tf.cli import report
from gon_tf.files import disk_is_full
from gon_tf.startup import debugging, is_expected

BROKEN_PIPE = 141  # 128 + SIGPIPE
SECRETS = re.compile(r"(?<=://)[^\s/?#]*@")  # user and password of a URL


class Commands(click.Group):
    """A group of commands that ends every failure in one line and an exit status."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Parse the options of the group itself, such as --help."""
        with failures_as_status():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        with signals_in_order(), failures_as_status(), warnings.catch_warnings():
            warnings.showwarning = show_warning
            # Keras says so after the first pass over a folder, whose length it cannot know.
            warnings.filterwarnings("ignore", message="Your input ran out of data")
            make_printable(sys.stdout)
            return super().invoke(ctx)


@contextlib.contextmanager
def failures_as_status() -> Iterator[None]:
    """Turn what a command raises into click's ways to end: a message, an exit status."""
    try:
        yield
    except (click.exceptions.Exit, click.Abort):
        raise
    except click.ClickException as error:
        error.message = clean(error.message)  # pyrefly: ignore[read-only] (keeps its exit status)
        raise
    except KeyboardInterrupt:
        raise click.exceptions.Exit(128 + signal.SIGINT) from None
    except BrokenPipeError:
        # The reader of stdout left; without this Python complains once more on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        raise click.exceptions.Exit(BROKEN_PIPE) from None
    except Exception as error:
        if debugging():
            raise
        raise click.ClickException(clean(one_line(error))) from error


@contextlib.contextmanager
def signals_in_order() -> Iterator[None]:
    """Let signals end the process by way of all `finally` blocks, quietly.

    An import that is interrupted may make another error of it, or print that it is ignored.
    """
    came: list[int] = []

    def end(number, _frame):
        came.append(number)
        sys.unraisablehook = lambda _: None
        raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)

    former, unraisable = signals.call(end), sys.unraisablehook
    try:
        yield
    except BaseException:
        if came:
            raise click.exceptions.Exit(128 + came[0]) from None
        raise
    finally:
        sys.unraisablehook = unraisable
        signals.put_back(former)


def show_warning(message: Any, *_args: Any, **_options: Any) -> None:
    """Print a warning without the line of code that gave it."""
    click.echo(f"Warning: {clean(str(message))}", err=True)


def make_printable(stream: Any) -> None:
    """Let a text stream take every file name: its bytes, or a replacement."""
    if hasattr(stream, "reconfigure"):
        utf8 = (stream.encoding or "").lower().replace("-", "") == "utf8"
        stream.reconfigure(errors="surrogateescape" if utf8 else "replace")


def clean(words: str) -> str:
    """`words` without secrets, and without what could steer a terminal."""
    return "\n".join(map(report.printable, SECRETS.sub("", words).split("\n")))


def one_line(error: Exception) -> str:
    """What to tell the user: an expected error's own sentence, or the kind of a surprise."""
    lines = [line.strip() for line in str(error).strip().splitlines()]
    name = type(error).__name__
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else f"{error.strerror}."
    if disk_is_full(error):
        return f"The disk is full: {' '.join(lines[:1])}"
    if isinstance(error, MemoryError) or name == "ResourceExhaustedError":
        return "There is not enough memory for that: use smaller batches, sizes or models."
    if isinstance(error, RecursionError):
        return "A path or a file is nested too deeply."
    if is_expected(error) and lines:
        return " ".join(lines)
    return f"{': '.join([name, *lines[:1]])} (GON_TF_DEBUG=1 shows where)"

"""Writes the help of every command beside this file: `python docs/cli/generate.py`.

A test compares the files with what the commands print.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from gon_tf.cli import main

WIDTH = 80


def commands(command: click.Command, context: click.Context) -> Iterator[click.Context]:
    """The contexts of `command` and of all that are below it."""
    yield context
    for name, child in getattr(command, "commands", {}).items():
        yield from commands(child, click.Context(child, context, info_name=name))


def help_texts() -> dict[str, str]:
    """File names and contents, one for each command."""
    settings = {**main.context_settings, "terminal_width": WIDTH}
    contexts = commands(main, click.Context(main, info_name="gon-tf", **settings))
    return {
        f"{context.command_path.replace(' ', '-')}.txt": context.get_help() + "\n"
        for context in contexts
    }


if __name__ == "__main__":
    folder = Path(__file__).parent
    for file in folder.glob("*.txt"):
        file.unlink()
    for name, text in help_texts().items():
        (folder / name).write_text(text, encoding="utf-8")

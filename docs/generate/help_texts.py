"""Writes what docs/cli.md shows: `python -m docs.generate.help_texts`, when a command changes.

That is the help of every command, beside this file, and the pictures that the commands of the page
make. Tests compare both with what the commands print and draw.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from gon_tf.cli import main

WIDTH = 80
FOLDER = Path(__file__).resolve().parents[1] / "cli"
FIGURES = FOLDER.parent / "figures" / "cli"
EXAMPLES = FOLDER.parents[1] / "examples"


def commands(command: click.Command, context: click.Context) -> Iterator[click.Context]:
    """The contexts of `command` and of all that are below it."""
    yield context
    for name, child in getattr(command, "commands", {}).items():
        yield from commands(child, click.Context(child, context, info_name=name))


def help_texts() -> dict[str, str]:
    """File names and contents, one for each command."""
    settings: dict[str, Any] = {**main.context_settings, "terminal_width": WIDTH}
    contexts = commands(main, click.Context(main, info_name="gon-tf", **settings))
    return {
        f"{context.command_path.replace(' ', '-')}.txt": context.get_help() + "\n"
        for context in contexts
    }


def picture_commands() -> list[list[str]]:
    """The commands of the page that write a picture, or the latents for one; the file is last."""
    page = FOLDER.with_suffix(".md").read_text(encoding="utf-8").replace("\\\n", "")
    lines = re.findall(r"^    gon-tf (.+ -o [\w-]+\.(?:png|npz))$", page, re.MULTILINE)
    return [shlex.split(line) for line in lines]


def draw_figures() -> None:
    """Run the commands of the page and keep their pictures."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        Path("examples").symlink_to(EXAMPLES)
        for arguments in picture_commands():
            main(arguments, standalone_mode=False)
        shutil.rmtree(FIGURES, ignore_errors=True)
        FIGURES.mkdir()
        for picture in Path().glob("*.png"):
            shutil.copy(picture, FIGURES)
        os.chdir(FOLDER)


if __name__ == "__main__":
    for file in FOLDER.glob("*.txt"):
        file.unlink()
    for name, text in help_texts().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    draw_figures()

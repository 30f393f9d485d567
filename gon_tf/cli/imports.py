"""`gon-tf --import`: modules of the user's, for the decoders and losses that they register."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import click

from gon_tf.files import first_line
from gon_tf.startup import debugging, start_tensorflow


def import_modules(context: click.Context, _parameter: Any, names: tuple[str, ...]) -> None:
    """Import modules that are named on the command line, of the current folder as well.

    Raises:
        click.BadParameter: if there is no module of a name.
        ValueError: if a module cannot be imported.
    """
    if not names or context.resilient_parsing:  # a shell that completes the line
        return
    start_tensorflow()
    if (here := os.getcwd()) not in sys.path:
        sys.path.append(here)  # the last, so that nothing in it takes the place of anything else
    for name in names:
        if name.endswith(".py") or not all(part.isidentifier() for part in name.split(".")):
            raise click.BadParameter(f"{name!r} is not a module; my_decoders.py is my_decoders.")
        try:
            importlib.import_module(name)
        except Exception as error:
            if isinstance(error, ModuleNotFoundError) and f"{name}.".startswith(f"{error.name}."):
                raise click.BadParameter(
                    f"There is no module {name}, neither in {here} nor where Python looks for them."
                ) from None
            if debugging():
                raise
            reason = f"{type(error).__name__}: {first_line(error)}"
            raise ValueError(f"--import {name} failed: {reason}") from error

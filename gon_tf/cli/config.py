"""Settings of a recipe from a JSON file, held to the ranges of the command's options."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import click

from gon_tf.training.recipe import Recipe

LARGEST = 2**20  # bytes
SETTINGS = {field.name for field in dataclasses.fields(Recipe)}


def read(ctx: click.Context, path: Path) -> dict:
    """The settings in a file, as the options of the command `ctx` would give them.

    Raises:
        click.UsageError: if the file does not hold settings, or one is out of range.
    """
    if path.stat().st_size > LARGEST:
        raise click.UsageError(f"{path} is not a recipe: it is larger than 1 MiB.")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise click.UsageError(f'{path} is not a JSON object such as {{"epochs": 12}}.')
    parameters = {parameter.name: parameter for parameter in ctx.command.params}
    return {name: checked(ctx, path, parameters, name, value) for name, value in values.items()}


def checked(ctx, path: Path, parameters: dict, name: str, value):
    """One setting."""
    if name not in SETTINGS:
        raise click.UsageError(f"{path}: a recipe has no {name!r}.")
    if value is None:
        return None
    if isinstance(value, list):  # [48, 64] for 48x64
        value = "x".join(map(str, value))
    try:
        return parameters[name].type.convert(str(value), parameters[name], ctx)
    except click.BadParameter as error:
        raise click.UsageError(f"{path}: {name}: {error.message}") from None

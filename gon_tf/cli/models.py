"""The argument MODEL: checked at once, loaded when everything else is known to be right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gon_tf.cli.commands import start_tensorflow

if TYPE_CHECKING:
    import keras

argument = click.argument("model")


def folder(name: str) -> Path:
    """The preset folder of MODEL, found without TensorFlow (see `gon_tf.zoo.locate`)."""
    from gon_tf import zoo

    return zoo.locate(name)


def metadata(preset: Path) -> dict:
    """What a preset folder says of its model's making.

    Raises:
        OSError: if it says nothing.
        ValueError: if its metadata.json is damaged.
    """
    path = preset / "metadata.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not a JSON file: {error}.") from error


def load(name: str) -> keras.Model:
    """The model called `name`, with TensorFlow started."""
    start_tensorflow()
    import gon_tf

    return gon_tf.load(name)

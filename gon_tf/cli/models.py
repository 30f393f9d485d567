"""The argument MODEL: checked at once, loaded when everything else is known to be right."""

from __future__ import annotations

import contextlib
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from gon_tf import files
from gon_tf.startup import start_tensorflow

if TYPE_CHECKING:
    import keras


def complete(_context, _parameter, incomplete: str) -> list[CompletionItem]:
    """What a shell offers for MODEL: folders and the zoo's names."""
    # Bash forgets the words before the one that asks for folders.
    folders = CompletionItem(incomplete, type="dir")
    return [folders, *complete_name(_context, _parameter, incomplete)]


def complete_name(_context, _parameter, incomplete: str) -> list[CompletionItem]:
    """What a shell offers where a model of the zoo is meant: the names, none without a zoo."""
    from gon_tf import zoo

    # A shell has no place for a message.
    with contextlib.suppress(OSError, ValueError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        names = [name for name in zoo.list_models() if name.startswith(incomplete)]
        return list(map(CompletionItem, names))
    return []


argument = click.argument("model", shell_complete=complete)
of_zoo = click.argument("model", shell_complete=complete_name)


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
    return files.read_json(preset / "metadata.json")


def was_cropped(preset: Path) -> bool:
    """Whether the training images were cut to the model's aspect (`gon-tf train --crop`)."""
    recipe = metadata(preset).get("recipe")
    return bool(isinstance(recipe, dict) and recipe.get("crop"))


def check_implicit(name: str, task: str) -> None:
    """Raise ValueError unless MODEL is implicit, which `task` needs; without TensorFlow."""
    from gon_tf import zoo

    kind = files.read_json(folder(name) / "config.json").get("class")
    if kind != "ImplicitGON":
        able = ", ".join(zoo.list_models(variant="implicit"))
        there_is = f"the zoo has {able}" if able else "the zoo has none, gon_tf.ImplicitGON is one"
        raise ValueError(f"{name} is a {kind} and cannot {task}; implicit models can: {there_is}.")


def load(name: str) -> keras.Model:
    """The model called `name`, with TensorFlow started.

    Raises:
        ValueError: if it is a model of something else than pictures.
    """
    start_tensorflow()
    import gon_tf

    network = gon_tf.load(name)
    if len(network.image_shape) != 3 or network.image_shape[-1] not in (1, 3):
        raise ValueError(
            f"{name} is no model of grey or RGB pictures. Received: a model of signals of the "
            f"shape {'x'.join(map(str, network.image_shape))}"
        )
    return network

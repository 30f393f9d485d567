"""config.json: a model as the names of its classes and plain values for their arguments.

It may come from a stranger. What it says is checked before a class is called with it: Keras would
read a nested value as an object to build, of any class there is.
"""

from __future__ import annotations

import math
from pathlib import Path

import keras

from gon_tf import decoders, models


def by_name(*classes) -> dict:
    """Classes by the names that a config has for them."""
    return {cls.__name__: cls for cls in classes}


KINDS = {
    "model": by_name(
        models.GON,
        models.VariationalGON,
        models.ImplicitGON,
        models.Autoencoder,
        models.TiedAutoencoder,
        models.VariationalAutoencoder,
        models.GLO,
    ),
    "decoder": by_name(decoders.ConvDecoder, decoders.ImplicitDecoder),
    "encoder": {},
    "encoding": by_name(decoders.GaussianEncoding, decoders.NeRFEncoding),
}
CLASSES = KINDS["model"] | KINDS["decoder"] | KINDS["encoding"]
# Arguments that are layers themselves, named as their kind, by the kind that has them.
PARTS_OF = {"model": ("decoder", "encoder"), "decoder": ("encoding",)}
PARTS = ("decoder", "encoder", "encoding")
OF_EVERY_LAYER = ("name", "trainable", "dtype")  # Keras' own arguments, not saved
# What no weights bound: numbers of an image, and steps that are taken for each.
MOST_PIXELS = 2**24
MOST_STEPS = {"inner_steps": 100, "encode_steps": 10_000}


def describe(thing) -> dict:
    """Class and constructor arguments of a model or decoder, as JSON values.

    Raises:
        ValueError: if it is not of a class of this project.
    """
    name = type(thing).__name__
    if CLASSES.get(name) is not type(thing):
        raise ValueError(
            f"A preset holds {', '.join(CLASSES)}. Received: {name}; "
            'save this model with model.save("name.keras").'
        )
    arguments = thing.get_config()
    for argument in OF_EVERY_LAYER:
        arguments.pop(argument, None)
    for argument in PARTS:
        if isinstance(part := getattr(thing, argument, None), keras.layers.Layer):
            arguments[argument] = describe(part)
    return {"class": name, "arguments": arguments}


def check(description: dict, kind: str, path: Path) -> None:
    """Raises unless a description names a class of a kind, with plain values for its arguments.

    Args:
        description: what `describe` gives, from a file that may say anything.
        kind: one of `KINDS`.
        path: the file, for messages.

    Raises:
        ValueError: if the class is another, or an argument is none that a preset could have.
    """
    name, arguments = description.get("class"), description.get("arguments")
    if not isinstance(name, str) or name not in KINDS[kind]:
        raise ValueError(
            f"{path} names no class of gon_tf that is a preset's {kind}. "
            f"Received: {str(name)[:100]!r}"
        )
    if not isinstance(arguments, dict):
        raise ValueError(f"{path} gives no arguments of {name}.")
    for argument, value in arguments.items():
        if argument in PARTS_OF.get(kind, ()) and isinstance(value, dict):
            check(value, argument, path)
        elif not is_plain(value) or not is_bounded(argument, value):
            raise ValueError(
                f"{path} gives {name} a value that no preset has. "
                f"Received: {str(argument)[:100]}={str(value)[:100]}"
            )


def is_plain(value) -> bool:
    """Whether an argument is a text, a number, a truth value, None, or a list of numbers."""
    if isinstance(value, list):
        return len(value) <= 10 and all(type(item) in (int, float) for item in value)
    return value is None or type(value) in (str, bool, int, float)


def is_bounded(argument: str, value) -> bool:
    """Whether a plain argument asks for a reasonable amount of memory and time."""
    numbers = value if isinstance(value, list) else [value]
    if any(type(number) is int and abs(number) > 2**31 for number in numbers):
        return False
    if argument == "image_shape" and isinstance(value, list):
        return abs(math.prod(value)) <= MOST_PIXELS
    return not (argument in MOST_STEPS and type(value) is int and value > MOST_STEPS[argument])


def build(config: dict, path: Path):
    """The model or decoder that `describe` described, with new weights.

    Raises:
        ValueError: if the description is not one of a class of this project.
    """
    arguments = dict(config["arguments"])
    for argument in PARTS:
        if isinstance(part := arguments.get(argument), dict):
            arguments[argument] = build(part, path)
    try:
        return CLASSES[config["class"]](**arguments)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{path} does not describe a model: {first_line(error)}") from error


def first_line(error: Exception) -> str:
    """What an error says, in one line."""
    return str(error).strip().split("\n", maxsplit=1)[0]

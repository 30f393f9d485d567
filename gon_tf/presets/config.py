"""config.json: a model as the names of its classes and plain values for their arguments.

The classes are those that Keras has registered in this process: the project's own, and those that
the user has registered (`keras.saving.register_keras_serializable`) and imported. A config may come
from a stranger, so what it says is checked before a class is called with it: Keras would read a
nested value as an object to build, of any class there is.
"""

from __future__ import annotations

import math
import os
from typing import Any

import keras

from gon_tf import losses
from gon_tf.files import first_line
from gon_tf.latents.labels import MOST_LABELS

OWN = "gon_tf>"  # before the names of the project's classes, which a config leaves out
OF_EVERY_LAYER = ("name", "trainable", "dtype")  # Keras' own arguments, not saved
# What no weights bound: texts, the numbers of an image, and steps that are taken for each. The
# models of the zoo have up to 200,000 numbers an image, and take at most three steps.
MOST_LETTERS, MOST_NUMBERS, MOST_PIXELS = 200, 10, 2**22
MOST_STEPS = {"inner_steps": 20, "encode_steps": 10_000}


def describe(layer: Any) -> dict:
    """Registered class and constructor arguments of a model or decoder, as JSON values."""
    name = keras.saving.get_registered_name(type(layer))
    if registered(name) is not type(layer):
        raise ValueError(
            "A preset holds models and layers of classes that are registered with Keras. "
            f'Received: {name}; save this model with model.save("name.keras").'
        )
    arguments = {
        argument: value if is_described(value) else describe(getattr(layer, argument))
        for argument, value in layer.get_config().items()
        if argument not in OF_EVERY_LAYER
    }
    return {"class": name.removeprefix(OWN), "arguments": arguments}


def is_described(value: Any) -> bool:
    """Whether an argument is as a config has it: a loss describes itself, Keras a layer."""
    return not isinstance(value, dict) or is_part(value)


def registered(name: str) -> type | None:
    """The class that a config names, if Keras has one registered: a model, layer or loss."""
    found = losses.named(name if ">" in name else OWN + name)
    kinds = (keras.Layer, keras.losses.Loss)
    return found if isinstance(found, type) and issubclass(found, kinds) else None


def check(description: dict, source: str | os.PathLike, *, whole: bool = True) -> None:
    """Raises unless a description names a registered class, with plain values for its arguments."""
    name, arguments = description.get("class"), description.get("arguments")
    found = registered(name) if isinstance(name, str) else None
    if found is None or hasattr(found, "save_to_preset") is not whole:
        raise ValueError(
            f"{source} names no registered class of a {'model' if whole else 'layer'}; those of "
            "one's own must be imported first: import the module that registers it, or gon-tf "
            f"--import MODULE. Received: {str(name)[:100]!r}"
        )
    if not isinstance(arguments, dict):
        raise ValueError(f"{source} gives no arguments of {name}.")
    for argument, value in arguments.items():
        if is_part(value):
            check(value, source, whole=False)
        elif not (is_plain(argument) and is_plain(value) and is_bounded(argument, value)):
            raise ValueError(
                f"{source} gives {name} a value that no preset has. "
                f"Received: {str(argument)[:100]}={str(value)[:100]}"
            )


def is_part(value: Any) -> bool:
    """Whether an argument is a layer or a loss, as `describe` describes it."""
    return isinstance(value, dict) and set(value) == {"class", "arguments"}


def is_plain(value: Any) -> bool:
    """Whether an argument is a text, a number, a truth value, None, or a list of one kind."""
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return len(value) <= MOST_LABELS and all(map(is_plain, value))
    if isinstance(value, list):
        return len(value) <= MOST_NUMBERS and all(type(item) in (int, float) for item in value)
    if isinstance(value, str):
        return len(value) <= MOST_LETTERS
    return value is None or type(value) in (bool, int, float)


def is_bounded(argument: str, value: Any) -> bool:
    """Whether a plain argument asks for a reasonable amount of memory and time."""
    numbers = value if isinstance(value, list) else [value]
    if any(type(number) is int and abs(number) > 2**31 for number in numbers):
        return False
    if argument == "image_shape" and isinstance(value, list):
        return abs(math.prod(value)) <= MOST_PIXELS
    return not (argument in MOST_STEPS and type(value) is int and value > MOST_STEPS[argument])


def build(description: dict, source: str | os.PathLike) -> keras.Layer:
    """The model or layer that `describe` described, with new weights."""
    arguments = {
        argument: build(value, source) if is_part(value) else value
        for argument, value in description["arguments"].items()
    }
    try:
        # pyrefly: ignore[not-callable] (`check` has seen to it)
        return registered(description["class"])(**arguments)
    except Exception as error:  # whatever a constructor raises for arguments that make no sense
        raise ValueError(f"{source} does not describe a model: {first_line(error)}") from error

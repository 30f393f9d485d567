"""Weights files from strangers: looked through before Keras reads them, and never outgrown.

HDF5 is more than arrays. Keras' own loader refuses links, external and virtual arrays where it
meets them; but it follows a link on its way to another (a pipe never ends), and takes an array of 4
GiB that is compressed to nothing. So there must be no links at all, and no more numbers than bytes.
"""

from __future__ import annotations

import contextlib
import io
import math
import os
from collections.abc import Iterator
from typing import Any

import h5py
import keras
import numpy as np
import tensorflow as tf

from gon_tf.files import first_line

MOST_OBJECTS, MOST_LEVELS = 10_000, 50
# What a model has beside the weights of its file: counters and sums of its metrics.
SPARE_VARIABLES, SPARE_NUMBERS = 100, 100_000


class File(io.BytesIO):
    """The content of a weights file, in the place of its path: Keras looks at the name's end."""

    def __str__(self):
        return "model.weights.h5"


@contextlib.contextmanager
def damage_named(source: str | os.PathLike) -> Iterator[None]:
    """Turns whatever a damaged file leads h5py and Keras into, into one sentence."""
    try:
        yield
    except Exception as error:
        raise ValueError(
            f"{source} does not hold the weights of the model in config.json: {first_line(error)}"
        ) from error


def load(model: keras.Model, content: bytes, source: str | os.PathLike) -> None:
    """Gives `model` the weights in a weights file."""
    with damage_named(source):
        model.load_weights(File(content))
        if not all(np.all(np.isfinite(weight)) for weight in model.get_weights()):
            raise ValueError("some are NaN or infinite")


def check(content: bytes, source: str | os.PathLike) -> list[tuple[int, ...]]:
    """Shapes of the arrays in a weights file that has plain arrays only."""
    arrays = []

    def trouble_with(name: str, found: h5py.HLObject) -> str | None:
        if len(arrays) > MOST_OBJECTS or name.count("/") > MOST_LEVELS:
            return f"it has over {MOST_OBJECTS:,} arrays or {MOST_LEVELS} levels"
        if isinstance(found, h5py.Dataset):
            if found.shape is None or found.dtype.kind not in "fiu":
                return f"/{name} is not an array of numbers"
            arrays.append(found)
        return None

    def name_of_link(name: str, link: object) -> str | None:
        return None if isinstance(link, h5py.HardLink) else f"/{name} is a link"

    with damage_named(source), h5py.File(io.BytesIO(content), "r") as file:
        # Each once, however many names it has.
        if trouble := file.visititems(trouble_with) or file.visititems_links(name_of_link):
            raise ValueError(trouble)
        if sum(array.nbytes for array in arrays) > len(content):
            raise ValueError("it claims more numbers than the file has")
        return [array.shape for array in arrays]


@contextlib.contextmanager
def room_for(stored: list[tuple[int, ...]]) -> Iterator[None]:
    """Lets a model be built whose weights could be those of `stored`; stops a larger one.

    A variable is refused before its memory is taken.
    """
    variables = len(stored) + SPARE_VARIABLES
    numbers = sum(map(math.prod, stored)) + SPARE_NUMBERS

    def counted(make, **options):
        nonlocal variables, numbers
        variables, numbers = variables - 1, numbers - number_of_values(options["initial_value"])
        if variables < 0 or numbers < 0:
            raise ValueError("it asks for a larger model than the weights are for")
        return make(**options)

    with tf.variable_creator_scope(counted):
        yield


def number_of_values(initial_value: Any) -> int:
    """How many numbers a variable's initial value has; computes none of them."""
    if not callable(initial_value):
        return int(np.size(initial_value))
    with tf.Graph().as_default():
        return tf.convert_to_tensor(initial_value()).shape.num_elements()

"""Weights files from strangers: looked through before Keras reads them, and never outgrown.

HDF5 is more than arrays: a file may link to others, take its numbers from them, pass them through
filters, or claim an array of any size. What Keras writes needs none of that.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import tensorflow as tf

MOST_OBJECTS, MOST_LEVELS = 10_000, 50
# What a model has beside the weights of its file: counters and sums of its metrics.
SPARE_VARIABLES, SPARE_NUMBERS = 100, 100_000


def check(path: Path) -> list[tuple[int, ...]]:
    """Shapes of the arrays in a weights file that has plain arrays only.

    Raises:
        ValueError: if there is anything else, or the file is damaged.
    """
    try:
        with h5py.File(path, "r") as file:
            found = list(arrays(file))
            size = path.stat().st_size
            stored = [array_in_file(name, array, size) for name, array in found]
            if sum(array.nbytes for _, array in found) > size:
                raise ValueError("it has arrays that share their numbers")
    except ValueError:
        raise
    except Exception as error:  # a damaged file leads h5py into errors of any kind
        raise ValueError(f"it is damaged ({str(error).strip() or type(error).__name__})") from error
    return stored


def arrays(file: h5py.File) -> Iterator[tuple[str, h5py.Dataset]]:
    """Names and arrays of a file.

    Raises:
        ValueError: if a link leads out of the file or in a circle, or something else is in it.
    """
    groups, seen = [("", file, 0)], 0
    while groups:
        path, group, level = groups.pop()
        for key in group:
            name, seen = f"{path}/{key}", seen + 1
            if seen > MOST_OBJECTS or level > MOST_LEVELS:
                raise ValueError(
                    f"it has more than {MOST_OBJECTS:,} objects or {MOST_LEVELS} levels"
                )
            if not isinstance(group.get(key, getlink=True), h5py.HardLink):
                raise ValueError(f"{name} is a link")
            thing = group[key]
            if isinstance(thing, h5py.Group):
                groups.append((name, thing, level + 1))
            elif isinstance(thing, h5py.Dataset):
                yield name, thing
            else:
                raise ValueError(f"{name} is not an array")


def array_in_file(name: str, array: h5py.Dataset, size: int) -> tuple[int, ...]:
    """The shape of an array whose numbers lie in a file of `size` bytes, as they are.

    Raises:
        ValueError: if they do not.
    """
    how = array.id.get_create_plist()
    if array.is_virtual or how.get_external_count():
        raise ValueError(f"{name} takes its numbers from another file")
    if how.get_nfilters() or how.get_layout() != h5py.h5d.CONTIGUOUS:
        raise ValueError(f"{name} is compressed or in pieces")
    if array.shape is None or array.dtype.kind not in "fiu" or array.dtype.subdtype is not None:
        raise ValueError(f"{name} is not an array of numbers")
    start = array.id.get_offset()
    length = math.prod(array.shape) * array.dtype.itemsize
    if length and (start is None or start + length > size):
        raise ValueError(f"{name} claims more numbers than the file has")
    return array.shape


@contextlib.contextmanager
def room_for(stored: list[tuple[int, ...]]) -> Iterator[None]:
    """Lets a model be built whose weights could be those of `stored`; stops a larger one.

    A variable is refused before its memory is taken.

    Raises:
        ValueError: if there are many more variables or numbers.
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


def number_of_values(initial_value) -> int:
    """How many numbers a variable's initial value has; computes none of them."""
    if not callable(initial_value):
        return int(np.size(initial_value))
    with tf.Graph().as_default():
        return tf.convert_to_tensor(initial_value()).shape.num_elements()

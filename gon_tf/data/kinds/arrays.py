"""Images in NumPy's files: `.npy`, and the arrays of a `.npz`. Nothing is ever unpickled."""

from __future__ import annotations

import math
import os
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
import tensorflow as tf

from gon_tf.data.images import check_size
from gon_tf.data.source import Broken, Shard, Source, shard_of

NAME = re.compile(r"(.*\.np[yz])(?::(.*))?", re.IGNORECASE)
CHUNK_BYTES = 2**24
MAX_BYTES = 2**31  # of an array that is unpacked
# Resizing with antialiasing leaves white a few units in the last place above 1.
TOLERANCE = 1e-6


def is_array(name: str, data_dir: str | os.PathLike | None) -> bool:
    """Whether `name` is that of a `.npy` or `.npz` file, perhaps with the name of an array."""
    return bool(NAME.fullmatch(name)) and not Path(name).is_dir()


def open_array(name: str, data_dir: str | os.PathLike | None, shard: Shard) -> Source:
    """The images of a `.npy` file, mapped into memory, or of an array of a `.npz` file, unpacked.

    The array is `[N, H, W]` (grey) or `[N, H, W, C]` with 1, 3 or 4 channels; uint8 is taken as it
    is, other integers in 0..255, floats in [0, 1] scaled to 255, booleans as black and white.
    Of a `.npz` it is the one named after a colon, that called "images", or the only one there is.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is broken or holds objects, or the array has another rank, type or
            range, or no images, or unpacks to more than 2 GiB.
    """
    match = NAME.fullmatch(name)
    assert match
    path, key = Path(match[1]), match[2]
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {match[1]!r}.")
    description = {"file": path.name}
    try:
        if path.suffix.lower() == ".npz":
            description["array"], array = _unpack(path, key)
        elif key is None:
            array = _map(path)
        else:
            raise ValueError(f"a .npy file has one array; leave out {':' + key!r}")
    # NumPy raises whatever a broken file leads it to.
    except Exception as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise ValueError(f"Cannot read the array {name!r}: {reason}.") from error
    _check_shape(name, array.shape, array.dtype)
    _check_range(name, array)
    chosen = shard_of(name, len(array), shard)
    ready = array.dtype == np.uint8 and array.ndim == 4
    return Source(
        name=name,
        count=len(chosen),
        description=description,
        broken=Broken(name),
        pixels=_images(array, chosen),
        array=array[chosen.start :: chosen.step] if ready else None,
    )


def _map(path: Path) -> np.ndarray:
    """The array of a `.npy` file, left on disk."""
    with path.open("rb") as file:
        _check_header(file, path.stat().st_size)
    return np.load(path, mmap_mode="r")


def _unpack(path: Path, key: str | None) -> tuple[str, np.ndarray]:
    """Name and content of an array of a `.npz` file."""
    with zipfile.ZipFile(path) as archive:
        keys = [n.removesuffix(".npy") for n in archive.namelist() if n.endswith(".npy")]
        if key is None:
            key = "images" if "images" in keys else keys[0] if len(keys) == 1 else None
        if key is None or key not in keys:
            wish = f"no array {key!r}" if key else "several arrays and none called 'images'"
            raise ValueError(
                f"it has {wish if keys else 'no arrays'}; there is: {', '.join(keys) or 'nothing'};"
                f" name one as in 'file.npz:{keys[0] if keys else 'images'}'"
            )
        member = archive.getinfo(f"{key}.npy")
        with archive.open(member) as file:
            size = _check_header(file, member.file_size)
        if size > MAX_BYTES:
            raise ValueError(
                f"it unpacks to {size:,} bytes; save more than {MAX_BYTES:,} as a .npy file, which "
                "need not be unpacked"
            )
        with archive.open(member) as file:
            return key, np.lib.format.read_array(file)


def _check_header(file: IO[bytes], available: int) -> int:
    """The bytes of an array by its header; ValueError if there are not as many."""
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    version = np.lib.format.read_magic(file)
    if version not in readers:
        raise ValueError(f"version {version} of NumPy's format is not one of images")
    shape, _, dtype = readers[version](file)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which are never unpickled")
    size = math.prod(shape) * dtype.itemsize
    if size > available or min(shape, default=0) < 0:
        raise ValueError(
            f"its header names the shape {shape} of {dtype}, but the file has {available:,} bytes"
        )
    return size


def _check_shape(name: str, shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Raise ValueError unless these can be images."""
    # Three numbers that end in 1, 3 or 4 are one picture with its channels.
    grey = len(shape) == 3 and shape[-1] not in (1, 3, 4)
    if not grey and not (len(shape) == 4 and shape[-1] in (1, 3, 4)):
        raise ValueError(
            f"{name!r} must have the shape [images, height, width] or [images, height, width, "
            f"1, 3 or 4 channels]. Received: shape={shape}"
        )
    if dtype.kind not in "buif":
        raise ValueError(
            f"{name!r} must be uint8, other integers in 0..255, floats in [0, 1] or booleans. "
            f"Received: dtype={dtype}"
        )
    if 0 in shape:
        raise ValueError(f"{name!r} has no images. Received: shape={shape}")
    try:
        check_size(*shape[1:3])
    except ValueError as error:
        raise ValueError(f"The images of {name!r} are too large: {error}") from None


def _check_range(name: str, array: np.ndarray) -> None:
    """Raise ValueError unless the values are those of images."""
    if array.dtype in (np.uint8, np.bool_):
        return
    kind, most, tolerance = "integers", 255, 0.0
    if array.dtype.kind == "f":
        kind, most = "floats", 1
        tolerance = max(TOLERANCE, 4 * float(np.finfo(array.dtype).eps))
    # NaN stays NaN on the way.
    lows, highs = zip(*((part.min(), part.max()) for _, part in _chunks(array)), strict=True)
    low, high = float(np.min(lows)), float(np.max(highs))
    if not (low >= -tolerance and high <= most + tolerance):
        raise ValueError(
            f"The {kind} of {name!r} must be in 0..{most}. Received: values from {low:g} to "
            f"{high:g} ({array.dtype})"
        )


def _chunks(array: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """The array in pieces of bounded size, each with the position it begins at."""
    size = math.prod(array.shape[1:]) * array.dtype.itemsize
    length = max(1, min(256, CHUNK_BYTES // size))
    return ((start, array[start : start + length]) for start in range(0, len(array), length))


def _images(array: np.ndarray, chosen: range) -> tf.data.Dataset:
    """The images at the positions `chosen`, one by one."""

    def parts():
        for start, part in _chunks(array):
            yield _to_uint8(part[(chosen.start - start) % chosen.step :: chosen.step])

    shape = array.shape[1:] if array.ndim == 4 else (*array.shape[1:], 1)
    spec = tf.TensorSpec([None, *shape], tf.uint8)
    images = tf.data.Dataset.from_generator(parts, output_signature=spec).unbatch()
    return images.apply(tf.data.experimental.assert_cardinality(len(chosen)))


def _to_uint8(part: np.ndarray) -> np.ndarray:
    """Images `[n, H, W, C]` of values that have been checked."""
    part = part if part.ndim == 4 else part[..., None]
    if part.dtype.kind == "f":
        return np.rint(np.clip(part * np.float32(255), 0, 255)).astype(np.uint8)
    return part * np.uint8(255) if part.dtype.kind == "b" else part.astype(np.uint8)

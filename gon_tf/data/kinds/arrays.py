"""Images in NumPy's files: `.npy`, and the arrays of a `.npz`. Nothing is ever unpickled."""

from __future__ import annotations

import contextlib
import math
import os
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from gon_tf.data.images import MAX_PIXELS
from gon_tf.data.source import Broken, Shard, Source, shard_of

NAME = re.compile(r"(?P<path>.*\.np[yz])(:(?P<key>.*))?", re.IGNORECASE)
CHUNK_BYTES = 2**24


def is_array(name: str, data_dir: str | os.PathLike | None) -> bool:
    """Whether `name` is that of a `.npy` or `.npz` file, perhaps with the name of an array."""
    del data_dir
    return bool(NAME.fullmatch(name)) and not Path(name).expanduser().is_dir()


def open_array(name: str, data_dir: str | os.PathLike | None, shard: Shard) -> Source:
    """Open an array of images; a `.npy` file is mapped into memory, a `.npz` file read in parts.

    Args:
        name: path of a `.npy` file, or of a `.npz` file with an optional `:array`. Without it the
            array is that called "images", or the only one there is.
        data_dir: not used.
        shard: (index, count), the part to open.

    Returns:
        The images of an array `[N, H, W]` (grey), `[N, H, W, 1]`, `[N, H, W, 3]` or
        `[N, H, W, 4]`: uint8 as they are, other integers in 0..255, floats in [0, 1] scaled to
        255, booleans as black and white.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is broken or holds objects, or the array has another rank, type or
            range, or no images.
    """
    del data_dir
    match = NAME.fullmatch(name)
    path, key = Path(match["path"]).expanduser(), match["key"]
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {match['path']!r}.")
    packed = path.suffix.lower() == ".npz"
    if key is not None and not packed:
        raise ValueError(f"{name!r}: a .npy file has one array; leave out {':' + key!r}.")
    broken = Broken(name)
    with _reading(broken):
        array = _Packed(path, key) if packed else np.lib.format.open_memmap(path, mode="r")
    _check_shape(name, array.shape, array.dtype)
    chosen = shard_of(name, array.shape[0], shard)
    if array.dtype not in (np.uint8, np.bool_):
        with _reading(broken):
            low, high = _range(array)
        _check_range(name, array.dtype, low, high)
    direct = isinstance(array, np.memmap) and array.dtype == np.uint8 and array.ndim == 4
    return Source(
        name=name,
        images=_images(array, chosen, broken),
        count=len(chosen),
        description={"file": path.name, **({"array": array.key} if packed else {})},
        broken=broken,
        array=array[chosen.start :: chosen.step] if direct else None,
    )


class _Packed:
    """An array of a `.npz` file, which is unpacked piece by piece and never held whole."""

    def __init__(self, path: Path, key: str | None):
        self.path = path
        with zipfile.ZipFile(path) as archive:
            keys = [n.removesuffix(".npy") for n in archive.namelist() if n.endswith(".npy")]
        if key is None:
            key = "images" if "images" in keys else keys[0] if len(keys) == 1 else None
        if key not in keys:
            wish = f"no array {key!r}" if key else "several arrays and none called 'images'"
            raise ValueError(
                f"it has {wish if keys else 'no arrays'}; there is: {', '.join(keys) or 'nothing'};"
                f" name one as in 'file.npz:{keys[0] if keys else 'images'}'"
            )
        self.key = key
        with self._open() as (_, header):
            self.shape, fortran, self.dtype = header
        self.ndim = len(self.shape)
        if self.dtype.hasobject:
            raise ValueError("it holds Python objects, which are never unpickled")
        if fortran and self.ndim > 1:
            raise ValueError("it is in Fortran order; save numpy.ascontiguousarray(images)")

    @contextlib.contextmanager
    def _open(self):
        """The file of the array after its header, and the header."""
        readers = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }
        with (
            zipfile.ZipFile(self.path) as archive,
            archive.open(f"{self.key}.npy") as file,
        ):
            version = np.lib.format.read_magic(file)
            if version not in readers:
                raise ValueError(f"version {version} of NumPy's format is not one of images")
            yield file, readers[version](file)

    def chunks(self, length: int) -> Iterator[np.ndarray]:
        """The array in pieces of `length` images, the last perhaps smaller."""
        size = math.prod(self.shape[1:]) * self.dtype.itemsize
        with self._open() as (file, _):
            for start in range(0, self.shape[0], length):
                count = min(length, self.shape[0] - start)
                data = file.read(count * size)
                if len(data) < count * size:
                    raise ValueError("it is truncated")
                yield np.frombuffer(data, self.dtype).reshape(count, *self.shape[1:])


def _chunks(array: np.memmap | _Packed) -> Iterator[tuple[int, np.ndarray]]:
    """The array in pieces of bounded size, each with the position it begins at."""
    size = math.prod(array.shape[1:]) * array.dtype.itemsize
    length = max(1, min(256, CHUNK_BYTES // size))
    starts = range(0, array.shape[0], length)
    if isinstance(array, _Packed):
        return zip(starts, array.chunks(length), strict=True)
    return ((start, array[start : start + length]) for start in starts)


@contextlib.contextmanager
def _reading(broken: Broken):
    """Turn what a broken file leads to into one sentence."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, OSError, ValueError) as error:
        broken.stop(f"Cannot read the array {broken.name!r}: {error}.")


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
    if shape[1] * shape[2] > MAX_PIXELS:
        raise ValueError(f"The images of {name!r} are over 64 megapixels. Received: shape={shape}")


def _range(array: np.memmap | _Packed) -> tuple[float, float]:
    """Lowest and highest value; NaN if there is one."""
    extremes = [(part.min(), part.max()) for _, part in _chunks(array)]
    return float(np.min([low for low, _ in extremes])), float(
        np.max([high for _, high in extremes])
    )


def _check_range(name: str, dtype: np.dtype, low: float, high: float) -> None:
    kind, most = ("floats", 1) if dtype.kind == "f" else ("integers", 255)
    if not (low >= 0 and high <= most):
        raise ValueError(
            f"The {kind} of {name!r} must be in 0..{most}. Received: values from {low:g} to "
            f"{high:g} ({dtype})"
        )


def _to_uint8(part: np.ndarray) -> np.ndarray:
    """Images `[n, H, W, C]` of values that have been checked."""
    part = part if part.ndim == 4 else part[..., None]
    if part.dtype.kind == "f":
        return np.rint(part * np.float32(255)).astype(np.uint8)
    return part * np.uint8(255) if part.dtype.kind == "b" else part.astype(np.uint8)


def _images(array: np.memmap | _Packed, chosen: range, broken: Broken) -> tf.data.Dataset:
    """The images at the positions `chosen`, one by one."""

    def parts():
        with _reading(broken):
            for start, part in _chunks(array):
                yield _to_uint8(part[(chosen.start - start) % chosen.step :: chosen.step])

    shape = array.shape[1:] if array.ndim == 4 else (*array.shape[1:], 1)
    spec = tf.TensorSpec([None, *shape], tf.uint8)
    images = tf.data.Dataset.from_generator(parts, output_signature=spec).unbatch()
    return images.apply(tf.data.experimental.assert_cardinality(len(chosen)))


__all__ = ["is_array", "open_array"]

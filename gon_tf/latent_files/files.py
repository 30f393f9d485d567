"""Files of latents: what `gon-tf encode` writes and `gon-tf decode` reads.

A `.npz` file of plain arrays, which `numpy.load` reads without this package:

    latents  float32 [images, latent_dim]
    numbers  int64 [images]: which image of the data set each one is, from 0
    names    strings [images]: the picture files, or empty strings for a data set without names
    model    string: fingerprint of the model that encoded them
"""

from __future__ import annotations

import hashlib
import json
import math
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gon_tf import presets

ARRAYS = ("latents", "numbers", "names", "model")
# What a file from outside may unpack to: so many times its own size, and at least so many bytes.
MOST_TIMES, LEAST_BYTES = 100, 2**24
HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


@dataclass(frozen=True)
class Latents:
    """Latents and where they come from; see above.

    Attributes:
        latents: float32 `[images, latent_dim]`.
        numbers: int64 `[images]`.
        names: strings `[images]`.
        model: fingerprint, "" if unknown.
    """

    latents: np.ndarray
    numbers: np.ndarray
    names: np.ndarray
    model: str = ""

    def __len__(self):
        return len(self.latents)

    def __getitem__(self, rows) -> Latents:
        """Some of the images."""
        return replace(
            self, latents=self.latents[rows], numbers=self.numbers[rows], names=self.names[rows]
        )


def joined(parts: Sequence[Latents], like: Latents) -> Latents:
    """The images of several parts, perhaps none, from one model: that of `like`."""
    parts = [like[:0], *parts]
    names = ("latents", "numbers", "names")
    arrays = (np.concatenate([getattr(part, name) for part in parts]) for name in names)
    return Latents(*arrays, model=like.model)


def fingerprint(model: Any) -> str:
    """A string that models have in common if they encode and decode alike."""
    digest = hashlib.sha256(json.dumps(presets.describe(model), sort_keys=True).encode())
    for weight in model.trainable_weights:
        digest.update(np.ascontiguousarray(weight).tobytes())
    return digest.hexdigest()[:16]


def write(path: Path, content: Latents) -> None:
    """Writes a `.npz` file, whatever the path's suffix."""
    with path.open("wb") as file:
        np.savez(
            file,
            latents=content.latents.astype(np.float32),
            numbers=content.numbers.astype(np.int64),
            names=content.names.astype(np.str_),
            model=np.str_(content.model),
        )


def read(path: Path, latent_dim: int) -> Latents:
    """Reads a `.npz` file, which may come from anywhere. Only `latents` must be in it.

    Raises:
        ValueError: if the file is damaged, has no latents or those of another width, or values
            that are not finite, or what it says of them does not fit.
        FileNotFoundError: if there is no such file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}.")
    try:
        with zipfile.ZipFile(path) as archive:
            _check_sizes(archive, path.stat().st_size)
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in ARRAYS if name in file}
    # Whatever a damaged archive leads its reader into.
    except (ValueError, OSError, EOFError, MemoryError, zipfile.BadZipFile) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{path} is not a .npz file of plain arrays: {reason}.") from error
    if "latents" not in arrays:
        raise ValueError(f"{path} has no array 'latents', float32 [images, {latent_dim}].")
    latents = arrays["latents"]
    if latents.ndim != 2 or latents.shape[1] != latent_dim or latents.dtype.kind != "f":
        raise ValueError(
            f"The model takes latents of the shape [images, {latent_dim}], floating point. "
            f"Received: {latents.dtype} of the shape {latents.shape} in {path}"
        )
    latents = latents.astype(np.float32)
    if not np.isfinite(latents).all():
        raise ValueError(f"The latents in {path} must be finite; some are NaN or infinite.")
    numbers = arrays.get("numbers", np.arange(len(latents)))
    names = arrays.get("names", np.full(len(latents), ""))
    model = arrays.get("model", np.str_(""))
    kinds = numbers.dtype.kind, names.dtype.kind, model.dtype.kind, model.ndim
    if kinds != ("i", "U", "U", 0) or {numbers.shape, names.shape} != {latents.shape[:1]}:
        raise ValueError(f"The numbers, names and model in {path} do not fit its latents.")
    return Latents(latents, numbers, names, str(model))


def _check_sizes(archive: zipfile.ZipFile, size: int) -> None:
    """Raise ValueError if the arrays of a file of `size` bytes are not as large as they say.

    Nothing but their headers is unpacked, and `zipfile` never unpacks more than an entry declares.
    """
    unpacked = 0
    for entry in archive.infolist():
        if entry.filename.removesuffix(".npy") not in ARRAYS:
            continue  # is never read
        unpacked += entry.file_size
        with archive.open(entry) as file:
            version = np.lib.format.read_magic(file)
            if version not in HEADERS:
                raise ValueError(f"version {version} of NumPy's format is not one of numbers")
            shape, _, dtype = HEADERS[version](file)
            length = file.tell() + math.prod(shape) * dtype.itemsize
        if not dtype.hasobject and (min(shape, default=0) < 0 or length != entry.file_size):
            raise ValueError(f"{entry.filename} is not as large as its header says")
    if unpacked > max(MOST_TIMES * size, LEAST_BYTES):
        raise ValueError(f"its {size:,} bytes unpack to {unpacked:,}, too many to be latents")

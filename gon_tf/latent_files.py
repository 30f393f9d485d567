"""Files of latents: what `gon-tf encode` writes and `gon-tf decode` reads.

A `.npz` file of plain arrays, which `numpy.load` reads without this package:

    latents  float32 [images, latent_dim]
    numbers  int64 [images]: which image of the data set each one is, from 0
    names    strings [images]: the picture files, or empty strings for a data set without names
    model    string: fingerprint of the model that encoded them

A `.tfrecord` file has a `tf.train.Example` for each image with the features `latents`, `number` and
`name`; TensorFlow's data pipelines read those in parallel.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tensorflow as tf

from gon_tf import presets

MOST_BYTES = 2**32  # of an array in a file from outside
ARRAYS = ("latents", "numbers", "names", "model")


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
    arrays = ("latents", "numbers", "names")
    return replace(like, **{a: np.concatenate([getattr(p, a) for p in parts]) for a in arrays})


def fingerprint(model) -> str:
    """A string that models have in common if they encode and decode alike."""
    digest = hashlib.sha256(json.dumps(presets.describe(model), sort_keys=True).encode())
    for weight in model.trainable_weights:
        digest.update(np.ascontiguousarray(weight).tobytes())
    return digest.hexdigest()[:16]


def write_npz(path: Path, content: Latents) -> None:
    """Writes a `.npz` file, whatever the path's suffix."""
    with path.open("wb") as file:
        np.savez(
            file,
            latents=content.latents.astype(np.float32),
            numbers=content.numbers.astype(np.int64),
            names=content.names.astype(np.str_),
            model=np.str_(content.model),
        )


def read_npz(path: Path, latent_dim: int) -> Latents:
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
            sizes = {entry.filename: entry.file_size for entry in archive.infolist()}
        if max(sizes.values(), default=0) > MOST_BYTES:
            raise ValueError(f"an array is over {MOST_BYTES // 2**30} GiB")
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


def write_tfrecord(path: Path, content: Latents) -> None:
    """Writes a `.tfrecord` file, one example for each image."""
    with tf.io.TFRecordWriter(str(path)) as writer:
        rows = zip(content.latents, content.numbers, content.names, strict=True)
        for latents, number, name in rows:
            feature = {
                "latents": tf.train.Feature(float_list=tf.train.FloatList(value=latents)),
                "number": tf.train.Feature(int64_list=tf.train.Int64List(value=[int(number)])),
                "name": tf.train.Feature(bytes_list=tf.train.BytesList(value=[name.encode()])),
            }
            example = tf.train.Example(features=tf.train.Features(feature=feature))
            writer.write(example.SerializeToString())


def read_tfrecord(path: Path, latent_dim: int) -> Latents:
    """Reads a `.tfrecord` file that `write_tfrecord` wrote.

    Raises:
        ValueError: if the file is damaged, or has latents of another width or not finite.
    """
    features = {
        "latents": tf.io.FixedLenFeature([latent_dim], tf.float32),
        "number": tf.io.FixedLenFeature([], tf.int64),
        "name": tf.io.FixedLenFeature([], tf.string),
    }
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}.")
    records = tf.data.TFRecordDataset(str(path))
    try:
        rows = [tf.io.parse_single_example(record, features) for record in records]
    except tf.errors.OpError as error:
        raise ValueError(f"{path} is damaged: {error.message}") from error
    latents = np.asarray([row["latents"] for row in rows], np.float32).reshape(-1, latent_dim)
    if not np.isfinite(latents).all():
        raise ValueError(f"The latents in {path} must be finite; some are NaN or infinite.")
    numbers = np.asarray([row["number"] for row in rows], np.int64)
    names = np.asarray([row["name"].numpy().decode() for row in rows], np.str_)
    return Latents(latents, numbers, names)


WRITERS = {"npz": write_npz, "tfrecord": write_tfrecord}
READERS = {"npz": read_npz, "tfrecord": read_tfrecord}

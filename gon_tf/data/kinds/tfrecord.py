"""Images in TFRecord files."""

from __future__ import annotations

import glob
import gzip
import os
import re
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
import tensorflow as tf

from gon_tf.data.images import MAX_BYTES, decode_image
from gon_tf.data.source import Shard, Source, encoded_source, shard_of

NAME = re.compile(r".*\.tfrecords?([-.*?\[][^/]*)?", re.IGNORECASE)
FEATURES = ("image/encoded", "image")


def is_tfrecord(name: str, data_dir: str | os.PathLike | None) -> bool:
    """Whether `name` has the form of a TFRecord file's, or of a pattern of such names."""
    del data_dir
    return bool(NAME.fullmatch(name)) and not Path(name).expanduser().is_dir()


def open_tfrecord(name: str, data_dir: str | os.PathLike | None, shard: Shard) -> Source:
    """Open one or several TFRecord files of encoded images, plain or with gzip.

    A record is a `tf.train.Example` with the content of a picture file (PNG, JPEG, BMP, GIF, WebP)
    in its feature "image/encoded" or "image", or such content itself. A record without a picture
    is named in a `UserWarning` and skipped.

    Args:
        name: path of a file, or a pattern with `*`, `?` or `[...]` that several match.
        data_dir: not used.
        shard: (index, count), the part to open.

    Returns:
        The pictures in the order of the files' names and of the records.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if a file is damaged, or there is no record or no readable picture.
    """
    del data_dir
    path = Path(name).expanduser()
    files = [str(path)] if path.is_file() else sorted(filter(os.path.isfile, glob.glob(str(path))))
    if not files:
        raise FileNotFoundError(f"There is no TFRecord file {name!r}.")
    kinds = {_is_gzip(file) for file in files}
    if len(kinds) > 1:
        raise ValueError(f"Some of the files {name!r} are compressed and some are not.")
    counts = [count_records(file) for file in files]
    if not sum(counts):
        raise ValueError(f"There are no records in {name!r}.")
    chosen = shard_of(name, sum(counts), shard)

    def read(position: np.int64, record: bytes) -> np.ndarray:
        where = f"{name}, record {position}"
        return decode_image(_content(record, where), where)

    records = tf.data.TFRecordDataset(files, compression_type="GZIP" if kinds.pop() else "")
    items = records.enumerate().shard(shard[1], shard[0])
    return encoded_source(
        name,
        items,
        read,
        len(chosen),
        {"files": [Path(file).name for file in files], "records": sum(counts)},
    )


def count_records(file: str) -> int:
    """The number of records in a TFRecord file; their lengths are checked, not their content.

    TensorFlow would try to make room for any length that a record claims to have.

    Raises:
        ValueError: if the file is damaged, or a record larger than 256 MiB.
    """
    try:
        with gzip.open(file) if _is_gzip(file) else open(file, "rb") as stream:
            count = 0
            while _skip_record(stream):
                count += 1
            return count
    except (ValueError, OSError, EOFError, zlib.error) as error:
        raise ValueError(f"Cannot read the TFRecord file {file!r}: {error}.") from error


def _skip_record(stream: BinaryIO) -> bool:
    """Go to the end of the next record; False if there is none."""
    head = stream.read(12)  # its length and the length's checksum
    if not head:
        return False
    length = struct.unpack("<Q", head[:8])[0] if len(head) == 12 else 0
    if length > MAX_BYTES:
        raise ValueError(f"a record claims to have {length:,} bytes; {MAX_BYTES:,} are the most")
    stream.seek(length, os.SEEK_CUR)
    if len(head) < 12 or len(stream.read(4)) < 4:  # the content's checksum
        raise ValueError("it ends within a record")
    return True


def _is_gzip(file: str) -> bool:
    with open(file, "rb") as stream:
        return stream.read(2) == b"\x1f\x8b"


def _content(record: bytes, where: str) -> bytes:
    """What a picture file would hold."""
    from google.protobuf.message import DecodeError

    try:
        features = tf.train.Example.FromString(record).features.feature
    except DecodeError:
        return record
    for key in FEATURES:
        if key in features and features[key].bytes_list.value:
            return features[key].bytes_list.value[0]
    if not features:  # few pictures' first bytes make an empty message, but some might
        return record
    raise ValueError(
        f"Cannot read {where!r}: it has no feature 'image/encoded' or 'image' of encoded bytes; "
        f"its features are: {', '.join(sorted(features))}"
    )


__all__ = ["count_records", "is_tfrecord", "open_tfrecord"]

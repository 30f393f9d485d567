"""Images in TFRecord files, plain or with gzip.

A record is a `tf.train.Example` with the content of a picture file in its feature "image/encoded"
or "image", or such content itself.
"""

from __future__ import annotations

import glob
import gzip
import os
import re
import struct
import zlib
from pathlib import Path

import numpy as np
import tensorflow as tf

from gon_tf.data.images import MAX_BYTES, decode_image
from gon_tf.data.source import Broken, Shard, Source, checked, shard_of

NAME = re.compile(r".*\.tfrecords?([-.*?\[][^/]*)?", re.IGNORECASE)
MOST_UNPACKED = 64  # times the size of a compressed file: pictures are compressed already
FEATURES = ("image/encoded", "image")
HEADER, CHECKSUM_BYTES = struct.Struct("<QI"), 4  # length and its checksum; that of the content


def is_tfrecord(name: str, data_dir: str | os.PathLike | None) -> bool:
    """Whether `name` has the form of a TFRecord file's, or of a pattern of such names."""
    return bool(NAME.fullmatch(name)) and not Path(name).is_dir()


def open_tfrecord(name: str, data_dir: str | os.PathLike | None, shard: Shard) -> Source:
    """The pictures of one or several files in the order of their names and of the records.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if a file is damaged, or there is no record or no readable picture.
    """
    files = [name] if os.path.isfile(name) else sorted(filter(os.path.isfile, glob.glob(name)))
    if not files:
        raise FileNotFoundError(f"There is no TFRecord file {name!r}.")
    kinds = {_is_gzip(file) for file in files}
    if len(kinds) > 1:
        raise ValueError(f"Some of the files {name!r} are compressed and some are not.")
    (packed,) = kinds
    count = sum(_count(file, packed) for file in files)
    if not count:
        raise ValueError(f"There are no records in {name!r}.")
    chosen = shard_of(name, count, shard)

    def read(position: np.int64, record: bytes, size) -> np.ndarray:
        where = f"{name}, record {position}"
        return decode_image(_content(record, where), where, size)

    items = _records(files, packed).enumerate().shard(shard[1], shard[0])
    description = {"files": [Path(file).name for file in files], "records": count}
    return checked(Source(name, len(chosen), description, Broken(name), items=items, read=read))


def _is_gzip(file: str) -> bool:
    with open(file, "rb") as stream:
        return stream.read(2) == b"\x1f\x8b"


def _records(files: list[str], packed: bool) -> tf.data.Dataset:
    return tf.data.TFRecordDataset(files, compression_type="GZIP" if packed else "")


def _count(file: str, packed: bool) -> int:
    """The number of records in a file, all of which are read for their checksums."""
    try:
        _check_lengths(file, packed)
        return int(_records([file], packed).reduce(np.int64(0), lambda count, _: count + 1))
    except tf.errors.OpError as error:
        reason = re.sub(r"\{\{.*?\}\} *| *\[Op:.*|\n.*", "", error.message, flags=re.DOTALL)
    except (ValueError, OSError, EOFError, zlib.error) as error:
        reason = str(error)
    raise ValueError(f"Cannot read the TFRecord file {file!r}: {reason}.")


def _check_lengths(file: str, packed: bool) -> None:
    """Raise ValueError unless the records of a file are as long as they say.

    TensorFlow takes the memory that a record asks for before it looks, and fills the memory with
    what a compressed file unpacks to.
    """
    size = os.path.getsize(file)
    most = max(MAX_BYTES, MOST_UNPACKED * size) if packed else size
    with gzip.open(file) if packed else open(file, "rb") as stream:
        place = 0
        while header := stream.read(HEADER.size):
            if len(header) < HEADER.size:
                raise ValueError("it is truncated")
            length, _ = HEADER.unpack(header)
            place += HEADER.size + length + CHECKSUM_BYTES
            if place > most:
                if packed:
                    raise ValueError(f"it unpacks to more than {most:,} bytes")
                raise ValueError(f"a record claims {length:,} bytes, the whole file has {size:,}")
            stream.seek(place)
            if stream.tell() < place:  # as far as a compressed file goes
                raise ValueError("it is truncated")


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

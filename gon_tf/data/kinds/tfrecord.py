"""Images in TFRecord files, plain or with gzip.

A record is a `tf.train.Example` with the content of a picture file in its feature "image/encoded"
or "image", or such content itself.
"""

from __future__ import annotations

import contextlib
import glob
import gzip
import hashlib
import os
import re
import struct
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import tensorflow as tf

from gon_tf.data.images import MAX_BYTES, decode_image
from gon_tf.data.source import Broken, File, Shard, Source, checked, reason_of, shard_of

NAME = re.compile(r".*\.tfrecords?([-.*?\[\d][^/]*)?", re.IGNORECASE)
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
        ValueError: if the records of a file are not as long as they say, or there is no record or
            no readable picture. Damage within a record is found when it is read.
    """
    files = [name] if os.path.isfile(name) else sorted(filter(os.path.isfile, glob.glob(name)))
    if not files:
        raise FileNotFoundError(f"There is no TFRecord file {name!r}.")
    kinds = {_is_gzip(file) for file in files}
    if len(kinds) > 1:
        raise ValueError(f"Some of the files {name!r} are compressed and some are not.")
    (packed,) = kinds
    with ThreadPoolExecutor() as threads:
        walked = list(threads.map(lambda file: _walked(file, packed), files))
    count = sum(file.count for file in walked)
    if not count:
        raise ValueError(f"There are no records in {name!r}.")
    chosen = shard_of(name, count, shard)

    def read(position: np.int64, record: bytes, size) -> np.ndarray:
        where = f"{name}, record {position}"
        return decode_image(_content(record, where), where, size)

    items = _records(files, packed).enumerate().shard(shard[1], shard[0])
    description = {"files": [Path(file).name for file in files], "records": count}
    source = Source(
        name, len(chosen), description, Broken(name), items=items, read=read, files=tuple(walked)
    )
    with _one_sentence(name):
        return checked(source)


def _is_gzip(file: str) -> bool:
    with open(file, "rb") as stream:
        return stream.read(2) == b"\x1f\x8b"


def _records(files: list[str], packed: bool) -> tf.data.Dataset:
    return tf.data.TFRecordDataset(files, compression_type="GZIP" if packed else "")


@contextlib.contextmanager
def _one_sentence(name: str) -> Iterator[None]:
    """Makes a ValueError of whatever a damaged file leads its reader into."""
    try:
        yield
        return
    except tf.errors.OpError as error:
        reason = reason_of(error)
    except (OSError, EOFError, zlib.error) as error:
        reason = str(error)
    raise ValueError(f"Cannot read the TFRecord file {name!r}: {reason}.")


def _walked(name: str, packed: bool) -> File:
    """A file by the lengths and checksums of its records; their content is not read.

    TensorFlow takes the memory that a record asks for before it looks, and fills the memory with
    what a compressed file unpacks to: lengths must be those of the file.
    """
    size = os.path.getsize(name)
    most = max(MAX_BYTES, MOST_UNPACKED * size) if packed else size
    digest, count, place, between = hashlib.sha256(), 0, 0, HEADER.size
    with _one_sentence(name), gzip.open(name) if packed else open(name, "rb", 0) as stream:
        # The checksum of a record and the header of the next one lie side by side.
        while len(found := stream.read(between)) == between:
            digest.update(found)
            length, _ = HEADER.unpack(found[-HEADER.size :])
            place += between + length
            if place + CHECKSUM_BYTES > most:
                if packed:
                    raise OSError(f"it unpacks to more than {most:,} bytes")
                raise EOFError(f"a record claims {length:,} bytes, the whole file has {size:,}")
            count += 1
            stream.seek(place)
            between = CHECKSUM_BYTES + HEADER.size
        if len(found) != (CHECKSUM_BYTES if count else 0):
            raise EOFError("it is truncated")
        digest.update(found)
    return File(name, count, digest.hexdigest()[:16])


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

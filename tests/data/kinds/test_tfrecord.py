import gzip
import os
import struct

import pytest
import tensorflow as tf

from gon_tf.data import open_images, open_source
from gon_tf.data.kinds import tfrecord

from ..conftest import encoded, values


def example(**features):
    """A serialized tf.train.Example of bytes features; `__` in a name is a slash."""
    lists = {
        key.replace("__", "/"): tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        for key, value in features.items()
    }
    return tf.train.Example(features=tf.train.Features(feature=lists)).SerializeToString()


def write(path, records, compression=""):
    with tf.io.TFRecordWriter(str(path), compression) as writer:
        for record in records:
            writer.write(record)
    return str(path)


@pytest.mark.parametrize("compression", ["", "GZIP"])
def test_examples_and_encoded_images(tmp_path, compression):
    records = [
        example(image__encoded=encoded(1), image=b"text"),
        example(image=encoded(2), label=b"cat"),
        encoded(3),
        encoded(4) + bytes(3),
    ]
    source = open_source(write(tmp_path / "a.tfrecord", records, compression))
    assert values(source.images) == [1, 2, 3, 4]
    assert source.count == 4
    assert source.description == {"files": ["a.tfrecord"], "records": 4}


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "GIF", "WEBP"])
def test_every_format_is_told_from_an_example(tmp_path, kind):
    source = open_source(write(tmp_path / "a.tfrecord", [encoded(7, kind=kind)]))
    (image,) = source.images.as_numpy_iterator()
    assert image.shape[:2] == (6, 8)
    assert abs(int(image[0, 0, 0]) - 7) <= 1


def test_several_files_by_a_pattern_and_their_shards(tmp_path):
    for part in range(3):
        records = [encoded(10 * part + n) for n in range(3)]
        write(tmp_path / f"a.tfrecord-{part:05}-of-00003", records)
    name = str(tmp_path / "a.tfrecord-*")
    assert values(open_source(name).images) == [0, 1, 2, 10, 11, 12, 20, 21, 22]
    assert values(open_source(name, shard=(1, 4)).images) == [1, 12]
    assert open_images(name, (6, 8, 1), shard=(1, 4)).pixels[:, 0, 0, 0].tolist() == [1, 12]


def test_records_without_a_picture(tmp_path):
    records = [encoded(1), example(label=b"cat"), b"text", b""]
    name = write(tmp_path / "a.tfrecord", records)
    with pytest.warns(UserWarning, match="skipped") as warned:
        images = open_images(name, (6, 8, 1))
    assert (len(images), images.skipped) == (1, 3)
    assert str(warned[0].message) == (
        f"Cannot read '{name}, record 1': it has no feature 'image/encoded' or 'image' of encoded "
        "bytes; its features are: label (skipped)"
    )
    assert str(warned[-1].message) == f"Cannot read images: 3 of 4 in {name!r} were skipped."


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1],
        lambda data: data[:-30],
        lambda data: data[:5],
        lambda data: b"hello, this is no such file",
        lambda data: struct.pack("<Q", 2**60) + data[8:],
    ],
)
def test_damaged_framing(tmp_path, damage):
    name = write(tmp_path / "a.tfrecord", [encoded(1), encoded(2)])
    data = (tmp_path / "a.tfrecord").read_bytes()
    (tmp_path / "a.tfrecord").write_bytes(damage(data))
    with pytest.raises(
        ValueError, match=r"Cannot read the TFRecord file '.*a\.tfrecord': |There are no records"
    ) as error:
        open_source(name)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("compression", ["", "GZIP"])
@pytest.mark.parametrize("length", [2**60, 2**63, 2**64 - 17, 2**33])
def test_a_forged_length_with_a_valid_checksum(tmp_path, compression, length):
    """TensorFlow itself would end the process."""
    path = tmp_path / "a.tfrecord"
    write(path, [encoded(1)])
    header = struct.pack("<Q", length)
    data = path.read_bytes() + header + struct.pack("<I", masked_crc(header)) + b"x" * 20
    path.write_bytes(gzip.compress(data) if compression else data)
    message = "unpacks to more than" if compression else rf"a record claims {length:,} bytes, the "
    with pytest.raises(ValueError, match=message):
        open_source(str(path))


def masked_crc(data):
    """The checksum of TFRecord files: CRC-32C, rotated and added to."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) % 2**32


def test_damaged_gzip(tmp_path):
    name = write(tmp_path / "a.tfrecord", [encoded(1)], "GZIP")
    data = (tmp_path / "a.tfrecord").read_bytes()
    for damaged in (data[:-20], data[:30] + b"hello" + data[35:]):
        (tmp_path / "a.tfrecord").write_bytes(damaged)
        with pytest.raises(ValueError, match="Cannot read the TFRecord file"):
            open_source(name)


@pytest.mark.parametrize("compression", ["", "GZIP"])
@pytest.mark.parametrize("position", [-20, 8, 14])
def test_damage_is_found_by_the_checksums(tmp_path, compression, position):
    path = tmp_path / "a.tfrecord"
    write(path, [encoded(1), encoded(2), encoded(3)])
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(gzip.compress(data) if compression else data)
    with pytest.raises(ValueError, match=r"Cannot read .*a\.tfrecord': corrupted record") as error:
        open_images(str(path), (6, 8, 1))
    assert "\n" not in str(error.value)
    assert "{{" not in str(error.value)


def test_a_bomb_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(tfrecord, "MAX_BYTES", 10**6)
    name = write(tmp_path / "a.tfrecord", [bytes(10**5)] * 50, "GZIP")
    with pytest.raises(ValueError, match="unpacks to more than 1,000,000 bytes"):
        open_source(name)


def test_other_mistakes(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no TFRecord file '.*missing\.tfrecord'"):
        open_source(str(tmp_path / "missing.tfrecord"))
    with pytest.raises(ValueError, match="There are no records in"):
        open_source(write(tmp_path / "empty.tfrecord", []))
    write(tmp_path / "b.tfrecord", [encoded(1)])
    write(tmp_path / "c.tfrecord", [encoded(1)], "GZIP")
    with pytest.raises(ValueError, match="are compressed and some are not"):
        open_source(str(tmp_path / "[bc].tfrecord"))
    with pytest.raises(ValueError, match=r"None of the 1 images in .*features are: label"):
        open_source(write(tmp_path / "d.tfrecord", [example(label=b"cat")]))

    os.mkfifo(tmp_path / "pipe.tfrecord")
    with pytest.raises(FileNotFoundError, match="There is no TFRecord file"):
        open_source(str(tmp_path / "pipe.tfrecord"))

import os
import random
import sys

import numpy as np
import pytest

from gon_tf.data import open_images, open_source

from ..conftest import encoded, values

lmdb = pytest.importorskip("lmdb")


def write(path, entries, subdir=True):
    """The path of a new LMDB."""
    with (
        lmdb.open(str(path), map_size=2**24, subdir=subdir) as environment,
        environment.begin(write=True) as transaction,
    ):
        for key, value in entries.items():
            transaction.put(key, value)
    return str(path)


FRAMES = {b"video/%08d" % n: encoded(n) for n in (3, 1, 10)}


@pytest.mark.parametrize("subdir", [True, False])
def test_pictures_in_the_order_of_their_keys(tmp_path, subdir):
    source = open_source(write(tmp_path / "frames.lmdb", FRAMES, subdir))
    assert values(source.images) == [1, 3, 10]
    assert source.count == 3
    assert source.description == {"lmdb": "frames.lmdb", "entries": 3}


def test_keys_of_any_bytes(tmp_path):
    keys = [b"\x00\x00", b"\x00\x01\x00", b"\x01", b"\x01\x00", b"\xff"]
    entries = {key: encoded(n) for n, key in enumerate(keys)}
    name = write(tmp_path / "raw.lmdb", dict(reversed(entries.items())))
    assert values(open_source(name).images) == [0, 1, 2, 3, 4]


def test_shards(tmp_path):
    name = write(tmp_path / "frames.lmdb", FRAMES)
    assert values(open_source(name, shard=(0, 2)).images) == [1, 10]
    assert values(open_source(name, shard=(1, 2)).images) == [3]


def test_a_folder_with_another_name_opened_twice_and_left_alone(tmp_path):
    name = write(tmp_path / "frames", FRAMES)
    (tmp_path / "frames" / "lock.mdb").unlink()
    first, second = open_source(name), open_source(f"{name},{name}")
    assert values(first.images) == [1, 3, 10]
    assert values(second.images) == [1, 3, 10, 1, 3, 10]
    assert [path.name for path in (tmp_path / "frames").iterdir()] == ["data.mdb"]


def test_values_that_are_no_pictures_are_named_by_their_keys(tmp_path):
    name = write(tmp_path / "frames.lmdb", {**FRAMES, b"\xffmeta": b"{}"})
    with pytest.warns(UserWarning, match="skipped") as warned:
        images = open_images(name, (6, 8, 1))
    assert (len(images), images.skipped) == (3, 1)
    assert [str(warning.message) for warning in warned] == [
        f"Cannot read image '{name}: \\\\xffmeta': it is none of PNG, JPEG, BMP, GIF, WEBP "
        "(skipped)"
    ]


@pytest.mark.parametrize("content", [b"", b"hello", bytes(10_000)])
def test_unreadable(tmp_path, content):
    path = tmp_path / "frames.lmdb"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"Cannot read the LMDB '.*frames\.lmdb': ") as error:
        open_source(str(path))
    assert "\n" not in str(error.value)


def test_truncated(tmp_path):
    name = write(tmp_path / "frames.lmdb", {b"%d" % n: bytes(5000) for n in range(20)})
    path = tmp_path / "frames.lmdb" / "data.mdb"
    whole = path.read_bytes()
    for kept in (len(whole) - 1, len(whole) // 2, 3 * 4096, 2 * 4096):
        path.write_bytes(whole[:kept])
        with pytest.raises(ValueError, match="Cannot read the LMDB .* it is truncated"):
            open_source(name)


def test_pages_that_were_given_back_may_be_missing(tmp_path):
    """As after many deletions: the file then ends before the last page that ever was."""
    name = write(tmp_path / "frames.lmdb", {b"%d" % n: encoded(n) for n in range(3)})
    chance = random.Random(0)
    with lmdb.open(name, map_size=2**26) as environment:
        for _ in range(60):
            with environment.begin(write=True) as transaction:
                for _ in range(30):
                    transaction.put(b"x%d" % chance.randrange(500), bytes(chance.randrange(20000)))
                for number in range(500 if chance.random() < 0.5 else 0):
                    transaction.delete(b"x%d" % number)
        with environment.begin(write=True) as transaction:
            for number in range(500):
                transaction.delete(b"x%d" % number)
        pages = environment.info()["last_pgno"] + 1
        size = pages * environment.stat()["psize"]
    assert os.path.getsize(tmp_path / "frames.lmdb" / "data.mdb") < size
    assert open_source(name).count == 3


def test_a_pipe_is_no_database(tmp_path):
    os.mkfifo(tmp_path / "frames.lmdb")
    with pytest.raises(ValueError, match="Cannot read the LMDB .* is no regular file"):
        open_source(str(tmp_path / "frames.lmdb"))


def test_other_mistakes(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"There is no LMDB '.*missing\.lmdb'\."):
        open_source(str(tmp_path / "missing.lmdb"))
    (tmp_path / "folder.lmdb").mkdir()
    with pytest.raises(ValueError, match=r"Cannot read the LMDB '.*folder\.lmdb'"):
        open_source(str(tmp_path / "folder.lmdb"))
    with pytest.raises(ValueError, match=r"The LMDB '.*empty\.lmdb' has no entries\."):
        open_source(write(tmp_path / "empty.lmdb", {}))
    texts = write(tmp_path / "texts.lmdb", {b"a": b"text", b"b": b"text"})
    with pytest.raises(ValueError, match=r"None of the 2 images in '.*texts\.lmdb' can be read"):
        open_source(texts)
    monkeypatch.setitem(sys.modules, "lmdb", None)
    with pytest.raises(ImportError, match=r'needs the package lmdb: pip install "gon-tf\[lmdb\]"'):
        open_source(texts)


def test_pictures_of_many_sizes(tmp_path):
    sizes = [(6, 8), (6, 8), (12, 16), (6, 8), (3, 4)]
    entries = {b"%d" % n: encoded(n, size) for n, size in enumerate(sizes)}
    images = open_images(write(tmp_path / "frames.lmdb", entries), (6, 8, 3))
    np.testing.assert_array_equal(images.pixels[:, 0, 0, 0], range(5))
    assert images.pixels.shape == (5, 6, 8, 3)

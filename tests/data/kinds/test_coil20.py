import hashlib
import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from gon_tf.data import open_source
from gon_tf.data.kinds import coil20

SHARED = Path(__file__).parents[4] / "shared" / "data" / "coil-20-proc"
NAMES = [f"obj{number}__{view}.png" for number in range(1, 21) for view in range(72)]


def content(name, size=(128, 128), mode="L"):
    """A grey picture that tells which it is: its value is 9 times its object plus its view."""
    number, view = name.removeprefix("obj").removesuffix(".png").split("__")
    file = io.BytesIO()
    Image.new(mode, size, 9 * int(number) + int(view)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A folder of pictures with the names of COIL-20's."""
    folder = tmp_path_factory.mktemp("coil") / "coil-20-proc"
    folder.mkdir()
    for name in NAMES:
        (folder / name).write_bytes(content(name))
    return folder


@pytest.fixture(scope="module")
def archive(pictures):
    """The zip of that folder, alone in another."""
    (pictures.parent / "zipped").mkdir()
    path = pictures.parent / "zipped" / "coil-20-proc.zip"
    with zipfile.ZipFile(path, "w") as file:
        for name in NAMES:
            file.write(pictures / name, f"coil-20-proc/{name}")
    return path


@pytest.fixture
def known(monkeypatch):
    """Makes the generated pictures count as the published ones."""
    values = [9 * number + view for number in range(1, 21) for view in range(72)]
    images = np.broadcast_to(np.uint8(values)[:, None], [1440, 128 * 128])
    monkeypatch.setattr(coil20, "PIXELS_SHA256", hashlib.sha256(images.tobytes()).hexdigest())


def test_the_same_pictures_from_a_folder_and_from_the_zip(pictures, archive, known):
    images = coil20.read_all(pictures)
    assert images.shape == (20, 72, 128, 128, 1)
    assert np.unique(images[3, 5]).tolist() == [9 * 4 + 5]
    np.testing.assert_array_equal(coil20.read_all(archive), images)


@pytest.mark.parametrize("place", ["coil", "coil-20-proc", "zipped"])
def test_finds_the_pictures_in_a_folder_given_by_hand(pictures, archive, place):
    folder = {"coil": pictures.parent, "zipped": archive.parent}.get(place, pictures)
    assert coil20._find(folder) == (archive if place == "zipped" else pictures)


def test_is_a_tfds_data_set_and_a_source(pictures, known, tmp_path):
    tfds.disable_progress_bar()
    builder = tfds.builder("coil20", data_dir=tmp_path)
    by_hand = tfds.download.DownloadConfig(manual_dir=pictures)
    builder.download_and_prepare(download_config=by_hand)
    train, test = tfds.load("coil20", split=["train", "test"], data_dir=tmp_path)
    assert (len(train), len(test)) == (1140, 300)
    assert all(view % 5 for view in train.map(lambda x: x["view"]).as_numpy_iterator())
    for example in test.take(20).as_numpy_iterator():
        assert example["view"] % 5 == 0
        value = 9 * (example["label"] + 1) + example["view"]
        assert np.unique(example["image"]).tolist() == [value]
    source = open_source("coil20:test", tmp_path)
    assert (source.name, source.count) == ("coil20:test", 300)
    assert source.images.element_spec.shape == (128, 128, 1)


def damage(folder, kind):
    path = folder / "obj3__7.png"
    if kind == "missing":
        path.unlink()
    elif kind == "broken":
        path.write_bytes(path.read_bytes()[:40])
    else:
        size, mode = ((64, 128), "L") if kind == "small" else ((128, 128), "RGB")
        path.write_bytes(content(path.name, size, mode))


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("missing", r"obj3__7\.png is missing in '.*coil-20-proc'\."),
        ("broken", r"Cannot read image 'obj3__7\.png'"),
        ("small", r"obj3__7\.png in '.*' must be 128x128 grey\. Received: shape=\(128, 64, 1\)"),
        ("colour", r"must be 128x128 grey\. Received: shape=\(128, 128, 3\)"),
    ],
)
def test_pictures_that_are_wrong(pictures, tmp_path, kind, message):
    folder = tmp_path / "coil-20-proc"
    folder.mkdir()
    for name in NAMES:
        os.link(pictures / name, folder / name)
    (folder / "obj3__7.png").unlink()
    (folder / "obj3__7.png").write_bytes(content("obj3__7.png"))
    damage(folder, kind)
    with pytest.raises(ValueError, match=message):
        coil20.read_all(folder)


def test_other_pictures_of_the_same_names(pictures):
    with pytest.raises(ValueError, match="are not those of COIL-20: their checksum differs"):
        coil20.read_all(pictures)


def test_damaged_zip(archive, tmp_path):
    path = tmp_path / "coil-20-proc.zip"
    data = bytearray(archive.read_bytes())
    data[200:230] = bytes(30)  # within the first picture
    for damaged in (data, data[:1000]):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"is not the zip of COIL-20|Cannot read image"):
            coil20.read_all(path)


def test_how_to_get_it_without_a_network(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"import gon_tf\.data, .*manual_dir='FOLDER'"):
        open_source("coil20", tmp_path)


def test_published_pictures():
    if not SHARED.is_dir():
        pytest.skip(f"needs the pictures in {SHARED}")
    assert coil20.read_all(SHARED).shape == (20, 72, 128, 128, 1)

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gon_tf.data import load, open_images, open_source, stream

from ..conftest import encoded, values


def test_folder_is_read_in_the_order_of_its_paths(folder):
    source = open_source(str(folder))
    assert source.name == str(folder)
    assert source.count == 3
    assert values(source.images) == [10, 20, 30]
    assert [image.shape for image in source.images] == [(6, 8, 1), (4, 4, 3), (7, 5, 3)]
    assert source.description == {"folder": "photos", "files": 3}


def test_folders_in_a_folder_are_labels(folder):
    with pytest.raises(ValueError, match="whose pictures all lie in folders. Received: '.*photos'"):
        open_source(folder).check_labels()
    for name in ("a.png", "b.BMP"):
        (folder / "b").mkdir(exist_ok=True)
        (folder / name).rename(folder / "b" / name)
    assert open_source(folder).labels == ["b", "b", "c"]
    assert open_source(folder, shard=(1, 2)).labels == ["b"]


def test_relative_path_and_home(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert open_source(".").description["folder"] == "photos"
    assert open_source("c").count == 1
    monkeypatch.setenv("HOME", str(folder))
    assert open_source("~/c").count == 1


def test_paths_of_any_type_and_home(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder.parent))
    np.save(folder.parent / "a.npy", np.zeros([2, 6, 8], np.uint8))
    for name in (folder, Path("~/photos"), "~/photos", "~/a.npy,~/photos"):
        assert open_source(name).count >= 3
        assert load(name, (6, 8, 1), 9).cardinality() == 1
        assert len(open_images(name, (6, 8, 1))) >= 3
        assert len(next(stream(name, (6, 8, 1), 9))) >= 3
    assert open_source(folder.parent / "a.npy").description == {"file": "a.npy"}


def test_data_set_comes_before_a_folder_of_its_name(folder, tfds_dir, monkeypatch):
    (folder / "c").rename(folder / "mnist")
    (folder / "toy_digits").mkdir()
    monkeypatch.chdir(folder)
    assert open_source("toy_digits", tfds_dir).name == "toy_digits:train"
    assert open_source("./mnist", tfds_dir).count == 1
    with pytest.raises(FileNotFoundError, match=r"write './mnist' for the folder of that name\."):
        open_source("mnist", tfds_dir)


def test_broken_files_are_named_and_skipped(folder):
    (folder / "a1.png").write_bytes((folder / "a.png").read_bytes()[:50])
    (folder / "c" / "text.jpg").write_text("not a picture")
    source = open_source(str(folder))
    with pytest.warns(UserWarning, match="skipped") as warned:
        assert values(source.images) == [10, 20, 30]
    messages = sorted(str(warning.message) for warning in warned)
    assert len(messages) == 2
    assert messages[0].startswith(f"Cannot read image '{folder / 'a1.png'}'")
    assert messages[1].startswith(f"Cannot read image '{folder / 'c' / 'text.jpg'}'")
    assert all(message.endswith("(skipped)") and "\n" not in message for message in messages)


def test_folder_of_broken_files(tmp_path):
    for name in ("a.png", "b.jpg"):
        (tmp_path / name).write_text("not a picture")
    with pytest.raises(ValueError, match=r"None of the 2 images in .* can be read: .*a\.png"):
        open_source(str(tmp_path))


def test_path_that_does_not_exist(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no folder '.*missing'\."):
        open_source(str(tmp_path / "missing"))


def test_folder_without_images(tmp_path):
    (tmp_path / "notes.txt").write_text("not a picture")
    with pytest.raises(FileNotFoundError, match=r"no images in .*; looked for \.bmp, .*\.webp"):
        open_source(str(tmp_path))


def test_file_instead_of_a_folder(tmp_path):
    Image.new("L", (2, 2)).save(tmp_path / "a.png")
    with pytest.raises(NotADirectoryError, match=r"a\.png' is a file; a data set is a folder"):
        open_source(str(tmp_path / "a.png"))


@pytest.mark.skipif(sys.platform != "linux", reason="file names must be Unicode here")
def test_file_names_of_any_bytes(tmp_path):
    Image.new("L", (2, 2), 5).save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "\udcff.png")
    assert values(open_source(str(tmp_path)).images) == [5]


def test_subfolders_are_the_labels(tmp_path):
    for name in ("dogs/b.png", "cats/a.png", "dogs/young/c.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(encoded(1))
    assert open_source(tmp_path).labels == ["cats", "dogs", "dogs"]
    assert open_source(tmp_path, shard=(1, 2)).labels == ["dogs"]
    assert open_source(f"{tmp_path},{tmp_path}").labels == 2 * ["cats", "dogs", "dogs"]
    (tmp_path / "d.png").write_bytes(encoded(1))
    with pytest.raises(ValueError, match="folders whose pictures all lie in folders"):
        open_source(tmp_path).check_labels()

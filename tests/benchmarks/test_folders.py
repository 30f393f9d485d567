"""Folders of pictures to train on."""

import numpy as np
import pytest
from PIL import Image

from benchmarks import folders
from benchmarks.folders import Pictures


def names(folder):
    """The files in a folder."""
    return sorted(path.name for path in folder.iterdir())


def test_views_of_an_object_are_held_out_by_their_number(tmp_path):
    source = tmp_path / "coil"
    source.mkdir()
    for view in range(13):
        Image.fromarray(np.zeros((4, 4), np.uint8)).save(source / f"obj1__{view}.png")
    pictures = Pictures("coil", 4, 4, 5)
    train, held_out = pictures.data(tmp_path / "made", {"coil": source})
    made = tmp_path / "made" / "coil-5"
    assert (train, held_out) == (str(made / "train"), str(made / "held-out"))
    assert names(made / "held-out") == ["obj1__0.png", "obj1__12.png", "obj1__6.png"]
    assert len(names(made / "train")) == 5
    assert pictures.data(tmp_path / "made", {}) == (train, held_out)  # made already


def test_crops_of_photos_that_are_held_out_are_of_other_photos(tmp_path, monkeypatch):
    known = {name: np.full((6, 8, 3), i, np.uint8) for i, name in enumerate("abcdefgh")}
    monkeypatch.setattr(folders, "photos", lambda: known)
    train, held_out = Pictures("photos", 4, 5, 12).data(tmp_path, {})

    def values(folder):
        pictures = [np.asarray(Image.open(path)) for path in (tmp_path / folder).glob("*.png")]
        assert {picture.shape for picture in pictures} == {(4, 5, 3)}
        return {int(picture.max()) for picture in pictures}

    assert values(train) == {0, 2, 3, 4, 6, 7}
    assert values(held_out) == {1, 5}


def test_mnist_needs_no_folder(tmp_path):
    assert Pictures("mnist", 28, 28, 9).data(tmp_path, {}) == (
        "mnist:train[:9]",
        "mnist:test[:64]",
    )


def test_the_photos_of_the_packages():
    pytest.importorskip("skimage")
    assert all(
        min(photo.shape[:2]) >= 256 and photo.shape[2] == 3 for photo in folders.photos().values()
    )

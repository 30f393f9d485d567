import numpy as np
import pytest
from PIL import Image

from gon_tf import picture_files
from gon_tf.cli import pictures


def tile(value, channels=1):
    return np.full((2, 3, channels), value, np.uint8)


def test_find(tmp_path):
    for name in ("b.png", "a.JPG", "sub/c.webp", "notes.txt", ".hidden.png", ".git/d.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    names = ["a.JPG", "b.png", "sub/c.webp"]
    assert pictures.find([tmp_path]) == [tmp_path / name for name in names]
    assert pictures.find([tmp_path / "notes.txt"]) == [tmp_path / "notes.txt"]


def test_find_nothing(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file or folder"):
        pictures.find([tmp_path / "a.png"])
    with pytest.raises(FileNotFoundError, match="holds no pictures"):
        pictures.find([tmp_path])


def write_broken(path, kind):
    if kind == "empty":
        path.touch()
    elif kind == "text":
        path.write_text("hello")
    elif kind == "truncated":
        noise = np.random.default_rng(0).integers(0, 256, (20, 20), dtype=np.uint8)
        Image.fromarray(noise).save(path)
        path.write_bytes(path.read_bytes()[:200])
    elif kind == "huge":
        Image.new("1", (10_000, 10_000)).save(path)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("empty", "is empty"),
        ("text", "is not a picture"),
        ("truncated", "is a broken picture"),
        ("huge", "is too large a picture"),
    ],
)
def test_check(tmp_path, kind, message):
    path = tmp_path / "a.png"
    write_broken(path, kind)
    with pytest.raises(OSError, match=f"a.png {message}"):
        pictures.check(path)


def test_check_accepts_pictures(tmp_path):
    for suffix in sorted(picture_files.SUFFIXES):
        Image.new("RGB", (4, 3)).save(tmp_path / f"a{suffix}")
        pictures.check(tmp_path / f"a{suffix}")


def test_to_uint8():
    values = np.array([-1.0, 0.0, 0.5, 0.999, 1.0, 2.0])
    assert pictures.to_uint8(values).tolist() == [0, 0, 128, 255, 255, 255]


def test_grid():
    canvas = pictures.grid([tile(10), tile(20), tile(30)], columns=2)
    assert canvas.shape == (2 * 2 + pictures.GAP, 2 * 3 + pictures.GAP, 1)
    assert (canvas[:2, :3] == 10).all()
    assert (canvas[:2, -3:] == 20).all()
    assert (canvas[-2:, :3] == 30).all()
    assert (canvas[-2:, -3:] == 255).all()
    assert (canvas[2:-2] == 255).all()


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (2, 2), (5, 3), (64, 8)])
def test_square(count, columns):
    canvas = pictures.square([tile(0)] * count)
    assert canvas.shape[1] == columns * (3 + pictures.GAP) - pictures.GAP


def test_pairs_stand_above_each_other():
    above = [tile(i) for i in range(12)]
    below = [tile(100 + i) for i in range(12)]
    canvas = pictures.pairs(above, below)
    centres = canvas[::4, 1::5, 0]
    assert centres.tolist() == [
        [0, 1, 2, 3, 4],
        [100, 101, 102, 103, 104],
        [5, 6, 7, 8, 9],
        [105, 106, 107, 108, 109],
        [10, 11, 255, 255, 255],
        [110, 111, 255, 255, 255],
    ]


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB")])
def test_write(tmp_path, channels, mode):
    path = tmp_path / "a.png"
    pictures.write(path, tile(7, channels))
    with Image.open(path) as image:
        assert (image.mode, image.size) == (mode, (3, 2))
        assert np.asarray(image).min() == np.asarray(image).max() == 7

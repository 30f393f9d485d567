import io
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from gon_tf import pictures
from gon_tf.pictures import Picture


def tile(value, channels=1):
    return np.full((2, 3, channels), value, np.uint8)


def test_pictures_by_suffix_sorted_and_nothing_that_systems_leave(tmp_path):
    wanted = ["a.JPG", "b.png", "sub/c.webp"]
    litter = [".hidden.png", ".git/d.png", "__MACOSX/._a.jpg", "__MACOSX/e.jpg", ".DS_Store"]
    for name in [*wanted, *litter, "notes.txt", "sub/Thumbs.db"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    with pytest.warns(UserWarning, match=r"Passed over in .*: 1 files other than \.bmp \.gif"):
        assert pictures.find(tmp_path) == [tmp_path / name for name in wanted]


def test_linked_folders_are_read_once_and_without_end(tmp_path):
    (tmp_path / "photos" / "own").mkdir(parents=True)
    (tmp_path / "store").mkdir()
    for name in ("photos/own/a.jfif", "store/b.jpe"):
        (tmp_path / name).touch()
    (tmp_path / "photos" / "cats").symlink_to("../store")
    (tmp_path / "photos" / "own" / "back").symlink_to("..")
    found = pictures.find(tmp_path / "photos")
    assert found == [tmp_path / "photos" / name for name in ("cats/b.jpe", "own/a.jfif")]


def test_a_pipe_is_no_picture(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    (tmp_path / "b.png").touch()
    with pytest.warns(UserWarning, match="Passed over"):
        assert pictures.find(tmp_path) == [tmp_path / "b.png"]


def test_names_that_are_not_utf8_and_deep_folders(tmp_path):
    deep = tmp_path / "/".join(["d"] * 300)
    os.makedirs(deep)
    for path in (deep / "a.png", tmp_path / "z\udce9.png"):
        path.touch()
    assert pictures.find(tmp_path) == [deep / "a.png", tmp_path / "z\udce9.png"]


def test_a_file_with_several_names_counts_once(tmp_path):
    (tmp_path / "b.png").touch()
    (tmp_path / "c.png").symlink_to(tmp_path / "b.png")
    os.link(tmp_path / "b.png", tmp_path / "a.png")
    (tmp_path / "dangling.png").symlink_to(tmp_path / "missing.png")
    (tmp_path / "d.png").touch()  # as empty as the others, but a file of its own
    assert pictures.find(tmp_path) == [tmp_path / "a.png", tmp_path / "d.png"]


def test_needs_no_tensorflow():
    program = "import sys, gon_tf.pictures; assert 'tensorflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)


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
        Picture(path).check()


def test_check_accepts_pictures(tmp_path):
    for suffix in sorted(pictures.SUFFIXES):
        Image.new("RGB", (4, 3)).save(tmp_path / f"a{suffix}")
        Picture(tmp_path / f"a{suffix}").check()


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


def test_row():
    assert pictures.row([tile(0)] * 9).shape == (2, 9 * 5 - 2, 1)
    assert pictures.row([tile(0)] * 11).shape == (6, 10 * 5 - 2, 1)


def test_enlarged():
    picture = np.arange(6, dtype=np.uint8).reshape(2, 3, 1)
    large = pictures.enlarged(picture, (4, 9))
    assert (large == picture.repeat(2, 0).repeat(3, 1)).all()


def test_zoom():
    picture = np.arange(6, dtype=np.uint8).reshape(2, 3, 1)
    assert (pictures.zoomed(picture, 3) == picture.repeat(3, 0).repeat(3, 1)).all()
    assert pictures.zoom_of(np.zeros((28, 28, 1))) * 28 >= pictures.VISIBLE
    assert [pictures.zoom_of(np.zeros((1, side, 1))) for side in (300, 301, 600, 900)] == [
        2,
        2,
        1,
        1,
    ]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_animation(suffix, channels):
    frames = [np.full((4, 6, channels), value, np.uint8) for value in (0, 100, 255)]
    with Image.open(io.BytesIO(pictures.animation(frames, suffix))) as moving:
        assert moving.n_frames == 4  # forth and back
        shown = []
        for frame in range(4):
            moving.seek(frame)
            moving.load()
            shown.append((moving.convert("L").getpixel((3, 2)), moving.info["duration"]))
        assert moving.info["loop"] == 0
    assert shown == [(0, 600), (100, 60), (255, 600), (100, 60)]


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB")])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".JPEG", ".webp"])
def test_write(tmp_path, channels, mode, suffix):
    path = tmp_path / f"a{suffix}"
    image = np.full((6, 9, channels), 7, np.uint8)
    image[:3, :, -1] = 200
    pictures.write(path, image)
    with Image.open(path) as written:
        lossy = suffix.lower() in (".jpg", ".jpeg")
        assert written.format == {"jpg": "JPEG"}.get(suffix[1:], suffix[1:].upper())
        assert written.size == (9, 6)
        difference = np.asarray(written.convert(mode)).astype(int) - image.squeeze()
        assert abs(difference).max() <= (6 if lossy else 0)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_a_picture_too_large_for_its_format(tmp_path, suffix):
    with pytest.raises(
        ValueError, match=r"at most .* a side; write a \.png file\. Received: 1 x 7"
    ):
        pictures.write(tmp_path / f"a{suffix}", np.zeros((1, 70_000, 1), np.uint8))
    assert not list(tmp_path.iterdir())

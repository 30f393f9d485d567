import json

import numpy as np
import pytest
from PIL import Image

import gon_tf
from gon_tf.cli.inpaint import fitted, resize
from gon_tf.pictures import GAP, to_uint8


@pytest.fixture
def mask(tmp_path):
    """An 8x8 mask whose right half is missing."""
    pixels = np.zeros((8, 8), np.uint8)
    pixels[:, 4:] = 255
    Image.fromarray(pixels).save(tmp_path / "mask.png")
    return pixels == 255


def test_the_missing_part_comes_from_the_rest(
    run, implicit_model, pictures, mask, tmp_path, pixels
):
    picture = pixels(pictures / "00.png")
    arguments = ["inpaint", implicit_model, pictures / "00.png", "--mask", "mask.png"]
    result = run(*arguments, "-o", "whole.png", "--json")
    assert result.exit_code == 0, result.stderr
    whole = pixels(tmp_path / "whole.png").astype(int)

    network = gon_tf.load(implicit_model)
    latents = network.encode(picture[None, ..., None], mask=~mask)
    exact = network.decode(latents)[0, ..., 0]
    assert (whole[:, :4] == picture[:, :4]).all()
    assert abs(whole - to_uint8(exact))[:, 4:].max() <= 1
    summary = json.loads(result.stdout)
    assert (summary["known"], summary["missing"]) == (32, 32)
    error = np.square(exact - picture / 255)[:, :4].sum()
    assert summary["sse"] == pytest.approx(error, rel=1e-4)
    assert summary["psnr"] == pytest.approx(10 * np.log10(32 / error), rel=1e-4)

    # what is missing does not matter
    Image.fromarray(np.where(mask, 77, picture).astype(np.uint8)).save(tmp_path / "b.png")
    result = run("inpaint", implicit_model, "b.png", "--mask", "mask.png", "-o", "again.png")
    assert result.exit_code == 0, result.stderr
    assert dict(line.split() for line in result.stdout.splitlines())["known"] == "32"
    assert (pixels(tmp_path / "again.png") == whole).all()

    # the mask may come from stdin and the picture go to stdout
    arguments = ["inpaint", implicit_model, pictures / "00.png", "--mask"]
    result = run(*arguments, "-", "-o", "-", stdin=(tmp_path / "mask.png").read_bytes())
    assert result.exit_code == 0, result.stderr
    assert (pixels(result.stdout_bytes) == whole).all()
    assert result.stderr.startswith("output   -\nknown    32\n")

    # the grid shows what was known above the result
    assert run(*arguments, "mask.png", "-o", "grid.png", "--grid").exit_code == 0
    grid = pixels(tmp_path / "grid.png")
    assert (grid[:8] == np.where(mask, 128, picture)).all()
    assert (grid[8 + GAP :] == whole).all()


def test_pictures_of_another_size(run, implicit_model, tmp_path, pixels):
    left = np.arange(24)[None, :, None] < 12
    colours = np.where(left, [[[40, 40, 40]]], [[[255, 0, 0]]]) * np.ones((16, 1, 1))
    Image.fromarray(colours.astype(np.uint8)).save(tmp_path / "a.png")
    Image.fromarray(np.where(left[..., 0], 0, 255).repeat(16, 0).astype(np.uint8)).save(
        tmp_path / "mask.jpg"
    )
    result = run("inpaint", implicit_model, "a.png", "--mask", "mask.jpg", "-o", "x.png", "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["known"] == 32
    assert (pixels(tmp_path / "x.png")[:, :4] == 40).all()


@pytest.mark.parametrize("fit", ["pad", "crop"])
def test_every_way_to_fit(fit):
    picture = np.full((8, 16, 1), 90, np.uint8)
    known = np.ones((8, 16), bool)
    picture[:, 10:], known[:, 10:] = 255, False
    small, clear = fitted(picture, known, (8, 8), fit)
    assert small.dtype == np.uint8
    if fit == "crop":  # the middle eight columns, six of which are known
        assert (clear == (np.arange(8) < 6)).all()
        assert (small[clear] == 90).all()
    else:  # four rows between black ones, which are known
        assert (small[[0, 1, 6, 7]] == 0).all()
        assert clear[[0, 1, 6, 7]].all()
        assert (clear[2:6] == (np.arange(8) < 5)).all()
        assert (small[2:6, :5] == 90).all()


def test_missing_pixels_do_not_run_into_known_ones():
    picture = np.full((30, 30, 1), 90, np.uint8)
    known = np.ones((30, 30), bool)
    picture[11:23, 7:25], known[11:23, 7:25] = 255, False
    small, clear = resize(picture, known, (8, 8))
    assert (small[clear] == 90).all()
    assert 0 < (~clear).sum() < 30
    same, clear = resize(picture, known, (30, 30))
    assert (same[known] == picture[known]).all()
    assert (clear == known).all()


def save(path, values, shape=(8, 8)):
    Image.fromarray(np.broadcast_to(np.uint8(values), shape)).save(path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("white.png", "All of the mask white.png is white: nothing of the image is known."),
        ("black.png", "Nothing of the mask black.png is white: nothing of the image is missing."),
        (
            "wide.png",
            "MASK must be as large as IMAGE. Received: a mask of 8x9 and an image of 8x8 pixels "
            "(height x width)",
        ),
        ("text.png", "text.png is not a picture"),
        ("none.png", "There is no file or folder none.png."),
        (".", ". is a folder; give one picture."),
    ],
)
def test_masks_that_are_refused(run, implicit_model, tmp_path, name, message):
    save(tmp_path / "a.png", 9)
    save(tmp_path / "white.png", 255)
    save(tmp_path / "black.png", 0)
    save(tmp_path / "wide.png", 0, (8, 9))
    (tmp_path / "text.png").write_text("hello")
    before = sorted(tmp_path.rglob("*"))
    result = run("inpaint", implicit_model, "a.png", "--mask", name, "-o", "x.png")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: {message}")
    assert len(result.stderr.splitlines()) == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_a_picture_of_which_too_little_is_known(run, implicit_model, tmp_path):
    save(tmp_path / "a.png", 9, (80, 80))
    mask = np.full((80, 80), 255)
    mask[41, 43] = 0
    save(tmp_path / "mask.png", mask, (80, 80))
    result = run("inpaint", implicit_model, "a.png", "--mask", "mask.png", "-o", "x.png")
    assert result.exit_code == 1
    assert "nothing is left of it at the model's 8x8 pixels" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["a.png", "--mask", "mask.png", "-o", "folder"], 2, "Received: folder"),
        (["a.png", "--mask", "mask.png", "-o", "-", "--json"], 2, "leave out --json"),
        (["-", "--mask", "-", "-o", "x.png"], 2, "Stdin can be read once"),
        (["a.png", "-o", "x.png"], 2, "Missing option '--mask'"),
        (["a.png", "--mask", "mask.png", "-o", "mask.png"], 1, "mask.png exists already"),
    ],
)
def test_wrong_usage(run, implicit_model, mask, tmp_path, arguments, status, message):
    save(tmp_path / "a.png", 9)
    result = run("inpaint", implicit_model, *arguments)
    assert (result.exit_code, result.stdout) == (status, "")
    assert message in result.stderr


def test_a_model_that_cannot(run, zoo, mask):
    result = run("inpaint", "tiny-conv", "mask.png", "--mask", "mask.png", "-o", "x.png")
    assert result.exit_code == 1
    assert "tiny-conv is a GON and cannot fill in what is missing; implicit" in result.stderr

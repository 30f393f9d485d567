import json

import numpy as np
import pytest
from PIL import Image

import gon_tf
from gon_tf.pictures import GAP, to_uint8


def drawn(folder, picture, size):
    """The 8x8 `picture` at `size` by the model in `folder`."""
    network = gon_tf.load(folder)
    return to_uint8(network.decode(network.encode(picture[None, ..., None]), size=size))[0, ..., 0]


def test_one_picture(run, implicit_model, pictures, tmp_path, pixels):
    arguments = ["superres", implicit_model, pictures / "00.png", "--size", "12x20"]
    result = run(*arguments, "-o", "large.png")
    assert (result.exit_code, result.stdout) == (0, "large.png\n"), result.stderr
    expected = drawn(implicit_model, pixels(pictures / "00.png"), (12, 20))
    assert abs(pixels(tmp_path / "large.png").astype(int) - expected).max() <= 1


def test_a_folder_and_a_grid(run, implicit_model, pictures, tmp_path, pixels):
    arguments = ["superres", implicit_model, pictures, "--size", 16]
    result = run(*arguments, "-o", "large", "--grid", "--json")
    assert result.exit_code == 0, result.stderr
    summary = json.loads(result.stdout)
    assert summary["size"] == [16, 16]
    outputs = [f"large/{number:02}.png" for number in range(12)]
    assert [image["output"] for image in summary["images"]] == outputs
    assert summary["files"] == [*outputs, "large/grid.png"]
    grid = pixels(tmp_path / "large" / "grid.png")
    original = pixels(pictures / "00.png")
    assert (grid[:16, :16] == np.kron(original, np.ones((2, 2), np.uint8))).all()
    below = grid[16 + GAP : 32 + GAP, :16]
    assert (below == pixels(tmp_path / "large" / "00.png")).all()

    assert run(*arguments, "-o", "all.webp").exit_code == 0
    assert pixels(tmp_path / "all.webp").shape[:2] == (3 * (16 + GAP) - GAP, 4 * (16 + GAP) - GAP)


def test_large_pictures_are_drawn_in_pieces(run, implicit_model, pictures, tmp_path, pixels):
    arguments = ["superres", implicit_model, pictures / "00.png", "--size", "2048x1100"]
    assert run(*arguments, "-o", "large.png").exit_code == 0
    assert pixels(tmp_path / "large.png").shape == (2048, 1100)


def test_a_model_that_cannot_says_which_can(run, zoo, implicit_model, pictures, monkeypatch):
    arguments = ["superres", "tiny-conv", pictures, "-o", "x.png"]
    without = run(*arguments)
    assert without.exit_code == 1
    reason = "tiny-conv is a GON and cannot draw pictures at another resolution"
    assert without.stderr == (
        f"Error: {reason}; implicit models can: the zoo has none, gon_tf.ImplicitGON is one.\n"
    )
    monkeypatch.setattr("gon_tf.zoo.list_models", lambda variant: [f"a-{variant}", f"b-{variant}"])
    assert run(*arguments).stderr.endswith("models can: the zoo has a-implicit, b-implicit.\n")


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["pictures", "-o", "x.png", "--size", "big"], 2, "'big' is not a size; write 32"),
        (["pictures", "-o", "x.png", "--size", "5000"], 2, "not between 1 and 4096 pixels a side"),
        (["pictures", "-o", "x.tiff"], 2, "Received: x.tiff"),
        (["nothing.png", "-o", "x.png"], 1, "There is no file or folder nothing.png."),
        (["pictures", "-o", "pictures"], 1, "lies in a folder of the inputs"),
        (
            ["pictures", "-o", "x.png", "--size", "4096"],
            1,
            "12 pictures of 4096x4096 pixels is",
        ),
    ],
)
def test_errors(run, implicit_model, pictures, tmp_path, monkeypatch, arguments, status, message):
    monkeypatch.setattr("gon_tf.cli.arguments.load", lambda name: pytest.fail("loaded"))
    before = sorted(tmp_path.rglob("*"))
    result = run("superres", implicit_model, *arguments)
    assert result.exit_code == status
    assert message in result.stderr
    assert result.stdout == ""
    assert sorted(tmp_path.rglob("*")) == before


def test_a_picture_that_its_format_cannot_hold(run, implicit_model, pictures, tmp_path):
    for i in range(5):
        Image.new("L", (8, 8)).save(tmp_path / f"{i}.png")
    names = [f"{i}.png" for i in range(5)]
    arguments = ["superres", implicit_model, *names, "--size", "1x4000", "--grid"]
    result = run(*arguments, "-o", "x.webp")
    assert result.exit_code == 1
    assert "A WEBP picture has at most 16,383 pixels a side; write a .png file." in result.stderr
    assert not (tmp_path / "x.webp").exists()

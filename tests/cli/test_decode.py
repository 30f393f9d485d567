import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import gon_tf
from gon_tf.cli import main
from gon_tf.pictures import GAP, to_uint8


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


@pytest.fixture
def latents(run, grey_model, pictures):
    """The latents of the twelve pictures, in a.npz."""
    assert run("encode", grey_model, pictures, "-o", "a.npz").exit_code == 0
    with np.load("a.npz") as file:
        return file["latents"]


@pytest.fixture(scope="session")
def implicit_model(tmp_path_factory):
    """Folder of an implicit model of 6x5 RGB pictures."""
    decoder = gon_tf.ImplicitDecoder(channels=3, latent_dim=4, width=8, depth=2)
    folder = tmp_path_factory.mktemp("presets") / "tiny-implicit"
    gon_tf.ImplicitGON(decoder, (6, 5, 3)).save_to_preset(folder)
    return folder


def test_a_picture_each_named_after_its_original(run, grey_model, latents, tmp_path):
    result = run("decode", grey_model, "a.npz", "-o", "out")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines() == [f"out/{i:02}.png" for i in range(12)]
    expected = to_uint8(gon_tf.load(grey_model).decode(latents))
    for i in range(12):
        written = pixels(tmp_path / "out" / f"{i:02}.png").astype(int)
        assert abs(written - expected[i, ..., 0]).max() <= 1


def test_a_grid(run, grey_model, latents, tmp_path):
    result = run("decode", grey_model, "a.npz", "-o", "out.png", "--json")
    assert json.loads(result.stdout)["files"] == ["out.png"]
    grid = pixels(tmp_path / "out.png").astype(int)
    assert grid.shape == (3 * (8 + GAP) - GAP, 4 * (8 + GAP) - GAP)
    last = to_uint8(gon_tf.load(grey_model).decode(latents))[11, ..., 0]
    assert abs(grid[-8:, -8:] - last).max() <= 1


def test_latents_of_the_user_and_any_size(run, implicit_model, tmp_path):
    latents = np.random.default_rng(0).normal(size=(2, 4))
    np.savez(tmp_path / "mine.npz", latents=latents)
    result = run("decode", implicit_model, "mine.npz", "-o", "out", "--size", "9x13")
    assert result.exit_code == 0, result.stderr
    expected = to_uint8(gon_tf.load(implicit_model).decode(latents, size=(9, 13)))
    for i in range(2):
        written = pixels(tmp_path / "out" / f"{i:05}.png").astype(int)
        assert abs(written - expected[i]).max() <= 1


def test_names_never_lead_out_of_the_folder(run, grey_model, tmp_path):
    names = ["/etc/passwd", "../../up.png", "..", "a\\..\\b.png", "x\ny.png", "", "z" * 500]
    np.savez(tmp_path / "evil.npz", latents=np.zeros((7, 4)), names=names)
    result = run("decode", grey_model, "evil.npz", "-o", "out", "--json")
    assert result.exit_code == 0, result.stderr
    stems = ["passwd", "up", "00002", "b", "x_y", "00005", "z" * 100]
    assert json.loads(result.stdout)["files"] == [f"out/{stem}.png" for stem in stems]
    assert {path.name for path in tmp_path.iterdir()} == {"evil.npz", "out"}


@pytest.mark.parametrize(("place", "folder"), [(".", "pictures"), ("pictures", ".")])
def test_originals_are_never_replaced(
    run, grey_model, pictures, tmp_path, monkeypatch, place, folder
):
    assert run("encode", grey_model, "pictures/", "-o", "a.npz").exit_code == 0
    before = {path: path.read_bytes() for path in pictures.iterdir()}
    monkeypatch.chdir(tmp_path / place)
    result = CliRunner().invoke(
        main, ["decode", str(grey_model), str(tmp_path / "a.npz"), "-o", folder, "--overwrite"]
    )
    assert result.exit_code == 1
    assert "00.png is one of the inputs" in result.stderr
    assert before == {path: path.read_bytes() for path in pictures.iterdir()}


def test_latents_of_another_model(run, latents, rgb_model):
    result = run("decode", rgb_model, "a.npz", "-o", "out")
    assert result.exit_code == 1
    assert "a.npz was encoded by another model than" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["tiny-conv", "gone.npz", "-o", "x"], 1, "There is no file gone.npz."),
        (["tiny-conv", "text.npz", "-o", "x"], 1, "text.npz is not a .npz file of plain arrays"),
        (["tiny-conv", "wide.npz", "-o", "x"], 1, "[images, 4], floating point. Received:"),
        (["tiny-conv", "none.npz", "-o", "x"], 1, "none.npz holds no latents."),
        (["tiny-conv", "good.npz", "-o", "old.png"], 1, "old.png exists already"),
        (
            ["tiny-conv", "good.npz", "-o", "x", "--size", "16"],
            1,
            "cannot draw pictures of another size; implicit models can",
        ),
        (["tiny-conv", "good.npz", "-o", "x", "--size", "big"], 2, "'big' is not a size"),
        (["tiny-conv", "good.npz"], 2, "Missing option '-o'"),
    ],
)
def test_errors(run, zoo, tmp_path, arguments, status, message):
    (tmp_path / "text.npz").write_text("text")
    (tmp_path / "old.png").write_text("old")
    for name, shape in {"wide": (2, 5), "none": (0, 4), "good": (2, 4)}.items():
        np.savez(tmp_path / f"{name}.npz", latents=np.zeros(shape))
    result = run("decode", *arguments)
    assert result.exit_code == status
    assert message in result.stderr
    assert result.stdout == ""
    assert not (tmp_path / "x").exists()
    assert (tmp_path / "old.png").read_text() == "old"


def test_a_grid_that_is_too_large(run, implicit_model, tmp_path):
    np.savez(tmp_path / "a.npz", latents=np.zeros((13, 4)))
    result = run("decode", implicit_model, "a.npz", "-o", "x.png", "--size", "4096")
    assert result.exit_code == 1
    assert "A picture of 13 pictures of 4096x4096 pixels is too large" in result.stderr

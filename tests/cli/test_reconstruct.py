import json

import numpy as np
import pytest
from PIL import Image

import gon_tf
from gon_tf.cli.pictures import GAP, to_uint8


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


@pytest.fixture
def expected(grey_model, pictures):
    """The twelve pictures and their reconstructions, in floating point."""
    originals = np.stack([pixels(path) for path in sorted(pictures.iterdir())])[..., None]
    return originals, gon_tf.load(grey_model).reconstruct(originals)


def test_main_job_in_a_process(process, grey_model, pictures, tmp_path, expected):
    command = process("reconstruct", str(grey_model), str(pictures), "-o", "grid.png", "--json")
    with command:
        stdout, stderr = command.communicate()
    assert (command.returncode, stderr) == (0, "")

    results = json.loads(stdout)
    assert results["grid"] == "grid.png"
    originals, reconstructions = expected
    errors = np.square(originals / 255 - reconstructions).sum(axis=(1, 2, 3))
    assert [entry["sse"] for entry in results["images"]] == pytest.approx(errors, rel=1e-4)
    assert results["mean"]["sse"] == pytest.approx(errors.mean(), rel=1e-4)
    psnr = 10 * np.log10(64 / errors)
    assert [entry["psnr"] for entry in results["images"]] == pytest.approx(psnr, rel=1e-4)

    grid = pixels(tmp_path / "grid.png").astype(int)
    assert grid.shape == (6 * (8 + GAP) - GAP, 5 * (8 + GAP) - GAP)
    for i in range(12):
        top, left = 2 * (i // 5) * (8 + GAP), i % 5 * (8 + GAP)
        assert (grid[top : top + 8, left : left + 8] == originals[i, ..., 0]).all()
        below = grid[top + 8 + GAP : top + 16 + GAP, left : left + 8]
        assert abs(below - to_uint8(reconstructions[i, ..., 0])).max() <= 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["grid.png", "pictures"]


def test_a_folder_of_reconstructions(run, grey_model, pictures, expected, tmp_path):
    (pictures / "sub").mkdir()
    Image.open(pictures / "03.png").save(pictures / "sub" / "03.bmp")
    result = run("reconstruct", grey_model, pictures, "-o", "out", "--grid")
    assert result.exit_code == 0, result.stderr
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"grid.png", "03-2.png", *(f"{i:02}.png" for i in range(12))}
    for i in range(12):
        written = pixels(tmp_path / "out" / f"{i:02}.png").astype(int)
        assert abs(written - to_uint8(expected[1][i, ..., 0])).max() <= 1

    header, *rows, mean = result.stdout.splitlines()
    assert header.split() == ["image", "SSE", "PSNR", "output"]
    assert len(rows) == 13
    assert rows[-1].endswith("out/03-2.png")
    assert mean.startswith("mean")
    assert len({line.index("out/") for line in rows}) == 1


def test_one_picture(run, grey_model, pictures, tmp_path):
    arguments = ["reconstruct", grey_model, pictures / "00.png", "-o"]
    assert run(*arguments, "one.png").exit_code == 0
    assert run(*arguments, "grid.png", "--grid").exit_code == 0
    one, grid = pixels(tmp_path / "one.png"), pixels(tmp_path / "grid.png")
    assert one.shape == (8, 8)
    assert (grid[:8] == pixels(pictures / "00.png")).all()
    assert (grid[-8:] == one).all()


def test_pictures_of_every_kind_and_size(run, grey_model, rgb_model, tmp_path):
    Image.new("RGB", (20, 10), (255, 0, 0)).save(tmp_path / "wide.jpg")
    Image.new("P", (8, 8)).save(tmp_path / "palette.png")
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    Image.fromarray(np.full((8, 8), 65535, np.uint16)).save(tmp_path / "deep.png")
    names = ["clear.png", "deep.png", "palette.png", "wide.jpg"]

    result = run("reconstruct", grey_model, *names, "-o", "grey.png")
    assert result.exit_code == 0, result.stderr
    first_row = pixels(tmp_path / "grey.png")[4, 4 :: 8 + GAP]
    assert first_row.tolist() == [255, 255, 0, 76]

    result = run("reconstruct", rgb_model, *names, "-o", "rgb.png")
    assert result.exit_code == 0, result.stderr
    first_row = pixels(tmp_path / "rgb.png")[4, 4 :: 8 + GAP]
    assert first_row.tolist() == [[255] * 3, [255] * 3, [0] * 3, [254, 0, 0]]


def test_a_model_of_the_zoo(run, zoo, pictures):
    result = run("reconstruct", "tiny-conv", pictures / "00.png", "-o", "one.png", "--json")
    assert json.loads(result.stdout)["model"] == "tiny-conv"


def broken_picture(path):
    noise = np.random.default_rng(0).integers(0, 256, (20, 20), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:300])


def test_a_truncated_picture_is_an_error_and_nothing_is_written(run, grey_model, tmp_path):
    broken_picture(tmp_path / "a.jpg")
    Image.new("L", (8, 8)).save(tmp_path / "b.png")
    result = run("reconstruct", grey_model, "b.png", "a.jpg", "-o", "out")
    assert result.exit_code == 1
    assert "a.jpg" in result.stderr
    assert result.stderr.startswith("Error: ")
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tiny-cnv", "a.png", "-o", "x.png"], "did you mean 'tiny-conv'?"),
        ([".", "a.png", "-o", "x.png"], "it has no config.json"),
        (["tiny-conv", "b.png", "-o", "x.png"], "There is no file or folder b.png."),
        (["tiny-conv", "empty", "-o", "x.png"], "holds no pictures"),
        (["tiny-conv", "a.png", "zero.png", "-o", "x.png"], "zero.png is empty"),
        (["tiny-conv", "a.png", "-o", "text.txt/x.png"], "text.txt is a file"),
        (["tiny-conv", "a.png", "-o", "text.txt"], "text.txt is a file"),
        (["tiny-conv", "a.png", "-o", "taken.png"], "taken.png exists already"),
        (["tiny-conv", "a.png", "-o", "a.png", "--overwrite"], "is one of the inputs"),
        (["tiny-conv", "a.png", "-o", ".", "--overwrite"], "is one of the inputs"),
    ],
)
def test_errors_come_before_the_model_is_loaded(
    run, zoo, tmp_path, monkeypatch, arguments, message
):
    monkeypatch.setattr("gon_tf.cli.models.load", lambda name: pytest.fail("loaded"))
    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    Image.new("L", (8, 8)).save(tmp_path / "taken.png")
    (tmp_path / "zero.png").touch()
    (tmp_path / "text.txt").touch()
    (tmp_path / "empty").mkdir()
    before = sorted(tmp_path.rglob("*"))
    result = run("reconstruct", *arguments)
    assert result.exit_code == 1
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["pictures", "-o", "x.gif"], "file, a folder or - (stdout). Received: x.gif"),
        (["pictures", "-o", "-", "--json"], "leave out --json"),
        (["-", "-", "-o", "x.png"], "Stdin can be read once"),
        (["pictures", "-o", "x.png", "--fit", "squeeze"], "'squeeze' is not one of"),
        (["-o", "x.png"], "Missing argument 'IMAGES...'"),
        (["pictures"], "Missing option '-o'"),
    ],
)
def test_wrong_usage(run, zoo, pictures, tmp_path, arguments, message):
    before = sorted(tmp_path.rglob("*"))
    result = run("reconstruct", "tiny-conv", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""
    assert sorted(tmp_path.rglob("*")) == before


def test_overwrite(run, grey_model, pictures, tmp_path):
    (tmp_path / "x.png").write_text("old")
    result = run("reconstruct", grey_model, pictures / "00.png", "-o", "x.png", "--overwrite")
    assert result.exit_code == 0, result.stderr
    assert pixels(tmp_path / "x.png").shape == (8, 8)

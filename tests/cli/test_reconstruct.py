import json
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

import gon_tf
from gon_tf.pictures import GAP, to_uint8


@pytest.fixture
def expected(grey_model, pictures, pixels):
    """The twelve pictures and their reconstructions, in floating point."""
    originals = np.stack([pixels(path) for path in sorted(pictures.iterdir())])[..., None]
    return originals, gon_tf.load(grey_model).reconstruct(originals)


def test_main_job_in_a_process(process, grey_model, pictures, tmp_path, expected, pixels):
    command = process(
        "reconstruct", str(grey_model), str(pictures), "-o", "grid.png", "--zoom", "1", "--json"
    )
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


def test_a_folder_of_reconstructions(run, grey_model, pictures, expected, tmp_path, pixels):
    (pictures / "sub").mkdir()
    Image.open(pictures / "03.png").save(pictures / "sub" / "03.bmp")
    result = run("reconstruct", grey_model, pictures, "-o", "out", "--grid", "--zoom", 1)
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


def test_one_picture(run, grey_model, pictures, tmp_path, pixels):
    arguments = ["reconstruct", grey_model, pictures / "00.png", "-o"]
    assert run(*arguments, "one.png").exit_code == 0
    assert run(*arguments, "grid.png", "--grid", "--zoom", 1).exit_code == 0
    one, grid = pixels(tmp_path / "one.png"), pixels(tmp_path / "grid.png")
    assert one.shape == (8, 8)
    assert (grid[:8] == pixels(pictures / "00.png")).all()
    assert (grid[-8:] == one).all()


def png_16_bit(colour_type, values):
    """A PNG of 8x8 pixels with 16 bits a channel, all of them `values`."""
    row = b"\0" + b"".join(value.to_bytes(2) for value in values) * 8
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", 8, 8, 16, colour_type, 0, 0, 0),
        b"IDAT": zlib.compress(row * 8),
        b"IEND": b"",
    }
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks.items()
    )


def test_pictures_of_every_kind_and_size(run, grey_model, rgb_model, tmp_path, pixels):
    Image.new("RGB", (20, 10), (255, 0, 0)).save(tmp_path / "wide.jpg")
    Image.new("P", (8, 8)).save(tmp_path / "palette.png")
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    Image.new("LA", (8, 8), (0, 102)).save(tmp_path / "veil.webp")
    (tmp_path / "deep.png").write_bytes(png_16_bit(0, [0x80FF]))
    (tmp_path / "deep-rgb.png").write_bytes(png_16_bit(2, [0xFFFF, 0x8000, 0x0000]))
    names = ["clear.png", "deep.png", "deep-rgb.png", "palette.png", "veil.webp", "wide.jpg"]

    result = run("reconstruct", grey_model, *names, "-o", "grey.png", "--grid", "--zoom", 1)
    assert result.exit_code == 0, result.stderr
    first_row = pixels(tmp_path / "grey.png")[4, 4 :: 8 + GAP]
    assert first_row.tolist() == [255, 128, 151, 0, 153, 76]

    result = run("reconstruct", rgb_model, *names, "-o", "rgb.png", "--zoom", 1)
    assert result.exit_code == 0, result.stderr
    first_row = pixels(tmp_path / "rgb.png")[4, 4 :: 8 + GAP]
    colours = [[255] * 3, [128] * 3, [255, 128, 0], [0] * 3, [153] * 3, [254, 0, 0]]
    assert first_row.tolist() == colours


def test_turned_pictures_come_upright(run, grey_model, tmp_path, pixels):
    upright = np.zeros((8, 8), np.uint8)
    upright[:4] = 255
    image = Image.fromarray(np.rot90(upright))
    exif = image.getexif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    image.save(tmp_path / "a.png", exif=exif)
    assert (
        run("reconstruct", grey_model, "a.png", "-o", "x.png", "--grid", "--zoom", 1).exit_code == 0
    )
    assert (pixels(tmp_path / "x.png")[:8] == upright).all()


@pytest.mark.parametrize(("fit", "row"), [("stretch", 0), ("pad", 0), ("crop", 100)])
def test_fit(run, grey_model, tmp_path, pixels, fit, row):
    wide = np.zeros((8, 24), np.uint8)
    wide[:, 8:16] = 100
    Image.fromarray(wide).save(tmp_path / "a.png")
    result = run(
        "reconstruct", grey_model, "a.png", "-o", "x.png", "--grid", "--zoom", 1, "--fit", fit
    )
    assert result.exit_code == 0, result.stderr
    original = pixels(tmp_path / "x.png")[:8]
    assert (original[:, 0] == row).all()
    assert (original[0, 3:5] > 90).all() == (fit != "pad")
    assert (original[4, 3:5] > 50).all()


@pytest.mark.parametrize(("suffix", "kind"), [("jpg", "JPEG"), ("jpeg", "JPEG"), ("webp", "WEBP")])
def test_other_formats(run, grey_model, pictures, tmp_path, pixels, suffix, kind):
    arguments = ["reconstruct", grey_model, pictures]
    assert run(*arguments, "-o", "x.png").exit_code == 0
    result = run(*arguments, "-o", f"x.{suffix}")
    assert result.exit_code == 0, result.stderr
    with Image.open(tmp_path / f"x.{suffix}") as image:
        assert image.format == kind
        difference = np.asarray(image.convert("L")).astype(int) - pixels(tmp_path / "x.png")
    assert abs(difference).max() <= (40 if kind == "JPEG" else 0)


def test_stdin_and_stdout(run, grey_model, pictures, tmp_path, pixels):
    picture = (pictures / "00.png").read_bytes()
    assert run("reconstruct", grey_model, pictures / "00.png", "-o", "x.png").exit_code == 0
    result = run("reconstruct", grey_model, "-", "-o", "-", stdin=picture)
    assert result.exit_code == 0, result.stderr
    assert (pixels(result.stdout_bytes) == pixels(tmp_path / "x.png")).all()
    header, row = result.stderr.splitlines()
    assert header.split() == ["image", "SSE", "PSNR", "output"]
    assert row.split()[0] == row.split()[-1] == "-"

    result = run("reconstruct", grey_model, "-", pictures, "-o", "out", "--json", stdin=picture)
    assert result.exit_code == 0, result.stderr
    first, second = json.loads(result.stdout)["images"][:2]
    assert (first["image"], first["output"]) == ("-", "out/stdin.png")
    assert first["sse"] == pytest.approx(second["sse"], rel=1e-5)


@pytest.mark.parametrize(
    ("stdin", "message"),
    [
        (b"", "Stdin is empty; pictures are"),
        (b"hello", "Stdin is not a picture; pictures are"),
        (png_16_bit(0, [9])[:60], "Stdin is a broken picture"),
    ],
)
def test_stdin_without_a_picture(run, grey_model, tmp_path, stdin, message):
    result = run("reconstruct", grey_model, "-", "-o", "x.png", stdin=stdin)
    assert (result.exit_code, result.stdout) == (1, "")
    assert message in result.stderr
    assert not list(tmp_path.iterdir())


def test_too_much_of_stdin(run, grey_model, monkeypatch):
    monkeypatch.setattr("gon_tf.cli.inputs.MOST_BYTES", 9)
    result = run("reconstruct", grey_model, "-", "-o", "x.png", stdin=b"0123456789")
    assert result.exit_code == 1
    assert result.stderr == "Error: Stdin holds more than 9 bytes; that is no picture.\n"


def test_a_model_of_something_else(run, pictures, tmp_path):
    decoder = gon_tf.ImplicitDecoder(1, latent_dim=2, width=4, depth=1, coordinate_dim=1)
    gon_tf.ImplicitGON(decoder, (20, 1)).save_to_preset(tmp_path / "sounds")
    result = run("reconstruct", "sounds", pictures, "-o", "x.png")
    assert result.exit_code == 1
    assert "sounds is no model of grey or RGB pictures. Received: a model of" in result.stderr


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
    monkeypatch.setattr("gon_tf.cli.arguments.load", lambda name: pytest.fail("loaded"))
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


def test_overwrite(run, grey_model, pictures, tmp_path, pixels):
    (tmp_path / "x.png").write_text("old")
    result = run("reconstruct", grey_model, pictures / "00.png", "-o", "x.png", "--overwrite")
    assert result.exit_code == 0, result.stderr
    assert pixels(tmp_path / "x.png").shape == (8, 8)

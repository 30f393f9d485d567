import json

import numpy as np
import pytest
from PIL import Image

import gon_tf
from gon_tf.pictures import GAP, to_uint8


def test_a_row(run, grey_model, pictures, tmp_path, pixels):
    ends = pictures / "00.png", pictures / "01.png"
    result = run("interpolate", grey_model, *ends, "--steps", 3, "-o", "row.png", "--zoom", 1)
    assert (result.exit_code, result.stdout) == (0, "row.png\n"), result.stderr
    row = pixels(tmp_path / "row.png").astype(int)
    assert row.shape == (8, 3 * 8 + 2 * GAP)
    images = [pixels(end)[..., None] for end in ends]
    expected = to_uint8(gon_tf.load(grey_model).interpolate(*images, steps=3))[..., 0]
    for step in range(3):
        left = step * (8 + GAP)
        assert abs(row[:, left : left + 8] - expected[step]).max() <= 1


def test_the_ends_are_the_reconstructions(run, grey_model, pictures, tmp_path, pixels):
    ends = pictures / "00.png", pictures / "01.png"
    arguments = [
        "interpolate",
        grey_model,
        *ends,
        "--steps",
        12,
        "-o",
        "frames",
        "--grid",
        "--zoom",
        1,
    ]
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    names = [f"frames/step-{step:02}.png" for step in range(1, 13)]
    assert json.loads(result.stdout)["files"] == [*names, "frames/grid.png"]
    assert run("reconstruct", grey_model, *ends, "-o", "ends").exit_code == 0
    for frame, end in [("01", "00"), ("12", "01")]:
        step = pixels(tmp_path / "frames" / f"step-{frame}.png").astype(int)
        assert abs(step - pixels(tmp_path / "ends" / f"{end}.png")).max() <= 1
    assert pixels(tmp_path / "frames" / "grid.png").shape == (16 + GAP, 10 * (8 + GAP) - GAP)


@pytest.mark.parametrize("suffix", ["gif", "webp"])
def test_an_animation(run, grey_model, pictures, tmp_path, suffix):
    ends = pictures / "00.png", pictures / "01.png"
    result = run("interpolate", grey_model, *ends, "-o", f"x.{suffix}")
    assert (result.exit_code, result.stdout) == (0, f"x.{suffix}\n"), result.stderr
    assert run("interpolate", grey_model, *ends, "--steps", 30, "-o", "frames").exit_code == 0
    with Image.open(tmp_path / f"x.{suffix}") as moving:
        assert (moving.n_frames, moving.size) == (58, (280, 280))
        moving.seek(29)
        last = np.asarray(moving.convert("L"))[::35, ::35]
    frame = np.asarray(Image.open(tmp_path / "frames" / "step-30.png"))
    assert abs(last.astype(int) - frame).max() <= 1
    kept = run("interpolate", grey_model, *ends, "-o", f"x.{suffix}")
    assert (kept.exit_code, "exists already" in kept.stderr) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["pictures/00.png", "-o", "x.png"], 2, "Missing argument 'B'"),
        (["-", "-", "-o", "x.png"], 2, "Stdin can be read once"),
        (["pictures/00.png", "pictures/01.png", "-o", "x", "--steps", "1"], 2, "1 is not in the"),
        (["pictures/00.png", "none.png", "-o", "x.png"], 1, "There is no file or folder none.png."),
        (["pictures/00.png", "pictures", "-o", "x.png"], 1, "pictures is a folder; give one"),
        (
            ["pictures/00.png", "pictures/01.png", "-o", "pictures/00.png"],
            1,
            "pictures/00.png exists already; --overwrite replaces it.",
        ),
        (
            ["pictures/00.png", "pictures/01.png", "-o", "pictures/00.png", "--overwrite"],
            1,
            "is one of the inputs",
        ),
    ],
)
def test_errors(run, zoo, pictures, tmp_path, monkeypatch, arguments, status, message):
    monkeypatch.setattr("gon_tf.cli.arguments.load", lambda name: pytest.fail("loaded"))
    before = sorted(tmp_path.rglob("*"))
    result = run("interpolate", "tiny-conv", *arguments)
    assert result.exit_code == status
    assert message in result.stderr
    assert result.stdout == ""
    assert sorted(tmp_path.rglob("*")) == before

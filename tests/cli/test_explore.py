import json

import numpy as np
import pytest
from PIL import Image

from gon_tf import exploration


def test_directions(run, grey_model, tmp_path, pixels):
    result = run("explore", grey_model, "--directions", 2, "-o", "x.png", "--json")
    assert result.exit_code == 0, result.stderr
    facts = json.loads(result.stdout)
    assert (facts["directions"], facts["images"], facts["files"]) == (2, 0, ["x.png"])
    small = run("explore", grey_model, "--directions", 2, "-o", "y.png", "--zoom", 1)
    assert (small.exit_code, small.stdout) == (0, "y.png\n"), small.stderr
    tall = pixels(tmp_path / "y.png").shape[0]
    assert tall == 2 * 8 + 2 + 2 * exploration.MARGIN
    assert pixels(tmp_path / "x.png").shape[0] == 7 * (2 * 8 + 2) + 2 * exploration.MARGIN


def test_a_map_of_a_folder_with_labels(run, rgb_model, tmp_path, pixels):
    for number in range(6):
        place = tmp_path / "photos" / ("cats" if number % 2 else "dogs")
        place.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(number).integers(0, 256, (8, 8, 3), np.uint8)
        Image.fromarray(noise).save(place / f"{number}.png")
    result = run("explore", rgb_model, "photos", "-o", "x.png", "--json")
    assert result.exit_code == 0, result.stderr
    facts = json.loads(result.stdout)
    assert (facts["images"], facts["labels"]) == (6, ["cats", "dogs"])
    assert pixels(tmp_path / "x.png").shape[0] > exploration.SIDE + 2 * exploration.MARGIN
    plain = run("explore", rgb_model, "photos/cats", "-o", "-")
    assert plain.exit_code == 0, plain.stderr
    assert pixels(plain.stdout_bytes).shape[2] == 3


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["tiny-cnv", "-o", "x.png"], 1, "did you mean 'tiny-conv'?"),
        (["tiny-conv", "-o", "x"], 2, "OUT is a .png, .jpg or .webp file, or -. Received: x"),
        (["tiny-conv", "-o", "x.gif"], 2, "OUT is a .png"),
        (["tiny-conv", "-o", "taken.png"], 1, "taken.png exists already"),
        (["tiny-conv", "nowhere/", "-o", "x.png"], 1, "nowhere"),
        (["tiny-conv", "mnits", "-o", "x.png"], 1, "did you mean 'mnist'?"),
        (["tiny-conv", "--directions", "0", "-o", "x.png"], 2, "0 is not in the range"),
        (["tiny-conv"], 2, "Missing option '-o'"),
    ],
)
def test_errors(run, zoo, tmp_path, arguments, status, message):
    (tmp_path / "taken.png").touch()
    result = run("explore", *arguments)
    assert result.exit_code == status
    assert message in result.stderr
    assert result.stdout == ""
    assert not (tmp_path / "x.png").exists()


def test_a_model_whose_prior_is_not_known(run, implicit_model):
    result = run("explore", implicit_model, "-o", "x.png")
    assert result.exit_code == 1
    assert "distribution of the latents is not known yet" in result.stderr

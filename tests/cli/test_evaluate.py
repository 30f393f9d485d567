import json
import shutil

import numpy as np
import pytest
from PIL import Image

import gon_tf
from gon_tf import anomaly


@pytest.fixture
def ranking_model(grey_model, pictures, pixels, tmp_path):
    """Folder of a model that knows the errors of all pictures but the last."""
    folder = shutil.copytree(grey_model, tmp_path / "ranking")
    images = np.stack([pixels(path) for path in sorted(pictures.iterdir())])[..., None]
    metadata = json.loads((folder / "metadata.json").read_text())
    metadata[anomaly.KEY] = anomaly.error_quantiles(gon_tf.load(folder), [images[:-1]])
    (folder / "metadata.json").write_text(json.dumps(metadata))
    return folder


def test_a_ranking(run, ranking_model, pictures):
    Image.new("L", (8, 8), 255).save(pictures / "white.png")
    Image.fromarray(np.eye(8, dtype=np.uint8) * 255).save(pictures / "sub.png")
    arguments = ["evaluate", ranking_model, pictures, "--per-image"]
    result = run(*arguments, "--batch-size", 5, "--json")
    assert result.exit_code == 0, result.stderr
    images = json.loads(result.stdout)["images"]
    assert {image["image"] for image in images} == set(map(str, pictures.iterdir()))
    scores = [image["score"] for image in images]
    assert scores == sorted(scores, reverse=True)
    assert min(scores) == 0.0
    assert max(scores) == 1.0

    # the errors are those of `reconstruct`
    reconstructed = run("reconstruct", ranking_model, pictures, "-o", "out", "--json")
    errors = {image["image"]: image for image in json.loads(reconstructed.stdout)["images"]}
    for image in images:
        assert image["sse"] == pytest.approx(errors[image["image"]]["sse"], rel=1e-4)
        assert image["psnr"] == pytest.approx(errors[image["image"]]["psnr"], rel=1e-4)
    # pictures at or beyond the largest training error come first, by their error
    beyond = [image["sse"] for image in images if image["score"] == 1.0]
    assert beyond == sorted(beyond, reverse=True)
    assert beyond[0] == max(image["sse"] for image in images)

    table = run(*arguments)
    header, first, *rest = table.stdout.splitlines()
    assert header.split() == ["image", "SSE", "PSNR", "score"]
    assert first.startswith(images[0]["image"])
    assert len(rest) == 13


def test_a_ranking_of_a_data_set_by_number(run, ranking_model, pictures, pixels, tmp_path):
    np.save(tmp_path / "made.npy", np.stack([pixels(path) for path in sorted(pictures.iterdir())]))
    arguments = ["evaluate", ranking_model, "made.npy", "--per-image", "--batch-size", 5]
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    images = json.loads(result.stdout)["images"]
    assert sorted(int(image["image"]) for image in images) == list(range(12))
    folder = json.loads(run("reconstruct", ranking_model, pictures, "-o", "x", "--json").stdout)
    for image in images:
        expected = folder["images"][int(image["image"])]["sse"]
        assert image["sse"] == pytest.approx(expected, rel=1e-4)


def test_a_ranking_needs_the_training_errors(run, zoo, pictures, monkeypatch):
    monkeypatch.setattr("gon_tf.cli.arguments.load", lambda name: pytest.fail("loaded"))
    result = run("evaluate", "tiny-conv", pictures, "--per-image")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(
        "Error: tiny-conv does not say how well it reconstructs its training images"
    )
    assert "`gon-tf train` stores that" in result.stderr


def test_a_broken_picture_is_not_ranked(run, ranking_model, pictures):
    (pictures / "05.png").write_text("hello")
    result = run("evaluate", ranking_model, pictures, "--per-image")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "05.png is not a picture" in result.stderr


def test_evaluate_for_people(run, grey_model, pictures):
    result = run("evaluate", grey_model, pictures)
    assert result.exit_code == 0, result.stderr
    values = dict(line.split() for line in result.stdout.splitlines())
    assert values.keys() == {"loss", "sse", "psnr", "ssim", "count"}
    assert values["count"] == "12"


def test_samples(run, grey_model, pictures):
    arguments = ["evaluate", grey_model, pictures, "--samples", 12, "--trained-on", pictures]
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert (found["samples"], found["repeats"], len(found["frechet_of_each"])) == (12, 3, 3)
    assert found["frechet"] > found["frechet_of_training_images"] >= 0
    assert 0 <= found["copies"] <= 1
    assert found["sse"] > 0
    people = run(*arguments, "--repeats", 1)
    values = dict(line.split() for line in people.stdout.splitlines())
    assert values["frechet_deviation"] == "-"
    assert "frechet_of_each" not in values


def test_samples_are_held_against_the_images_of_the_recipe(run, grey_model, pictures, tmp_path):
    folder = shutil.copytree(grey_model, tmp_path / "known")
    metadata = json.loads((folder / "metadata.json").read_text())
    (folder / "metadata.json").write_text(
        json.dumps({**metadata, "recipe": {"dataset": str(pictures)}})
    )
    arguments = ["--samples", 8, "--repeats", 1, "--json"]
    known = run("evaluate", folder, pictures, *arguments)
    named = run("evaluate", grey_model, pictures, *arguments, "--trained-on", pictures)
    assert known.exit_code == 0, known.stderr
    assert json.loads(known.stdout)["frechet"] == json.loads(named.stdout)["frechet"]


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["tiny-conv", "pictures", "--samples", "9", "--per-image"], 2, "not both"),
        (["tiny-conv", "pictures", "--repeats", "2"], 2, "--repeats goes with --samples N"),
        (["tiny-conv", "pictures", "--trained-on", "x"], 2, "--trained-on goes with --samples"),
        (["tiny-conv", "pictures", "--samples", "1"], 2, "1 is not in the range"),
        (["tiny-conv", "pictures", "--samples", "9"], 1, "name the images by --trained-on"),
        (
            ["tiny-conv", "pictures", "--samples", "9", "--trained-on", "nowhere"],
            1,
            "what tiny-conv was trained on (--trained-on DATASET): ",
        ),
        (["tiny-cnv", "pictures"], 1, "did you mean 'tiny-conv'?"),
        (["tiny-conv", "mnits"], 1, "did you mean 'mnist'?"),
        (["tiny-conv", "nowhere/"], 1, "nowhere"),
        (["tiny-conv", "pictures", "--batch-size", "0"], 2, "0 is not in the range"),
        (["tiny-conv"], 2, "Missing argument 'DATASET'"),
    ],
)
def test_errors(run, zoo, pictures, arguments, status, message):
    result = run("evaluate", *arguments)
    assert result.exit_code == status
    assert message in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(("recipe", "fit"), [({"crop": True}, "crop"), ({}, "stretch")])
def test_images_are_fitted_as_in_training(run, ranking_model, tmp_path, recipe, fit):
    (tmp_path / "wide").mkdir()
    for i in range(2):
        pixels = np.random.default_rng(i).integers(0, 256, (8, 16), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "wide" / f"{i}.png")
    metadata = json.loads((ranking_model / "metadata.json").read_text())
    (ranking_model / "metadata.json").write_text(json.dumps({**metadata, "recipe": recipe}))
    expected = run("reconstruct", ranking_model, "wide", "-o", "out", "--fit", fit, "--json")
    errors = [image["sse"] for image in json.loads(expected.stdout)["images"]]
    measured = json.loads(run("evaluate", ranking_model, "wide", "--json").stdout)
    assert measured["sse"] == pytest.approx(np.mean(errors), rel=1e-3)
    ranked = json.loads(run("evaluate", ranking_model, "wide", "--per-image", "--json").stdout)
    assert sorted(image["sse"] for image in ranked["images"]) == pytest.approx(sorted(errors))

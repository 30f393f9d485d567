import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import gon_tf
from gon_tf.training import variants
from gon_tf.training.recipe import Recipe

SMALL = ["--image-size", "8", "--latent-dim", "4", "--filters", "2", "--batch-size", "4"]


def test_train_evaluate_and_train_again(run, pictures, tmp_path):
    options = ["--epochs", "2", "--seed", "3", "--validation", "pictures", "--evaluate", "pictures"]
    trained = run("train", "conv", "pictures", *SMALL, *options, "-o", "model", "--json")
    assert trained.exit_code == 0, trained.stderr
    summary = json.loads(trained.stdout)
    assert "epoch 2/2" in trained.stderr
    assert "Warning" not in trained.stderr

    folder = tmp_path / "model"
    names = {"config.json", "log.csv", "loss.png", "metadata.json", "model.weights.h5", "run.json"}
    names |= {".lock", "reconstructions", "samples"}
    assert {path.name for path in folder.iterdir()} == names
    pictures = ["0001.png", "0002.png"]
    assert sorted(path.name for path in (folder / "samples").iterdir()) == pictures
    assert sorted(path.name for path in (folder / "reconstructions").iterdir()) == pictures
    with (folder / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert {"loss", "sse", "psnr", "val_loss"} <= rows[0].keys()

    metadata = json.loads((folder / "metadata.json").read_text())
    recipe = Recipe.from_json(metadata["recipe"])
    names = {"validation": "pictures", "evaluate": "pictures"}
    expected = Recipe("conv", "pictures", **names, image_size=(8, 8), latent_dim=4, filters=2)
    expected = replace(expected, channels=1, epochs=2, batch_size=4, seed=3)
    expected = variants.complete(expected)
    assert recipe == expected
    assert metadata["metrics"] == {**summary["metrics"], "split": "pictures", "count": 12}
    assert metadata["dataset"]["images"] == 12
    assert metadata["versions"]["gon_tf"] == gon_tf.__version__
    assert summary["parameters"] == metadata["parameters"]

    # the saved model is the one that was measured, and samples
    result = run("evaluate", "model", "pictures", "--json", "--batch-size", "5")
    assert result.exit_code == 0, result.stderr
    measured = json.loads(result.stdout)
    assert measured["count"] == 12
    assert measured["sse"] == pytest.approx(summary["metrics"]["sse"], rel=1e-4)
    assert run("sample", "model", "-o", "samples.png").exit_code == 0

    # the recipe gives the same weights again
    again = run("train", "--recipe", "model", "-o", "again")
    assert again.exit_code == 0, again.stderr
    first, second = gon_tf.load(folder), gon_tf.load(tmp_path / "again")
    for a, b in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert "metrics.sse" in again.stdout


def test_dry_run_prints_the_recipe_and_writes_nothing(run, pictures, tmp_path):
    result = run("train", "conv", "pictures", *SMALL, "--dry-run", "--json", "-o", "model")
    assert result.exit_code == 0, result.stderr
    plan = json.loads(result.stdout)
    assert plan["recipe"]["channels"] == 1
    assert plan["recipe"]["image_size"] == [8, 8]
    assert plan["recipe"]["learning_rate"] == 2e-2
    assert plan["parameters"] > 0
    assert not (tmp_path / "model").exists()


def test_dry_run_decodes_no_more_than_the_first_images(run, tmp_path, monkeypatch):
    monkeypatch.setattr(gon_tf.data, "open_images", None)
    images = np.zeros((21, 8, 8, 4), np.uint8)  # with alpha, which is dropped
    np.save(tmp_path / "a.npy", images[..., :1])
    np.save(tmp_path / "b.npy", images)
    result = run(
        *("train", "conv", "a.npy,b.npy", *SMALL, "--validation-split", "0.5"),
        *("--epochs", "3", "--dry-run", "--json"),
    )
    assert result.exit_code == 0, result.stderr
    plan = json.loads(result.stdout)
    assert plan["recipe"]["channels"] == 3
    assert plan["steps"] == 3 * (21 // 4)


def test_pictures_of_which_some_have_colours(run, tmp_path):
    (tmp_path / "mixed").mkdir()
    for i, mode in enumerate(["L", "L", "RGB", "L"]):
        Image.new(mode, (8, 9)).save(tmp_path / "mixed" / f"{i}.png")
    result = run("train", "conv", "mixed", *SMALL, "--dry-run", "--json")
    assert json.loads(result.stdout)["recipe"]["channels"] == 3


def test_options_win_over_the_recipe(run, pictures, tmp_path):
    recipe = Recipe("conv", "pictures", image_size=(8, 8), batch_size=4, epochs=2, seed=3)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").touch()
    metadata = {"recipe": recipe.to_json()}
    (tmp_path / "model" / "metadata.json").write_text(json.dumps(metadata))
    result = run("train", "--recipe", "model", "--epochs", "7", "--dry-run", "--json")
    assert result.exit_code == 0, result.stderr
    expected = variants.complete(replace(recipe, epochs=7, channels=1))
    assert Recipe.from_json(json.loads(result.stdout)["recipe"]) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "metadata.json is not a JSON object"),
        ('{"recipe": {"variant": "conv"}}', "A recipe needs dataset, image_size."),
        (
            '{"recipe": {"variant": "x", "dataset": "pictures", "image_size": [8, 8]}}',
            "A recipe's variant is one of conv, variational, implicit",
        ),
    ],
)
def test_a_recipe_that_cannot_be_followed(run, tmp_path, text, message):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").touch()
    (tmp_path / "model" / "metadata.json").write_text(text)
    result = run("train", "--recipe", "model", "-o", "again")
    assert result.exit_code == 1
    assert message in result.stderr


def test_config_wins_over_the_recipe_and_options_over_both(run, pictures, tmp_path):
    settings = {"variant": "conv", "dataset": "pictures", "image_size": [8, 8], "crop": True}
    settings |= {"epochs": 3, "batch_size": 4, "clipnorm": None, "channels": 3}
    (tmp_path / "recipe.json").write_text(json.dumps(settings))
    result = run("train", "--config", "recipe.json", "--epochs", "2", "--dry-run", "--json")
    assert result.exit_code == 0, result.stderr
    plan = json.loads(result.stdout)
    expected = {**settings, "epochs": 2}
    assert {name: plan["recipe"][name] for name in settings} == expected
    assert plan["steps"] == 6


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1]", "recipe.json is not a JSON object"),
        ("{", "recipe.json is not a JSON object"),
        ('{"speed": 3}', "recipe.json: A recipe has no 'speed'."),
        ('{"epochs": 0}', "recipe.json: epochs in a recipe must be an integer, x>=1. Received: 0"),
        ('{"epochs": 1.5}', "epochs in a recipe must be an integer, x>=1. Received: 1.5"),
        ('{"damping": NaN}', "damping in a recipe must be a number, x>0. Received: nan"),
        ('{"image_size": [8, 8, 8]}', "image_size in a recipe must be height and width, 1 to 4096"),
        ('{"optimizer": "magic"}', "optimizer in a recipe must be one of adam, adamw, muon"),
        ('{"epochs": 1}', "Give VARIANT and DATASET"),
    ],
)
def test_a_config_that_cannot_be_followed(run, tmp_path, text, message):
    (tmp_path / "recipe.json").write_text(text)
    result = run("train", "--config", "recipe.json", "-o", "model")
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.filterwarnings("default:Cannot read image")
def test_broken_pictures_are_skipped_with_a_warning(run, pictures):
    (pictures / "05.png").write_text("hello")
    result = run("train", "conv", "pictures", *SMALL, "--epochs", "1", "-o", "model")
    assert result.exit_code == 0, result.stderr
    warned = [line for line in result.stderr.splitlines() if line.startswith("Warning")]
    assert len(warned) == 1
    assert "05.png" in warned[0]


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ([], 2, "Give VARIANT and DATASET, or --recipe MODEL."),
        (["conv"], 2, "Give VARIANT and DATASET, or --recipe MODEL."),
        (["conv", "pictures", "--recipe", "x"], 2, "Give VARIANT and DATASET"),
        (
            ["transformer", "pictures", "-o", "model"],
            2,
            "'transformer' is not one of 'conv', 'variational', 'implicit'",
        ),
        (["conv", "pictures"], 2, "Missing option '-o'"),
        (["conv", "pictures", "-o", "model", "--epochs", "0"], 2, "0 is not in the range x>=1"),
        (["conv", "pictures", "-o", "model", "--learning-rate", "0"], 2, "not in the range x>0"),
        (["conv", "pictures", "-o", "model", "--learning-rate", "nan"], 2, "a number, x>0"),
        (["conv", "pictures", "-o", "model", "--damping", "inf"], 2, "a number, x>0"),
        (
            ["conv", "one.npy", "-o", "model", *SMALL, "--batch-size", "1", "--components", "1"],
            1,
            "at least 2 images",
        ),
        (["conv", "pictures", "-o", "model", "--image-size", "big"], 2, "'big' is not a size"),
        (["conv", "pictures", "-o", "model", "--step", "newton"], 2, "is not one of"),
        (["conv", "pictures", "-o", "pictures"], 1, "The folder pictures exists already"),
        (["conv", "pictures", "-o", "pictures/00.png"], 1, "pictures/00.png is a file"),
        (["conv", "pictures", "-o", "model", "--batch-size", "64"], 1, "fewer images (12)"),
        (
            ["conv", "pictures", "-o", "model", "--batch-size", "4", "--activation", "relu"],
            1,
            "elu",
        ),
        (["conv", "pictures", "-o", "model", "--omega", "9"], 1, "conv models have no omega"),
        (["vae", "pictures", "-o", "model", "--step", "gradient"], 1, "vae models have no step"),
        (["conv", "nowhere/", "-o", "model"], 1, "nowhere"),
        (["conv", "mnits", "-o", "model"], 1, "did you mean 'mnist'?"),
        (["conv", "pictures", "-o", "model", *SMALL, "--validation", "nowhere/"], 1, "nowhere"),
        (
            ["conv", "pictures", "-o", "model", "--patience", "2"],
            2,
            "--patience needs --validation or --validation-split",
        ),
        (
            ["conv", "pictures", "-o", "m", "--validation", "a", "--validation-split", "0.1"],
            2,
            "not both",
        ),
        (["conv", "pictures", "-o", "model", "--overwrite", "--resume"], 2, "give one"),
        (
            ["conv", "pictures", "-o", "model", *SMALL, "--validation-split", "0.01"],
            1,
            "A part of 0.01 of 12 images is not one to validate on",
        ),
        (
            ["conv", "pictures", "-o", "m", "--strategy", "mirrored", "--steps-per-execution", "2"],
            2,
            "--steps-per-execution works on a single device only",
        ),
        (["conv", "pictures", "-o", "m", "--strategy", "multiworker"], 1, "TF_CONFIG"),
        (["--resume", "-o", "pictures"], 1, "pictures holds no training that could go on"),
        (["--resume", "-o", "model"], 2, "Give VARIANT and DATASET"),
        (["--recipe", "tiny-cnv", "-o", "model"], 1, "did you mean 'tiny-conv'?"),
        (["--recipe", "tiny-conv", "-o", "model"], 1, "tiny-conv has no recipe"),
    ],
)
def test_errors_come_before_training(run, zoo, pictures, tmp_path, arguments, status, message):
    np.save(tmp_path / "one.npy", np.zeros((1, 8, 8), np.uint8))
    result = run("train", *arguments)
    assert result.exit_code == status
    assert message in result.stderr
    assert result.stdout == ""
    assert not (tmp_path / "model").exists()


def test_a_loss_that_is_not_finite(run, pictures, tmp_path):
    options = ["--learning-rate", "1e30", "--optimizer", "sgd", "--schedule", "constant"]
    result = run("train", "conv", "pictures", *SMALL, *options, "-o", "model")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith("Error: The loss is not finite.")
    assert not (tmp_path / "model" / "config.json").exists()


def test_rgb_and_mixed_precision(run, tmp_path):
    (tmp_path / "colours").mkdir()
    for i in range(4):
        Image.new("RGB", (8, 8), (60 * i, 0, 255)).save(tmp_path / "colours" / f"{i}.png")
    options = ["--epochs", "1", "--precision", "mixed_bfloat16", "--ema", "0.5", "--warmup", "0.5"]
    result = run("train", "conv", "colours", *SMALL, *options, "-o", "model")
    assert result.exit_code == 0, result.stderr
    assert gon_tf.load(tmp_path / "model").image_shape == (8, 8, 3)


@pytest.mark.parametrize(
    ("variant", "options", "metric"),
    [
        ("variational", ["--filters", "2"], "negative_elbo"),
        ("implicit", ["--width", "4", "--depth", "2", "--points-per-step", "16"], "sse"),
        ("autoencoder", ["--filters", "2", "--components", "1"], "sse"),
        ("vae", ["--filters", "2"], "negative_elbo"),
    ],
)
def test_every_variant(run, pictures, tmp_path, variant, options, metric):
    shape = ["--image-size", "8", "--latent-dim", "4", "--batch-size", "4", "--epochs", "1"]
    result = run("train", variant, "pictures", *shape, *options, "-o", "model", "--json")
    assert result.exit_code == 0, result.stderr
    result = run("evaluate", "model", "pictures", "--json")
    assert json.loads(result.stdout)[metric] > 0
    recipe = json.loads((tmp_path / "model" / "metadata.json").read_text())["recipe"]
    assert recipe["latent_dim"] == 4
    assert variants.complete(Recipe.from_json(recipe)) == Recipe.from_json(recipe)


def test_settings_with_a_byte_order_mark(run, pictures, tmp_path):
    settings = {"variant": "conv", "dataset": "pictures", "image_size": "8x16", "batch_size": 4}
    (tmp_path / "recipe.json").write_text(json.dumps(settings), encoding="utf-8-sig")
    result = run("train", "--config", "recipe.json", "--dry-run", "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["recipe"]["image_size"] == [8, 16]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["pictures", "-o", "pictures/model"], "pictures/model lies in the input pictures"),
        (["pictures", "-o", "pictures", "--overwrite"], "pictures is an input"),
        (["pictures", "-o", ".", "--overwrite"], ". holds the input pictures"),
        (["one.npy", "-o", ".", "--overwrite"], ". holds the input one.npy"),
        (["pictures", "--evaluate", "one.npy:x,one.npy", "-o", ".", "--overwrite"], ". holds the"),
        (["pictures", "--config", "x/set.json", "-o", "x", "--overwrite"], "x holds the input"),
        (["pictures", "-o", ""], "It is empty"),
    ],
)
def test_inputs_are_never_written_to(run, pictures, tmp_path, arguments, message):
    np.save(tmp_path / "one.npy", np.zeros((1, 8, 8), np.uint8))
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "set.json").write_text("{}")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    result = run("train", "conv", *arguments, *SMALL)
    assert result.exit_code in (1, 2)
    assert message in result.stderr
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


@pytest.mark.filterwarnings("ignore:The loss has risen")
def test_the_summary_shows_the_epoch_that_was_kept(run, pictures, tmp_path):
    options = ["--validation", "pictures", "--patience", "1", "--epochs", "30"]
    options += ["--learning-rate", "3", "--schedule", "constant", "--pictures-every", "0"]
    result = run("train", "autoencoder", "pictures", *SMALL, *options, "-o", "model", "--json")
    assert result.exit_code == 0, result.stderr
    summary = json.loads(result.stdout)
    with (tmp_path / "model" / "log.csv").open() as file:
        losses = [float(row["val_loss"]) for row in csv.DictReader(file)]
    assert len(losses) == summary["epochs"] < 30
    assert summary["kept_epoch"]["val_loss"] == min(losses)
    assert "last_epoch" not in summary


def test_from_a_model_of_ones_own(run, grey_model, pictures):
    chosen = ("train", "--from", grey_model, "pictures", "--batch-size", "4", "--epochs", "1")
    result = run(*chosen, "--dry-run", "--json")
    assert result.exit_code == 0, result.stderr
    recipe = json.loads(result.stdout)["recipe"]
    assert (recipe["variant"], recipe["dataset"]) == ("conv", "pictures")
    assert recipe["start"] == str(grey_model)
    for more, status, message in (
        (["--latent-dim", "3"], 2, "--from keeps the network of MODEL: leave out --latent-dim."),
        (["--from", ""], 1, "The path of a file or folder must not be empty"),
        (["--recipe", "mnist-conv"], 2, "--from MODEL brings the variant: give DATASET alone."),
    ):
        refused = run(*chosen, *more, "-o", "new")
        assert refused.exit_code == status
        assert message in refused.stderr

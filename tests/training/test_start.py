import functools
import json
import shutil

import numpy as np
import pytest

import gon_tf
from gon_tf.callbacks import Checkpoint
from gon_tf.training import Options, Recipe, build, record, run, start
from gon_tf.training import folder as folders

QUICK = Options(pictures_every=0)


@pytest.fixture
def model(tmp_path):
    """A preset of an untrained model of 8x8 grey pictures."""
    gon = gon_tf.GON(gon_tf.ConvDecoder((8, 8, 1), latent_dim=3, filters=2), damping=0.5)
    gon.save_to_preset(tmp_path / "model")
    return gon


def tuning(folder, tmp_path, **changes):
    values = {"start": str(tmp_path / "model"), "batch_size": 4, "epochs": 1, **changes}
    return Recipe("conv", str(folder), **values)


def test_it_begins_with_the_weights_of_the_model(model, folder, tmp_path):
    job = build.prepare(tuning(folder, tmp_path), QUICK)
    for a, b in zip(job.model.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    recipe = job.recipe
    assert (recipe.latent_dim, recipe.filters, recipe.damping) == (3, 2, 0.5)
    assert (recipe.image_size, recipe.channels) == ((8, 8), 1)


def test_workers_compare_the_models_they_begin_with(model, folder, tmp_path, monkeypatch):
    told = {}

    def tell(strategy, name, values):
        told.setdefault(name, []).append(values)

    monkeypatch.setattr(build.distribute, "check_alike", tell)
    build.prepare(tuning(folder, tmp_path), QUICK)
    model.set_weights([weight + 1 for weight in model.get_weights()])
    model.save_to_preset(tmp_path / "model", overwrite=True)
    build.prepare(tuning(folder, tmp_path), QUICK)
    assert told["recipe"][0] == told["recipe"][1]
    assert told["models for --from"][0] != told["models for --from"][1]


def test_trained_and_resumed(model, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recipe = tuning(folder, tmp_path, start="./model")
    metadata = gon_tf.train(recipe, "tuned", QUICK)
    assert metadata["recipe"]["start"] == "./model"
    assert record.read(tmp_path / "tuned")["recipe"]["start"] == str(tmp_path / "model")
    tuned = gon_tf.load("./tuned")
    assert tuned.latent_dim == 3
    assert not np.array_equal(tuned.get_weights()[0], model.get_weights()[0])
    assert gon_tf.train(recipe, "tuned", QUICK, resume=True) == metadata
    with pytest.raises(ValueError, match="is an input"):
        gon_tf.train(recipe, "model", QUICK, overwrite=True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"latent_dim": 8}, "has latent-dim 3, which --from keeps. Received: 8"),
        ({"start": "mnist-con"}, "mnist-con"),
    ],
)
def test_what_does_not_go_together(model, folder, tmp_path, changes, message):
    with pytest.raises((ValueError, OSError), match=message):
        gon_tf.train(tuning(folder, tmp_path, **changes), tmp_path / "tuned", QUICK)
    assert not (tmp_path / "tuned").exists()


def test_variants(model, tmp_path):
    assert start.variant_of(str(tmp_path / "model")) == "conv"
    with pytest.raises(ValueError, match="is trained as the variant conv. Received: implicit"):
        start.adopt(Recipe("implicit", "x", start=str(tmp_path / "model")))
    config = tmp_path / "model" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "class": "GLO"}))
    with pytest.raises(ValueError, match="--from takes a GON, .* Received: GLO in"):
        start.variant_of(str(tmp_path / "model"))


@pytest.fixture
def small(folder):
    """A recipe of so many epochs, and of what else differs."""
    return functools.partial(
        Recipe, "conv", str(folder), image_size=8, latent_dim=2, filters=2, batch_size=4
    )


def test_more_epochs_for_a_run_that_is_done(small, tmp_path, monkeypatch):
    place = tmp_path / "model"
    first = gon_tf.train(small(epochs=2), place, QUICK)
    with monkeypatch.context() as patched:  # killed at once, the model stays and it goes on
        patched.setattr(run.start, "take_weights", lambda *arguments, **options: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            gon_tf.train(small(epochs=4), place, QUICK, resume=True)
    assert gon_tf.load(place)
    seen = []

    def take(model, *arguments, **options):
        start_weights(model, *arguments, **options)
        seen.append((model.get_weights()[0], int(model.optimizer.iterations)))

    start_weights = start.take_weights
    monkeypatch.setattr(start, "take_weights", take)
    before = gon_tf.load(place).get_weights()[0]
    second = gon_tf.train(small(epochs=4), place, QUICK, resume=True)
    np.testing.assert_array_equal(seen[0][0], before)
    assert seen[0][1] == 2 * 3
    assert (first["epochs"], second["epochs"], second["last_epoch"]["epoch"]) == (2, 4, 4)
    rows = (place / "log.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["epoch", "1", "2", "3", "4"]
    assert gon_tf.train(small(epochs=4), place, QUICK, resume=True) == second
    with pytest.raises(ValueError, match=r"now epochs is 3 \(was 4\)"):
        gon_tf.train(small(epochs=3), place, QUICK, resume=True)


def test_killed_before_the_first_checkpoint_of_more_epochs(small, tmp_path, monkeypatch):
    place = tmp_path / "model"
    gon_tf.train(small(epochs=1), place, QUICK)
    whole = tmp_path / "whole"
    shutil.copytree(place, whole)
    gon_tf.train(small(epochs=3), whole, QUICK, resume=True)
    with monkeypatch.context() as patched:  # when the log has the epoch already
        patched.setattr(Checkpoint, "on_epoch_end", lambda *arguments: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            gon_tf.train(small(epochs=3), place, QUICK, resume=True)
    assert len((place / "log.csv").read_text().splitlines()) == 3
    gon_tf.train(small(epochs=3), place, QUICK, resume=True)
    assert (place / "log.csv").read_text() == (whole / "log.csv").read_text()
    weights = [gon_tf.load(path).get_weights() for path in (place, whole)]
    for a, b in zip(*weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_more_epochs_after_a_kill_in_the_last_moment(small, tmp_path, monkeypatch):
    place = tmp_path / "model"
    with monkeypatch.context() as patched:
        patched.setattr(folders, "clean_finished", lambda folder: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            gon_tf.train(small(epochs=1), place, QUICK)
    assert record.read(place)["finished"]
    assert list((place / "checkpoints").iterdir())
    assert gon_tf.train(small(epochs=2), place, QUICK, resume=True)["epochs"] == 2


def test_killed_while_the_model_of_more_epochs_is_saved(small, tmp_path, monkeypatch):
    place = tmp_path / "model"
    gon_tf.train(small(epochs=1), place, QUICK)

    def save_half(model, folder, **options):
        (folder / "model.weights.h5").unlink()
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(gon_tf.GON, "save_to_preset", save_half)
        with pytest.raises(ZeroDivisionError):
            gon_tf.train(small(epochs=2), place, QUICK, resume=True)
    assert gon_tf.train(small(epochs=2), place, QUICK, resume=True)["epochs"] == 2
    assert gon_tf.load(place)


@pytest.mark.parametrize("text", ["", "epoch,loss\n1,a\n", "epoch,loss\n2,5.0\n", "loss\n5\n"])
def test_more_epochs_need_the_log_of_the_first(small, tmp_path, text):
    place = tmp_path / "model"
    gon_tf.train(small(epochs=1), place, QUICK)
    (place / "log.csv").write_text(text)
    with pytest.raises(
        ValueError, match=r"log.csv must have a row of numbers for each of 1 epochs"
    ):
        gon_tf.train(small(epochs=2), place, QUICK, resume=True)
    assert gon_tf.load(place)


def test_averages_go_on_from_the_weights(small, tmp_path):
    gon_tf.train(small(epochs=1, ema=0.99), tmp_path / "model", QUICK)
    job = build.prepare(small(epochs=2, ema=0.99), QUICK)
    start.take_weights(job.model, tmp_path / "model", steps=3)
    optimizer = job.model.optimizer
    for average, weight in zip(
        optimizer._model_variables_moving_average, job.model.trainable_variables, strict=True
    ):
        np.testing.assert_array_equal(average, weight)

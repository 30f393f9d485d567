import json

import numpy as np
import pytest

import gon_tf
from gon_tf.training import Options, Recipe, build, record, run, start

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


def test_more_epochs_for_a_run_that_is_done(folder, tmp_path, monkeypatch):
    def small(epochs):
        return Recipe(
            "conv", str(folder), image_size=8, latent_dim=2, filters=2, batch_size=4, epochs=epochs
        )

    place = tmp_path / "model"
    first = gon_tf.train(small(2), place, QUICK)
    with monkeypatch.context() as patched:  # killed at once, the model stays and it goes on
        patched.setattr(run.start, "take_weights", lambda *arguments, **options: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            gon_tf.train(small(4), place, QUICK, resume=True)
    assert gon_tf.load(place)
    seen = []

    def take(model, *arguments, **options):
        start_weights(model, *arguments, **options)
        seen.append((model.get_weights()[0], int(model.optimizer.iterations)))

    start_weights = start.take_weights
    monkeypatch.setattr(start, "take_weights", take)
    before = gon_tf.load(place).get_weights()[0]
    second = gon_tf.train(small(4), place, QUICK, resume=True)
    np.testing.assert_array_equal(seen[0][0], before)
    assert seen[0][1] == 2 * 3
    assert (first["epochs"], second["epochs"], second["last_epoch"]["epoch"]) == (2, 4, 4)
    rows = (place / "log.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["epoch", "1", "2", "3", "4"]
    assert gon_tf.train(small(4), place, QUICK, resume=True) == second
    with pytest.raises(ValueError, match=r"now epochs is 3 \(was 4\)"):
        gon_tf.train(small(3), place, QUICK, resume=True)

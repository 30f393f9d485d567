import json
import re
from dataclasses import fields
from pathlib import Path

import keras
import numpy as np
import pytest

import gon_tf
from gon_tf import zoo
from gon_tf.training import Options, Recipe, variants


def test_every_default_belongs_to_a_field_of_the_recipe():
    names = {field.name for field in fields(Recipe)}
    for variant in variants.VARIANTS.values():
        assert variant.defaults.keys() <= names


def test_the_new_variant_of_contributing_trains_saves_and_loads(folder, tmp_path, monkeypatch):
    """All that a variant needs: a function that builds it, and a line of the table."""
    text = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names = {**vars(variants), "gon_tf": gon_tf, "keras": keras, "VARIANTS": {}}
    exec(example, names)
    monkeypatch.setitem(variants.VARIANTS, "slim", names["VARIANTS"]["slim"])
    recipe = Recipe("slim", str(folder), image_size=(8, 8), batch_size=4, epochs=1)
    options = Options(pictures_every=0)
    metadata = gon_tf.train(recipe, tmp_path / "model", options)
    assert metadata["recipe"]["latent_dim"] == 32
    model = gon_tf.load(tmp_path / "model")
    assert isinstance(model, gon_tf.GON)
    assert model.sample(2).shape == (2, 8, 8, 1)
    assert np.isfinite(metadata["error_quantiles"]["1"])


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        (Recipe("conv", "a", image_size=(28, 28)), ("conv", "adam", 2e-2, None)),
        (Recipe("conv", "a", image_size=(32, 40)), ("conv", "adam", 2e-2, None)),
        (Recipe("conv", "a", image_size=(32, 64)), ("residual", "muon", 8e-3, None)),
        (Recipe("conv", "a", image_size=(64, 64), decoder="conv"), ("conv", "adam", 2e-2, None)),
        (Recipe("conv", "a", image_size=(128, 128), decoder="conv"), ("conv", "adam", 5e-3, None)),
        (Recipe("conv", "a", optimizer="nadam"), ("conv", "nadam", 2e-2, None)),
        (Recipe("variational", "a"), ("conv", "muon", 8e-3, None)),
        (Recipe("implicit", "a", image_size=(8, 8)), (None, "muon", 5e-4, 64)),
        (Recipe("implicit", "a", image_size=(64, 48)), (None, "muon", 2e-3, 256)),
        (Recipe("implicit", "a", optimizer="adam"), (None, "adam", 2e-4, 256)),
        (Recipe("autoencoder", "a", image_size=(64, 64)), (None, "adam", 2e-3, None)),
    ],
)
def test_defaults_by_size_and_optimizer(recipe, expected):
    done = variants.complete(recipe)
    found = done.decoder, done.optimizer, done.learning_rate, done.points_per_step
    assert found == expected
    assert variants.complete(done) == done


def test_a_second_step_of_implicit_models_is_for_small_pictures():
    small, large = (Recipe("implicit", "a", image_size=(side, 32)) for side in (40, 64))
    assert variants.complete(small).inner_steps == 2
    assert variants.complete(large).inner_steps == 1


def test_a_residual_decoder_has_no_normalisation():
    recipe = Recipe("conv", "a", image_size=(64, 64), normalization="instance")
    with pytest.raises(ValueError, match="leave out --normalization, or choose --decoder conv"):
        variants.conv_decoder(variants.complete(recipe), (64, 64, 1))


@pytest.mark.parametrize("name", zoo.list_models())
def test_recipes_of_the_zoo_stay_what_they_were(name):
    recorded = json.loads((zoo.folder(name) / "metadata.json").read_text())["recipe"]
    recipe = variants.complete(Recipe.from_json(recorded)).to_json()
    said = {field: value for field, value in recorded.items() if value is not None}
    assert {field: recipe[field] for field in said} == said
    if recipe["variant"] != "implicit":
        assert recipe["decoder"] == recorded.get("decoder", "conv")

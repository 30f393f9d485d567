import re
from dataclasses import fields
from pathlib import Path

import keras
import numpy as np

import gon_tf
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

from dataclasses import fields

import numpy as np

import gon_tf
from gon_tf.training import Options, Recipe, variants


def test_every_default_belongs_to_a_field_of_the_recipe():
    names = {field.name for field in fields(Recipe)}
    for variant in variants.VARIANTS.values():
        assert variant.defaults.keys() <= names


def test_a_new_variant_trains_saves_and_loads(folder, tmp_path, monkeypatch):
    """All that a variant needs: a function that builds it, and a line of the table."""

    def shallow(recipe, image_shape):
        decoder = gon_tf.ConvDecoder(image_shape, recipe.latent_dim, filters=recipe.filters)
        return gon_tf.TiedAutoencoder(decoder)

    defaults = {"latent_dim": 3, "filters": 2, "components": 1, "learning_rate": 1e-3}
    monkeypatch.setitem(variants.VARIANTS, "shallow", variants.Variant(shallow, defaults))
    recipe = Recipe("shallow", str(folder), image_size=(8, 8), batch_size=4, epochs=1)
    options = Options(pictures_every=0)
    metadata = gon_tf.train(recipe, tmp_path / "model", options)
    assert metadata["recipe"]["latent_dim"] == 3
    model = gon_tf.load(tmp_path / "model")
    assert isinstance(model, gon_tf.TiedAutoencoder)
    assert model.sample(2).shape == (2, 8, 8, 1)
    assert np.isfinite(metadata["error_quantiles"]["1"])

"""The figures of samples, on pictures whose figures are known."""

import json

import numpy as np
import pytest

import gon_tf
from benchmarks import sampling


def test_saved_model_has_its_figures(tmp_path, images):
    model = gon_tf.GON(gon_tf.ConvDecoder((8, 8, 1), 2, filters=1), components=2)
    model.fit_latents(images)
    metadata = {"recipe": {"components": 1}, "metrics": {"sse": 1.0}}
    sampling.save(model, tmp_path / "preset", metadata, {"frechet": 3.0})
    saved = json.loads((tmp_path / "preset" / "metadata.json").read_text())
    assert saved["metrics"] == {"sse": 1.0, "frechet": 3.0}
    assert saved["recipe"] == {"components": 2}


def test_refit_changes_nothing_but_the_mixture(images):
    model = gon_tf.GON(gon_tf.ConvDecoder((8, 8, 1), 3, filters=2), damping=0.02)
    model.fit_latents(images)
    refitted = sampling.refit(model, images, components=2)
    assert refitted.prior.components == 2
    assert refitted.damping == 0.02
    np.testing.assert_array_equal(refitted.encode(images), model.encode(images))
    np.testing.assert_array_equal(refitted.reconstruct(images), model.reconstruct(images))
    assert refitted.sample(3).shape == (3, 8, 8, 1)
    again = sampling.refit(refitted, images, components=1)
    np.testing.assert_array_equal(again.prior.means, model.prior.means)


def test_refit_of_a_model_with_a_prior(images):
    with pytest.raises(ValueError, match="VariationalGON samples from the prior"):
        sampling.refit(gon_tf.VariationalGON(gon_tf.ConvDecoder((8, 8, 1), 3)), images, 2)

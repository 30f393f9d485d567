"""The figures of samples, on pictures whose figures are known."""

import json

import numpy as np
import pytest

import gon_tf
from benchmarks import sampling


def test_frechet_distance_of_gaussians():
    draws = np.random.default_rng(0).normal(size=(20_000, 3))
    assert sampling.frechet(draws, draws) == pytest.approx(0, abs=1e-9)
    assert sampling.frechet(draws, draws + np.array([3, 0, 0])) == pytest.approx(9)
    # Of equal axes: the squared difference of the standard deviations, summed.
    assert sampling.frechet(draws, 2 * draws) == pytest.approx(3, rel=0.05)
    rotated = draws * [1, 2, 3]
    assert sampling.frechet(draws, rotated) == pytest.approx(5, rel=0.05)


def test_nearest_distances():
    among = np.random.default_rng(0).integers(0, 256, (50, 4, 4, 1), np.uint8)
    distances = sampling.nearest_distances(among[:7], among)
    np.testing.assert_allclose(distances, 0, atol=1e-5)
    images = np.zeros((3, 4, 4, 1), np.uint8)
    expected = np.sum((among / 255.0) ** 2, axis=(1, 2, 3)).min()
    np.testing.assert_allclose(sampling.nearest_distances(images, among), expected, rtol=1e-4)


@pytest.fixture
def judge(images):
    network = sampling.new_classifier((8, 8, 1), classes=3)
    generator = np.random.default_rng(0)
    train, test = (generator.integers(0, 256, (100, 8, 8, 1), np.uint8) for _ in range(2))
    return sampling.Judge(sampling.feature_network(network), train, test)


def test_copies_of_training_images_are_found(judge):
    generator = np.random.default_rng(1)
    assert judge.figures(judge.train)["copies"] == 1.0
    new = judge.figures(generator.integers(0, 256, (100, 8, 8, 1), np.uint8))
    assert new["copies"] < 0.1
    assert new["nearest_training_image"] == pytest.approx(judge.median, rel=0.1)
    assert new["frechet"] < judge.figures(np.zeros((100, 8, 8, 1), np.uint8))["frechet"]


def test_saved_model_has_its_figures(tmp_path, images):
    model = gon_tf.GON(gon_tf.ConvDecoder((8, 8, 1), 2, filters=1), components=2)
    model.fit_latents(images)
    metadata = {"recipe": {"components": 1}, "metrics": {"sse": 1.0}}
    sampling.save(model, tmp_path / "preset", metadata, {"frechet": 3.0})
    saved = json.loads((tmp_path / "preset" / "metadata.json").read_text())
    assert saved["metrics"] == {"sse": 1.0, "frechet": 3.0}
    assert saved["recipe"] == {"components": 2}


def test_refit_changes_nothing_but_the_mixture(images):
    model = gon_tf.GON(gon_tf.ConvDecoder((8, 8, 1), 3, filters=2), damping=0.02, components=1)
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
    model = gon_tf.VariationalGON(gon_tf.ConvDecoder((8, 8, 1), 3), prior="normal")
    with pytest.raises(ValueError, match="VariationalGON samples from the prior"):
        sampling.refit(model, images, 2)

import json

import numpy as np
import pytest

import gon_tf
from benchmarks import priors


def conv(**options):
    return gon_tf.GON(gon_tf.ConvDecoder((8, 8, 1), 3, filters=2), damping=0.02, **options)


def variational(**options):
    decoder = gon_tf.ConvDecoder((8, 8, 1), 3, filters=2)
    return gon_tf.VariationalGON(decoder, damping=0.5, **options)


@pytest.mark.parametrize("former", [{"components": 1}, {"prior": "normal"}, {}])
@pytest.mark.parametrize("build", [conv, variational])
def test_a_new_prior_changes_nothing_else(images, build, former):
    model = build(**former)
    model.fit_latents(images)
    copy = priors.with_prior(model, components=3, rank=2)
    copy.fit_latents(images)
    assert copy.prior.gaussians().axes.shape == (3, 2, 3)
    assert copy.damping == model.damping
    np.testing.assert_array_equal(copy.reconstruct(images), model.reconstruct(images))


def test_the_saved_model_says_how_it_was_made(tmp_path, images):
    model = conv(prior="local-gaussians", components=3, rank=2)
    model.fit_latents(images, np.arange(len(images)) % 2)
    metadata = {"recipe": {"components": 1, "epochs": 3}, "metrics": {"sse": 1.0}}
    priors.save(model, tmp_path / "preset", metadata, {"frechet": 3.0})
    saved = json.loads((tmp_path / "preset" / "metadata.json").read_text())
    assert saved["metrics"] == {"sse": 1.0, "frechet": 3.0}
    prior = {"prior": "local-gaussians", "components": 3, "rank": 2, "labels": True}
    assert saved["recipe"] == {"epochs": 3, **prior}
    assert gon_tf.load(tmp_path / "preset").labels == ("0", "1")

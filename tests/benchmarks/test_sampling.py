"""The figures of samples, on small models."""

import pytest

import gon_tf
from benchmarks import sampling
from gon_tf import files


@pytest.fixture
def model(images):
    model = gon_tf.GON(
        gon_tf.ConvDecoder((8, 8, 1), 3, filters=2), damping=0.02, prior="mixture", components=1
    )
    model.fit_latents(images)
    return model


def test_models_are_measured_as_they_are_and_with_local_gaussians(model, images, tmp_path):
    rows = sampling.measured(model, images, images[:5], samples=6)
    assert [row["prior"] for row in rows] == ["1 Gaussians", "1 local Gaussians of rank 3"]
    assert [len(sampling.shown(row)) for row in rows] == [5, 5]
    local = gon_tf.GON(gon_tf.ConvDecoder((8, 8, 1), 3, filters=2))
    local.fit_latents(images)
    assert len(sampling.measured(local, images, images[:5], samples=6)) == 1

    path = tmp_path / "samples.json"
    sampling.record(path, "b", rows)
    sampling.record(path, "a", rows[:1])
    sampling.record(path, "b", rows[1:])
    kept = files.read_json(path)
    assert kept["models"] == {"a": rows[:1], "b": rows[1:]}
    files.write_json(path, {**kept, "extractor": "another"})
    with pytest.raises(ValueError, match="has distances in other features; remove it"):
        sampling.record(path, "b", rows)


def test_a_variational_model_draws_from_its_prior_first(images):
    model = gon_tf.VariationalGON(gon_tf.ConvDecoder((8, 8, 1), 3, filters=2))
    rows = sampling.measured(model, images, images[:5], samples=4)
    assert rows[0]["prior"] == "N(0, I)"
    assert "local Gaussians" in rows[1]["prior"]

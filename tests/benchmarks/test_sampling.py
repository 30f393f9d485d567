"""The figures of samples, on small models."""

import pytest

import gon_tf
from benchmarks import sampling
from gon_tf import files


def test_models_are_measured_and_recorded(images, tmp_path):
    model = gon_tf.GON(gon_tf.ConvDecoder((8, 8, 1), 3, filters=2))
    model.fit_latents(images)
    rows = sampling.measured(model, images, images[:5], samples=6)
    assert [row["prior"] for row in rows] == ["1 local Gaussians of rank 3"]
    assert len(sampling.shown(rows[0])) == 7

    path = tmp_path / "samples.json"
    sampling.record(path, "b", [])
    sampling.record(path, "a", rows)
    sampling.record(path, "b", rows)
    kept = files.read_json(path)
    assert kept["models"] == {"a": rows, "b": rows}
    files.write_json(path, {**kept, "extractor": "another"})
    with pytest.raises(ValueError, match="has distances in other features; remove it"):
        sampling.record(path, "b", rows)


def test_a_variational_model_is_measured_with_its_own_prior_too(images):
    model = gon_tf.VariationalGON(gon_tf.ConvDecoder((8, 8, 1), 3, filters=2))
    rows = sampling.measured(model, images, images[:5], samples=4)
    assert [row["prior"] for row in rows] == ["N(0, I)"]
    model.fit_latents(images)
    rows = sampling.measured(model, images, images[:5], samples=4)
    assert [row["prior"][-7:] for row in rows] == [" rank 3", "N(0, I)"]


def test_what_a_mixture_is_called(images):
    model = gon_tf.GON(gon_tf.ConvDecoder((8, 8, 1), 3, filters=2), components=1)
    model.fit_latents(images)
    assert sampling.drawn_from(model) == "1 Gaussians"

import keras
import numpy as np
import pytest

from gon_tf import metrics


@keras.saving.register_keras_serializable("tests")
class Pixels(keras.Layer):
    """The pixels of an image as its features."""

    def call(self, images):
        return keras.ops.reshape(images, (len(images), -1))


def images(count, seed=0, scale=0.1, shift=0.5):
    draws = np.random.default_rng(seed).normal(size=(count, 1, 3, 1))
    return np.clip(draws * scale + shift, 0, 1).astype(np.float32)


def distance(real, generated):
    metric = metrics.FrechetDistance(Pixels(), dtype="float64")
    metric.update_state(real, generated)
    return float(metric.result())


def test_distance_of_known_gaussians():
    draws = images(20_000, scale=0.03)
    assert distance(draws, draws) == pytest.approx(0, abs=1e-9)
    assert distance(draws, draws + 0.1) == pytest.approx(3 * 0.1**2, rel=1e-4)
    # Of equal axes: the squared difference of the standard deviations, summed.
    wider = 2 * (draws - 0.5) + 0.5
    assert distance(draws, wider) == pytest.approx(3 * 0.03**2, rel=0.05)
    stretched = (draws - 0.5) * np.float32([1, 2, 3])[None, None, :, None] + 0.5
    assert distance(draws, stretched) == pytest.approx(5 * 0.03**2, rel=0.05)


def test_batches_of_any_size_together_or_apart_give_one_result():
    real, generated = images(40, seed=1), images(23, seed=2, scale=0.2)
    metric = metrics.FrechetDistance(Pixels(), dtype="float64")
    for part in np.array_split(real, [1, 15]):
        metric.update_state(part)
    for part in np.array_split(generated, [9, 20]):
        metric.update_state(None, part)
    assert float(metric.result()) == pytest.approx(distance(real, generated), rel=1e-9)
    rows = [part.reshape(len(part), -1).astype(np.float64) for part in (real, generated)]
    np.testing.assert_allclose(metric.real.mean, rows[0].mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(metric.generated.covariance, np.cov(rows[1], rowvar=False))

    metric.reset_generated()
    metric.update_state(None, real)
    assert float(metric.result()) == pytest.approx(0, abs=1e-9)
    metric.reset_state()
    metric.update_state(generated, generated)
    assert float(metric.result()) == pytest.approx(0, abs=1e-9)


def test_a_large_mean_costs_no_precision():
    @keras.saving.register_keras_serializable("tests")
    class Far(Pixels):
        def call(self, images):
            return keras.ops.cast(super().call(images), "float64") * 1e-3 + 1e6

    metric = metrics.FrechetDistance(Far(dtype="float64"), dtype="float64")
    real, generated = images(500, scale=0.05), images(500, scale=0.05)
    metric.update_state(real[:250], generated)
    metric.update_state(real[250:])
    assert float(metric.result()) < 1e-9
    expected = np.var(real.reshape(500, -1).astype(np.float64), axis=0, ddof=1) * 1e-6
    np.testing.assert_allclose(np.diag(metric.real.covariance), expected, rtol=1e-2)


@pytest.mark.parametrize("shape", [(8, 8, 1), (32, 32, 3), (40, 50, 1), (5, 9, 4), (28, 28, 2)])
def test_own_features_take_any_size_and_number_of_channels(shape):
    generator = np.random.default_rng(0)
    pictures = generator.integers(0, 256, (6, *shape), np.uint8)
    metric = metrics.FrechetDistance()
    metric.update_state(pictures, pictures[:4] / np.float32(255))
    near = float(metric.result())
    metric.reset_generated()
    metric.update_state(None, np.zeros((4, *shape), np.uint8))
    assert 0 < near < float(metric.result())


def test_own_features_are_deterministic_and_those_of_uint8():
    pictures = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 1), np.uint8)
    extract = metrics.features.Features()
    one = extract(metrics.features.to_unit_range(pictures)).numpy()
    assert one.shape == (3, 64)
    alone = extract(metrics.features.to_unit_range(pictures[:1])).numpy()
    np.testing.assert_allclose(one[:1], alone, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(one, extract(np.float32(pictures) / 255).numpy())


def test_damaged_weights_are_named(monkeypatch, tmp_path):
    copy = tmp_path / "extractor.weights.h5"
    copy.write_bytes(metrics.features.WEIGHTS.read_bytes()[:-1] + b"?")
    monkeypatch.setattr(metrics.features, "WEIGHTS", copy)
    with pytest.raises(ValueError, match="is damaged .its sha256 differs.; install gon-tf again"):
        metrics.features.classifier.__wrapped__()


@pytest.mark.parametrize(
    ("pictures", "message"),
    [
        (np.zeros((2, 8, 8)), r"Images are \[batch, .* Received: the shape \(2, 8, 8\)"),
        (np.full((2, 8, 8, 1), 255.0), r"floating point in \[0, 1\]. Received: values from 255"),
        (np.full((2, 8, 8, 1), np.nan), "Received: values from nan"),
    ],
)
def test_what_is_no_image(pictures, message):
    with pytest.raises(ValueError, match=message):
        metrics.FrechetDistance(Pixels()).update_state(pictures)


def test_extractors_that_give_no_features():
    with pytest.raises(ValueError, match=r"must give features \[batch, width\]. Received: the sha"):
        metrics.FrechetDistance(keras.layers.Identity()).update_state(images(3))
    endless = keras.layers.Lambda(lambda images: images[:, 0, :, 0] / 0.0)
    with pytest.raises(ValueError, match="must give finite features"):
        metrics.FrechetDistance(endless).update_state(images(3))


def test_too_few_images():
    metric = metrics.FrechetDistance(Pixels())
    with pytest.raises(ValueError, match="at least two real and two .* 0 real, 0 generated"):
        metric.result()
    metric.update_state(images(3), images(1))
    with pytest.raises(ValueError, match="Received: 3 real, 1 generated"):
        metric.result()


def test_config_round_trip():
    for extractor in (None, Pixels()):
        metric = metrics.FrechetDistance(extractor, name="other")
        copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
        assert copy.name == "other"
        assert type(copy.extractor) is type(extractor)

import keras
import numpy as np
import pytest
import tensorflow as tf

from gon_tf import metrics

ZEROS = np.zeros((2, 4, 4, 1), np.float32)


def test_sum_squared_error_is_a_mean_over_images():
    metric = metrics.SumSquaredError()
    metric.update_state(ZEROS, ZEROS + 0.5)
    metric.update_state(ZEROS[:1], ZEROS[:1])
    assert float(metric.result()) == pytest.approx((4.0 + 4.0 + 0.0) / 3)


def test_peak_signal_to_noise_by_hand():
    metric = metrics.PeakSignalToNoise()
    metric.update_state(ZEROS, ZEROS + 0.1)
    assert float(metric.result()) == pytest.approx(20.0, abs=1e-4)


def test_peak_signal_to_noise_of_equal_images_is_capped():
    metric = metrics.PeakSignalToNoise()
    metric.update_state(ZEROS, ZEROS)
    assert float(metric.result()) == pytest.approx(100.0, abs=1e-4)


@pytest.mark.parametrize("cls", [metrics.SumSquaredError, metrics.PeakSignalToNoise, metrics.SSIM])
def test_metric_config_round_trip(cls):
    metric = cls(name="other")
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
    assert type(copy) is cls
    assert copy.name == "other"


def noise(*shape):
    return np.random.default_rng(0).random(shape).astype(np.float32)


def test_structural_similarity_is_that_of_tensorflow_and_a_mean_over_images():
    images = noise(3, 16, 20, 3)
    others = np.clip(images + 0.1 * noise(3, 16, 20, 3), 0, 1)
    metric = metrics.SSIM()
    metric.update_state(images[:2], others[:2])
    metric.update_state(images[2:], others[2:])
    expected = tf.image.ssim(images, others, max_val=1.0)
    assert float(metric.result()) == pytest.approx(float(np.mean(expected)), rel=1e-5)


@pytest.mark.parametrize("shape", [(8, 8), (8, 30), (2, 2), (1, 1)])
def test_structural_similarity_of_small_images(shape):
    images = noise(2, *shape, 1)
    metric = metrics.SSIM()
    metric.update_state(images, images)
    assert float(metric.result()) == pytest.approx(1.0, abs=1e-5)
    metric.reset_state()
    metric.update_state(images, 1 - images)
    assert -1.0 <= float(metric.result()) < 0.99


def test_structural_similarity_of_what_is_no_image():
    with pytest.raises(ValueError, match=r"SSIM needs images \[batch, .* Received: the shape"):
        metrics.SSIM().update_state(noise(2, 8), noise(2, 8))

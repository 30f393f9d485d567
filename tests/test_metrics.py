import keras
import numpy as np
import pytest

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


@pytest.mark.parametrize("cls", [metrics.SumSquaredError, metrics.PeakSignalToNoise])
def test_metric_config_round_trip(cls):
    metric = cls(name="other")
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
    assert type(copy) is cls
    assert copy.name == "other"

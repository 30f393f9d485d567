import math

import keras
import numpy as np
import pytest

from gon_tf import metrics


def test_bits_per_dimension():
    metric = metrics.BitsPerDimension()
    metric.update_state(np.zeros((2, 4, 4, 3)), np.array([48.0, 0.0]) * math.log(2.0))
    metric.update_state(np.zeros((1, 4, 4, 3)), np.array([96.0]) * math.log(2.0))
    assert float(metric.result()) == pytest.approx(1.0)


def test_active_units_over_batches():
    generator = np.random.default_rng(0)
    spread = np.array([0.05, 0.09, 0.12, 2.0, 0.0])  # the threshold is a deviation of 0.1
    means = (generator.normal(size=(3000, 5)) * spread + [0, 1, -1, 3, 2]).astype(np.float32)
    metric = metrics.ActiveUnits(5)
    for batch in np.array_split(means, 7):
        metric.update_state(batch)
    assert float(metric.result()) == 2.0
    assert float(metrics.ActiveUnits(5, threshold=0.005).result()) == 0.0
    metric.reset_state()
    assert float(metric.result()) == 0.0


@pytest.mark.parametrize(
    "metric", [metrics.BitsPerDimension(), metrics.ActiveUnits(3, threshold=0.5)]
)
def test_config_round_trip_of_variational_metrics(metric):
    config = keras.saving.serialize_keras_object(metric)
    copy = keras.saving.deserialize_keras_object(config)
    assert copy.get_config() == metric.get_config()

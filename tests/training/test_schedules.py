from dataclasses import replace

import keras
import pytest

import gon_tf
from gon_tf.training import schedules, variants
from gon_tf.training.recipe import Recipe


def test_moments_of_the_optimizer():
    recipe = variants.complete(Recipe("conv", "mnist", beta_1=0.5, beta_2=0.75))
    optimizer = schedules.optimizer(recipe, steps=100)
    assert (optimizer.beta_1, optimizer.beta_2) == (0.5, 0.75)


@pytest.mark.parametrize(
    ("name", "kind"), [("sgd", keras.optimizers.SGD), ("muon", gon_tf.optimizers.Muon)]
)
def test_optimizers_without_moments(name, kind):
    without = variants.complete(Recipe("conv", "mnist", optimizer=name))
    optimizer = schedules.optimizer(without, steps=100)
    assert isinstance(optimizer, kind)
    assert optimizer.weight_decay is None
    with pytest.raises(ValueError, match=f"{name} takes no moments"):
        schedules.optimizer(replace(without, beta_1=0.5), steps=100)


@pytest.mark.parametrize(
    ("changes", "rates"),
    [
        ({}, [1.0, 0.5, 0.0]),
        ({"schedule": "constant"}, [1.0, 1.0, 1.0]),
        ({"warmup": 0.5}, [0.0, 1.0, 0.0]),
        ({"warmup": 0.5, "schedule": "constant"}, [0.0, 1.0, 1.0]),
        ({"schedule": "linear"}, [1.0, 0.5, 0.0]),
        ({"schedule": "linear", "warmup": 0.5}, [0.0, 1.0, 0.0]),
        ({"schedule": "exponential"}, [1.0, 0.1, 0.01]),
    ],
)
def test_learning_rate(changes, rates):
    changes = {"learning_rate": 1.0, "warmup": 0.0, **changes}
    recipe = variants.complete(Recipe("conv", "mnist", **changes))
    schedule = schedules.optimizer(recipe, steps=100)._learning_rate
    assert [float(schedule(step)) for step in (0, 50, 100)] == pytest.approx(rates, abs=1e-6)

import json

import numpy as np
import pytest

from gon_tf.training.recipe import Options, Range, Recipe


def test_round_trip_through_json():
    recipe = Recipe("conv", "mnist:train", image_size=(48, 64), clipnorm=1.0, ema=0.99)
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "needs dataset, image_size, variant"),
        ({"variant": "conv", "dataset": "mnist"}, "needs image_size"),
        ({"variant": "conv", "dataset": "mnist", "image_size": [8, 8], "speed": 3}, "no 'speed'"),
        ([1], "is a JSON object"),
        ({"image_size": [8, 8.5]}, "image_size .* height and width"),
        ({"image_size": [8, 8, 8]}, "image_size .* height and width"),
        ({"image_size": 5000}, "1 to 4096 pixels each. Received: 5000"),
        ({"variant": 3}, "variant in a recipe must be text. Received: 3"),
        ({"epochs": True}, "epochs in a recipe must be an integer, x>=1. Received: True"),
        ({"epochs": 0}, "epochs in a recipe must be an integer"),
        ({"crop": 1}, "crop in a recipe must be true or false"),
        ({"channels": 2}, "channels in a recipe must be one of 1, 3. Received: 2"),
        ({"ema": 1}, "ema in a recipe must be a number, 0<=x<1. Received: 1"),
    ],
)
def test_not_a_recipe(values, message):
    with pytest.raises(ValueError, match=message):
        Recipe.from_json(values)


@pytest.mark.parametrize(
    "values",
    [
        {"damping": float("nan")},
        {"omega": float("inf")},
        {"learning_rate": 0},
        {"validation_split": 0.6},
        {"seed": 2**32},
        {"step": "newton"},
        {"epochs": 1.0},
    ],
)
def test_python_is_held_to_the_ranges_of_the_command(values):
    with pytest.raises(ValueError, match=f"{next(iter(values))} in a recipe must be"):
        Recipe("conv", "mnist", **values)


def test_values_become_plain():
    recipe = Recipe("conv", "mnist", image_size=8, epochs=np.int64(3), damping=np.float32(0.5))
    assert (recipe.image_size, recipe.epochs, recipe.damping) == ((8, 8), 3, 0.5)
    assert (type(recipe.epochs), type(recipe.damping)) == (int, float)
    assert Recipe("conv", "mnist", image_size="48X64").image_size == (48, 64)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"validation": "a", "validation_split": 0.1}, "not both"),
        ({"patience": 2}, "needs --validation"),
    ],
)
def test_fields_that_do_not_go_together(values, message):
    with pytest.raises(ValueError, match=message):
        Recipe("conv", "mnist", **values)


def test_options():
    with pytest.raises(ValueError, match="single device only"):
        Options(strategy="mirrored", steps_per_execution=2)
    with pytest.raises(ValueError, match="strategy in a recipe must be one of single"):
        Options(strategy="tpu")


def test_range():
    assert str(Range(0, 1, high_open=True)) == "0<=x<1"
    assert str(Range(0, low_open=True)) == "x>0"
    assert [x in Range(0, 1, True, True) for x in (0, 0.5, 1)] == [False, True, False]

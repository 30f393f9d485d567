import json

import pytest

from gon_tf.training.recipe import Recipe


def test_round_trip_through_json():
    recipe = Recipe("conv", "mnist:train", image_size=(48, 64), clipnorm=1.0, ema=0.99)
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "needs dataset, image_size, variant"),
        ({"variant": "conv", "dataset": "mnist"}, "needs image_size"),
        ({"variant": "conv", "dataset": "mnist", "image_size": [8, 8], "speed": 3}, "no speed"),
        ([1], "is a JSON object"),
        ({"variant": "conv", "dataset": "mnist", "image_size": 8}, "'image_size' .* cannot be 8"),
        ({"variant": "conv", "dataset": "mnist", "image_size": [8, "8"]}, "cannot be"),
        ({"variant": 3, "dataset": "mnist", "image_size": [8, 8]}, "'variant' .* cannot be 3"),
        (
            {"variant": "conv", "dataset": "mnist", "image_size": [8, 8], "epochs": True},
            "'epochs' in a recipe cannot be True",
        ),
    ],
)
def test_not_a_recipe(values, message):
    with pytest.raises(ValueError, match=message):
        Recipe.from_json(values)

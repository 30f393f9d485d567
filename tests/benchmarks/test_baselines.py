"""What the models of the zoo are compared with."""

import json

import pytest

from benchmarks import baselines
from gon_tf.training.recipe import Recipe
from gon_tf.training.variants import complete


@pytest.mark.parametrize(
    ("variant", "expected"),
    [("conv", "autoencoder"), ("implicit", "autoencoder"), ("variational", "vae")],
)
def test_baseline_has_the_same_decoder_and_epochs(variant, expected):
    recipe = complete(Recipe(variant, "mnist:train", epochs=7, batch_size=32, latent_dim=16))
    found = baselines.baseline(recipe)
    assert found.variant == expected
    assert (found.dataset, found.epochs, found.batch_size) == ("mnist:train", 7, 32)
    assert (found.latent_dim, found.filters, found.loss) == (16, 16, recipe.loss)
    assert found.normalization == "instance"
    assert found.step is None
    assert baselines.baseline(recipe, epochs=2).epochs == 2


def test_trained_baseline_is_a_row_of_the_results(tmp_path, images):
    from PIL import Image

    (tmp_path / "images").mkdir()
    for i, image in enumerate(images):
        Image.fromarray(image.squeeze()).save(tmp_path / "images" / f"{i}.png")
    folder = str(tmp_path / "images")
    sizes = {"image_size": (8, 8), "latent_dim": 2, "filters": 1, "epochs": 1, "batch_size": 5}
    recipe = complete(Recipe("conv", folder, evaluate=folder, **sizes))
    row = baselines.measure(baselines.baseline(recipe), None)
    assert row["metrics"]["count"] == 10
    baselines.keep("tiny-conv", row, tmp_path / "baselines.json")
    baselines.keep("tiny-conv", {**row, "variant": "vae"}, tmp_path / "baselines.json")
    baselines.keep("tiny-conv", row, tmp_path / "baselines.json")
    kept = json.loads((tmp_path / "baselines.json").read_text())
    assert [row["variant"] for row in kept["tiny-conv"]] == ["vae", "autoencoder"]

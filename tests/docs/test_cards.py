"""Cards and results are what the metadata gives; their pictures are there, small and drawn anew."""

import json

import keras
import numpy as np
import pytest
from PIL import Image

import gon_tf
from docs.generate import card_pictures as pictures
from docs.generate import cards, results
from docs.generate.figures import REFERENCES, Reference, last_of_each_source, metrics_of
from docs.generate.markdown import number, table
from gon_tf import zoo

MODELS = cards.read_models()


@pytest.mark.parametrize("path", cards.texts(), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_generated_texts(path):
    assert path.read_text() == cards.texts()[path], "run python -m docs.generate.cards"


@pytest.mark.parametrize("name", MODELS)
def test_pictures_of_the_cards(name):
    height, width, _ = MODELS[name]["image_shape"]
    for file in cards.picture_names(name.rpartition("-")[2]):
        path = zoo.ROOT / name / file
        assert path.stat().st_size <= pictures.MOST_BYTES
        columns, rows, scale = {
            "reconstructions.png": (10, 4, 1),
            "samples.png": (10, 4, 1),
            "interpolation.png": (10, 3, 1),
            "super-resolution.png": (5, 2, 4),
        }[file]
        with Image.open(path) as picture:
            assert picture.size == (
                columns * (scale * width + 2) - 2,
                rows * (scale * height + 2) - 2,
            )


def metadata(**metrics):
    return {
        "description": "a model",
        "image_shape": [4, 4, 1],
        "latent_dim": 2,
        "parameters": 1234,
        "preprocessing": "grey",
        "dataset": {"name": "mnist", "split": "train", "images": 60000},
        "recipe": {"epochs": 3, "components": 5, "width": None},
        "duration_seconds": 7300.0,
        "hardware": "CPU",
        "seed": 0,
        "licence": "MIT",
        "paper": "a | b",
        "versions": {"gon_tf": "1", "keras": "3", "tensorflow": "2"},
        "metrics": {"count": 10, "split": "mnist:test", **metrics},
    }


def test_card_says_what_the_metadata_says():
    text = cards.card("mnist-implicit", metadata(sse=0.08))
    assert text.startswith("# mnist-implicit\n")
    assert "| mean squared error per pixel | 0.005 |" in text
    assert "0.00535 after 100 epochs" in text
    assert "2.0 hours" in text
    assert r"a \| b" in text
    assert "![Held-out images enlarged" in text
    assert "| width |" not in text
    assert "super-resolution" not in cards.card("mnist-conv", metadata(sse=0.08))


def test_card_without_a_licence():
    unlicensed = {key: value for key, value in metadata().items() if key != "licence"}
    with pytest.raises(ValueError, match=r"metadata.json of mnist-conv has no licence"):
        cards.card("mnist-conv", unlicensed)


def test_lowest_figure_is_bold():
    baseline = {**metadata(sse=0.1), "variant": "autoencoder"}
    models = {"mnist-conv": metadata(sse=0.15)}
    text = results.results(models, {"mnist-conv": [baseline]}, {})
    assert "| **this model** | 1,234 | 3 | 0.15 |" in text
    assert "| autoencoder (here) | 1,234 | 3 | **0.1** |" in text
    assert "| published PyTorch code, its own logs |  | 500 | 0.124 |" in text
    assert "| 0.15 (3) | 0.1 | 0.124 (500) | +21.0% |" in text


def test_results_of_samples():
    models = {"mnist-conv": metadata(sse=1.0)}
    assert "Not measured yet" in results.results(models, {}, {})
    figures = {
        "prior": "5 Gaussians",
        "samples": 2000,
        "repeats": 3,
        "frechet": 3.25,
        "frechet_deviation": 0.125,
        "frechet_of_training_images": 0.5,
        "frechet_of_reconstructions": 2.5,
        "copies": 0.012,
        "label_accuracy": 0.91,
        "nearest_training_image": 3.0,
        "nearest_training_image_of_held_out": 2.0,
    }
    text = results.results(models, {}, {"mnist-conv": [figures, {**figures, "prior": "N(0, I)"}]})
    assert "| mnist-conv | 5 Gaussians | 3.25 ± 0.125 | 0.5 | 2.5 | 1.2% | 91.0% | 1.5 |" in text
    assert "| mnist-conv | N(0, I) |" in text
    assert "3 draws of 2,000 samples" in text


def test_a_table_takes_the_place_of_what_is_between_the_marks():
    start, end = cards.MARKS
    assert cards.between_marks(f"a\n{start}old\n{end}b\n", "new\n") == f"a\n{start}new\n{end}b\n"
    table = results.overview({"mnist-implicit": metadata(sse=0.08)})
    row = "| `mnist-implicit` | 4x4 grey, any size | 2 | mean squared error per pixel: 0.005"
    assert f"{row} (3 epochs) | 0.00535 (100 epochs) |" in table


def test_references():
    assert last_of_each_source("mnist-conv") == [REFERENCES["mnist-conv"][-1]]
    assert last_of_each_source("mnist-variational") == REFERENCES["mnist-variational"]
    assert last_of_each_source("unknown") == []
    assert REFERENCES["cifar10-conv"][-1] == Reference(
        7.72, 500, REFERENCES["mnist-conv"][0].source
    )
    assert metrics_of(metadata(sse=16.0))["mse"] == 1.0


def test_markdown():
    assert table(("a", "b"), [("x|y", "1\n2")]) == "| a | b |\n| --- | --- |\n| x\\|y | 1 2 |\n"
    assert [number(value) for value in (None, 1234, 0.12345, 12345.6)] == [
        "",
        "1,234",
        "0.1235",
        "12,346",
    ]


@pytest.mark.parametrize("variant", ["conv", "implicit"])
def test_pictures_are_drawn(tmp_path, images, variant):
    keras.utils.set_random_seed(0)
    if variant == "conv":
        model = gon_tf.GON(gon_tf.ConvDecoder((8, 8, 1), 2, filters=1))
    else:
        model = gon_tf.ImplicitGON(gon_tf.ImplicitDecoder(1, 2, width=4, depth=1), (8, 8, 1))
    model.fit_latents(images)
    model.save_to_preset(tmp_path / "preset")
    (tmp_path / "images").mkdir()
    for i, image in enumerate(images):
        Image.fromarray(image.squeeze()).save(tmp_path / "images" / f"{i}.png")
    split = {"metrics": {"split": str(tmp_path / "images")}}
    pictures.draw(f"tiny-{variant}", tmp_path / "preset", split)
    drawn = {path.name for path in (tmp_path / "preset").glob("*.png")}
    assert drawn == set(cards.picture_names(variant))
    with Image.open(tmp_path / "preset" / "reconstructions.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture)[:8, :8], images[0].squeeze())


def test_pictures_are_small(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (160, 160, 3), np.uint8)
    pictures.write(tmp_path / "noise.png", noise)
    assert (tmp_path / "noise.png").stat().st_size <= pictures.MOST_BYTES
    with pytest.raises(ValueError, match="60,000 are the most"):
        pictures.write(tmp_path / "noise.png", np.tile(noise, (4, 4, 1)) ^ 1)


def test_models_are_found_by_their_config(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "config.json").write_text("{}")
    (tmp_path / "a" / "metadata.json").write_text(json.dumps({"x": 1}))
    (tmp_path / "no-model").mkdir()
    assert cards.read_models(tmp_path) == {"a": {"x": 1}}

"""The figures of samples, on pictures whose figures are known."""

import numpy as np
import pytest

import gon_tf
from gon_tf import sampling


class Drawer:
    """A model whose samples are given."""

    image_shape = (8, 8, 1)

    def __init__(self, pictures):
        self.pictures, self.seeds = pictures, []

    def sample(self, n=1, seed=0):
        self.seeds += range(seed, seed + n)
        return self.pictures[np.arange(seed, seed + n) % len(self.pictures)] / np.float32(255)

    def reconstruct(self, images):
        return images / np.float32(255)


def noise(count, seed):
    return np.random.default_rng(seed).integers(0, 256, (count, 8, 8, 1), np.uint8)


def figures(pictures, **options):
    options = {"samples": 40, "repeats": 2, **options}
    return sampling.measure(Drawer(pictures), noise(60, 1), noise(50, 2), **options)


def test_copies_of_training_images_are_found():
    copied, new = figures(noise(60, 1)), figures(noise(80, 3))
    assert copied["copies"] == 1.0
    assert 0 < copied["frechet_of_reconstructions"] < new["frechet"]
    assert copied["nearest_training_image"] == pytest.approx(0, abs=1e-3)
    assert new["copies"] < 0.1
    held_out = new["nearest_training_image_of_held_out"]
    assert new["nearest_training_image"] == pytest.approx(held_out, rel=0.1)
    black = figures(np.zeros((3, 8, 8, 1), np.uint8))
    assert new["frechet"] < black["frechet"]
    assert new["frechet_of_training_images"] == black["frechet_of_training_images"]


def test_every_repeat_has_seeds_of_its_own():
    model = Drawer(noise(80, 3))
    found = sampling.measure(model, noise(60, 1), noise(50, 2), samples=20, repeats=3)
    assert model.seeds == [0, *range(60)]
    each = found["frechet_of_each"]
    assert len(set(each)) == 3
    assert found["frechet"] == pytest.approx(np.mean(each))
    assert found["frechet_deviation"] == pytest.approx(np.std(each, ddof=1))
    assert figures(noise(9, 3), repeats=1)["frechet_deviation"] is None


def test_memory_does_not_depend_on_the_size_of_images():
    assert sampling.batch_size((8, 8, 1)) == sampling.BATCH
    assert sampling.batch_size((256, 256, 3)) == 85
    assert sampling.batch_size((8192, 8192, 3)) == 1
    large = np.random.default_rng(0).integers(0, 256, (3, 64, 40, 3), np.uint8)
    assert sampling.rows_of(large).shape == (3, 32 * 32 * 3)
    np.testing.assert_allclose(sampling.nearest_distances(large[:2], large), 0, atol=1e-2)


def test_nearest_distances():
    among = noise(50, 0)
    np.testing.assert_allclose(sampling.nearest_distances(among[:7], among), 0, atol=1e-3)
    images = np.zeros((3, 8, 8, 1), np.uint8)
    expected = np.sum((among / 255.0) ** 2, axis=(1, 2, 3)).min()
    np.testing.assert_allclose(sampling.nearest_distances(images, among), expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"samples": 1}, "samples must be an integer >= 2. Received: samples=1"),
        ({"repeats": 0}, "repeats must be an integer >= 1. Received: repeats=0"),
        ({"train": noise(9, 1)[:1]}, r"train must be two or more images.* uint8 \(1, 8, 8, 1\)"),
        ({"held_out": noise(9, 1) / 255}, "held_out must be .* Received: float64"),
        ({"train": noise(9, 1)[:, :4]}, r"uint8 of the shape \(8, 8, 1\). Received"),
    ],
)
def test_what_cannot_be_measured(options, message):
    given = {"train": noise(9, 1), "held_out": noise(9, 2), **options}
    with pytest.raises(ValueError, match=message):
        sampling.measure(Drawer(noise(9, 3)), **given)


def test_a_model_that_cannot_sample_yet_says_so_first(images):
    model = gon_tf.GON(gon_tf.ConvDecoder((8, 8, 1), 2, filters=1))
    with pytest.raises(ValueError, match="distribution of the latents is not known"):
        sampling.measure(model, images, images)

import sys

import numpy as np
import pytest

from gon_tf import latents


def test_gaussian_of_batches_is_that_of_all():
    draws = np.random.default_rng(0).normal(2.0, 3.0, (500, 4)).astype(np.float32)
    draws[:, 1] += draws[:, 0]
    mean, root = latents.fit_gaussian(iter([draws[:100], draws[100:350], draws[350:]]))
    np.testing.assert_allclose(mean, draws.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(root @ root.T, np.cov(draws.T), rtol=1e-4)


def test_gaussian_of_fewer_latents_than_dimensions():
    draws = np.random.default_rng(0).normal(size=(3, 10))
    _, root = latents.fit_gaussian([draws])
    np.testing.assert_allclose(root @ root.T, np.cov(draws.T), atol=1e-6)


def test_gaussian_of_one_latent_is_a_point():
    mean, root = latents.fit_gaussian([np.full((1, 4), 3.0)])
    np.testing.assert_array_equal(mean, np.full(4, 3.0))
    np.testing.assert_array_equal(root, np.zeros((4, 4)))


def test_gaussian_of_nothing():
    with pytest.raises(ValueError, match="at least 1 latent. Received: none"):
        latents.fit_gaussian([])


def test_gaussian_of_nan():
    with pytest.raises(ValueError, match="finite latents"):
        latents.fit_gaussian([np.full((3, 2), np.nan)])


def blobs(count=600):
    """Two thirds around (5, 0, 0), one third, elongated, around (-5, 0, 0)."""
    generator = np.random.default_rng(0)
    draws = generator.normal(size=(count, 3))
    draws[::3] *= [0.1, 2.0, 0.5]
    draws[::3, 0] -= 5.0
    draws[1::3, 0] += 5.0
    draws[2::3, 0] += 5.0
    return draws


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e3])
def test_mixture_recovers_two_blobs_of_any_scale(scale):
    pytest.importorskip("sklearn")
    draws = scale * blobs()
    weights, means, roots = latents.fit_mixture([draws[:100], draws[100:]], components=2)
    order = np.argsort(means[:, 0])
    np.testing.assert_allclose(weights[order], [1 / 3, 2 / 3], rtol=1e-3)
    parts = draws[::3], draws[np.arange(600) % 3 > 0]
    for mean, root, part in zip(means[order], roots[order], parts, strict=True):
        np.testing.assert_allclose(mean, part.mean(axis=0), atol=1e-3 * scale)
        covariance = np.cov(part.T, bias=True)
        np.testing.assert_allclose(root @ root.T, covariance, atol=1e-3 * scale**2)


def test_mixture_of_one_is_the_gaussian():
    draws = blobs()
    weights, means, roots = latents.fit_mixture([draws], components=1)
    np.testing.assert_array_equal(weights, [1.0])
    for one, other in zip((means[0], roots[0]), latents.fit_gaussian([draws]), strict=True):
        np.testing.assert_array_equal(one, other)


def test_same_latents_same_mixture():
    pytest.importorskip("sklearn")
    one, other = (latents.fit_mixture([blobs(60)], components=3) for _ in range(2))
    for array, same in zip(one, other, strict=True):
        np.testing.assert_array_equal(array, same)


def test_mixture_of_too_few_or_of_nan():
    pytest.importorskip("sklearn")
    with pytest.raises(ValueError, match="Received: 5 latents, components=3"):
        latents.fit_mixture([blobs()[:5]], components=3)
    with pytest.raises(ValueError, match="finite latents"):
        latents.fit_mixture([np.full((10, 2), np.nan)], components=2)


def test_mixture_without_scikit_learn(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.mixture", None)
    with pytest.raises(ImportError, match=r'pip install "gon-tf\[mixture\]"'):
        latents.fit_mixture([blobs()], components=2)
    latents.fit_mixture([blobs()], components=1)


@pytest.mark.parametrize("sizes", [[1000], [300, 300, 400], [7] * 142 + [6]])
@pytest.mark.parametrize(("most", "every"), [(2000, 1), (1000, 1), (999, 2), (100, 16)])
def test_rows_are_taken_evenly(sizes, most, every):
    numbers = np.arange(1000.0)[:, None]
    batches = np.split(numbers, np.cumsum(sizes)[:-1])
    np.testing.assert_array_equal(latents.take_evenly(batches, most), numbers[::every])


def test_draws_of_a_mixture_belong_to_their_seeds():
    mixture = (
        np.array([0.25, 0.75]),
        np.array([[-5.0, 0.0], [5.0, 0.0]]),
        np.stack([np.zeros((2, 2)), np.eye(2)]),
    )
    together = latents.mixture_draws(range(400), *mixture)
    np.testing.assert_array_equal(latents.mixture_draws([17], *mixture)[0], together[17])
    still = np.all(together == [-5.0, 0.0], axis=1)
    assert abs(still.mean() - 0.25) < 0.07
    noise = latents.standard_normal(range(400), 2)
    np.testing.assert_allclose(together[~still], noise[~still] + [5.0, 0.0], rtol=1e-6)


def test_a_draw_belongs_to_its_seed():
    together = latents.standard_normal(range(64), 8)
    np.testing.assert_array_equal(latents.standard_normal([17], 8)[0], together[17])
    assert len(np.unique(together[:, 0])) == 64
    assert abs(together.mean()) < 0.2
    assert abs(together.std() - 1.0) < 0.1

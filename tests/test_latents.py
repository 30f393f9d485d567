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


@pytest.mark.parametrize("batches", [[], [np.zeros((1, 4))]])
def test_gaussian_of_too_few(batches):
    with pytest.raises(ValueError, match="at least 2 latents. Received"):
        latents.fit_gaussian(batches)


def test_gaussian_of_nan():
    with pytest.raises(ValueError, match="finite latents"):
        latents.fit_gaussian([np.full((3, 2), np.nan)])


def test_a_draw_belongs_to_its_seed():
    together = latents.standard_normal(range(64), 8)
    np.testing.assert_array_equal(latents.standard_normal([17], 8)[0], together[17])
    assert len(np.unique(together[:, 0])) == 64
    assert abs(together.mean()) < 0.2
    assert abs(together.std() - 1.0) < 0.1


def test_slerp_keeps_the_ends_and_turns_steadily():
    start, end = np.array([2.0, 0.0, 0.0]), np.array([0.0, 0.0, 2.0])
    points = latents.slerp(start, end, 5)
    np.testing.assert_allclose(points[[0, -1]], [start, end], atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 2.0, rtol=1e-6)
    turns = np.sum(points[1:] * points[:-1], axis=1) / 4.0
    np.testing.assert_allclose(turns, np.cos(np.pi / 8), rtol=1e-6)


def test_slerp_changes_length_linearly():
    points = latents.slerp(np.array([1.0, 0.0]), np.array([0.0, 3.0]), 3)
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), [1.0, 2.0, 3.0], rtol=1e-6)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]),
        ([1.0, 2.0, 3.0], [-1.0, -2.0, -3.0]),
        ([0.0, 0.0, 0.0], [1.0, 2.0, 3.0]),
        ([0.0, 0.0, 0.0], [0.0, 0.0, 0.0]),
        ([1.0], [-1.0]),
    ],
    ids=["equal", "opposite", "from zero", "zero", "one dimension"],
)
def test_slerp_survives_degenerate_pairs(start, end):
    points = latents.slerp(np.array(start), np.array(end), 5)
    assert np.all(np.isfinite(points))
    np.testing.assert_allclose(points[[0, -1]], [start, end], atol=1e-6)


def test_slerp_of_opposites_goes_around():
    points = latents.slerp(np.array([1.0, 0.0]), np.array([-1.0, 0.0]), 3)
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1.0, rtol=1e-6)

import numpy as np
import pytest

from gon_tf import latents


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

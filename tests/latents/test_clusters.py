import numpy as np
import pytest

from gon_tf.latents.clusters import k_means, on_grid, principal_axes


def rings(count=900):
    """Three far groups of 5 coordinates, in turn."""
    random = np.random.default_rng(0)
    return random.normal(size=(count, 5)) + 50.0 * np.eye(3, 5)[np.arange(count) % 3]


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_groups_are_found_at_any_scale(scale):
    np.testing.assert_array_equal(k_means(scale * rings(), 3), np.arange(900) % 3)


def test_the_same_points_have_the_same_clusters():
    np.testing.assert_array_equal(k_means(rings(), 20), k_means(rings(), 20))


def test_rounding_changes_no_cluster():
    """What threads do to a sum changes its last bits."""
    noisy = rings() * (1.0 + 1e-15 * np.random.default_rng(1).normal(size=(900, 5)))
    np.testing.assert_array_equal(k_means(rings(), 20), k_means(noisy, 20))


@pytest.mark.parametrize(("points", "clusters"), [(np.zeros((5, 2)), 1), (np.eye(4), 4)])
def test_equal_points_share_a_cluster(points, clusters):
    assert k_means(points, 4).max() + 1 == clusters


def test_products_on_the_grid_are_exact():
    points = on_grid(np.random.default_rng(0).normal(size=(100, 1000)))
    order = np.random.default_rng(1).permutation(1000)
    np.testing.assert_array_equal(points @ points.T, points[:, order] @ points[:, order].T)


@pytest.mark.parametrize("shape", [(300, 20), (15, 20)])
def test_axes_are_those_of_the_covariance(shape):
    points = np.random.default_rng(0).normal(size=shape) * np.linspace(3, 0.1, 20)
    points -= points.mean(axis=0)
    variances = np.linalg.eigvalsh(np.cov(points.T))[::-1][:4]
    axes = principal_axes(points, 4)
    np.testing.assert_allclose(np.sum(axes**2, axis=1), variances, rtol=1e-3)
    np.testing.assert_allclose(np.cov(points.T) @ axes[0], variances[0] * axes[0], rtol=1e-2)


def test_axes_that_are_not_there_are_zero():
    np.testing.assert_array_equal(principal_axes(np.zeros((1, 3)), 2), np.zeros((2, 3)))

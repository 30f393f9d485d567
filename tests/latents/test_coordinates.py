import numpy as np

from gon_tf.latents import Coordinates, pixel_metric


def correlated(count=2000):
    random = np.random.default_rng(0)
    return random.normal(size=(count, 4)) @ random.normal(size=(4, 4)) + [1.0, 2.0, 3.0, 4.0]


def fitted(latents, jacobian):
    return Coordinates.fit(latents.mean(axis=0), np.cov(latents.T), jacobian.T @ jacobian)


def test_distances_are_those_of_pictures():
    """Of a linear decoder exactly, if all its directions are kept."""
    latents, jacobian = correlated(), np.random.default_rng(1).normal(size=(30, 4))
    coordinates = fitted(latents, jacobian)
    points = coordinates.of(latents[:9]) * coordinates.scales
    offsets = points[1:] - points[0]
    pictures = (latents[1:9] - latents[0]) @ jacobian.T
    np.testing.assert_allclose(
        np.linalg.norm(offsets, axis=1), np.linalg.norm(pictures, axis=1), rtol=1e-4
    )


def test_there_and_back():
    latents = correlated()
    coordinates = fitted(latents, np.random.default_rng(1).normal(size=(30, 4)))
    back = coordinates.latents(coordinates.of(latents))
    np.testing.assert_allclose(back, latents, rtol=1e-4, atol=1e-4)


def test_coordinates_are_in_standard_deviations_and_scales_fall():
    latents = correlated()
    coordinates = fitted(latents, np.random.default_rng(1).normal(size=(30, 4)))
    np.testing.assert_allclose(np.cov(coordinates.of(latents).T), np.eye(4), atol=1e-4)
    assert (np.diff(coordinates.scales) <= 0).all()


def test_what_moves_no_pixel_is_left_out():
    jacobian = np.diag([3.0, 0.0, 1.0, 1e-4])
    coordinates = fitted(np.random.default_rng(0).normal(size=(500, 4)), jacobian)
    assert coordinates.directions.shape == (2, 4)
    assert np.abs(coordinates.directions[:, [1, 3]]).max() < 0.1


def test_one_image_has_one_direction_of_no_length():
    coordinates = Coordinates.fit(np.ones(3), np.zeros((3, 3)), np.eye(3))
    np.testing.assert_array_equal(coordinates.directions, np.zeros((1, 3)))
    np.testing.assert_array_equal(coordinates.of(np.ones((2, 3))), np.zeros((2, 1)))


def test_the_metric_of_a_linear_decoder():
    jacobian = np.random.default_rng(1).normal(size=(30, 4))

    def pull(latents, random):
        return random.choice([-1.0, 1.0], (len(latents), 30)) @ jacobian

    metric = pixel_metric(pull, np.zeros((7, 4)), pixels=30, together=100)
    np.testing.assert_allclose(metric, jacobian.T @ jacobian, atol=0.1 * np.trace(metric))

import numpy as np
import pytest
import tensorflow as tf

from gon_tf import losses

LOSSES = [losses.SquaredError(), losses.CrossEntropy()]


@pytest.fixture(params=LOSSES, ids=lambda loss: loss.name)
def loss(request):
    return request.param


@pytest.fixture
def outputs():
    return tf.random.stateless_normal((3, 4, 4, 2), [1, 2]) * 2.0


@pytest.fixture
def images():
    return tf.random.stateless_uniform((3, 4, 4, 2), [3, 4])


def test_derivative_and_curvature_are_those_of_the_loss(loss, outputs, images):
    with tf.GradientTape() as outer:
        outer.watch(outputs)
        with tf.GradientTape() as inner:
            inner.watch(outputs)
            value = tf.reduce_sum(loss(outputs, images))
        derivative = inner.gradient(value, outputs)
    curvature = outer.gradient(derivative, outputs)
    np.testing.assert_allclose(loss.derivative(outputs, images), derivative, rtol=1e-4, atol=1e-6)
    if curvature is None:  # TensorFlow does not see through the constant second derivative
        curvature = tf.fill(outputs.shape, 2.0)
    np.testing.assert_allclose(loss.curvature(outputs), curvature, rtol=1e-4, atol=1e-6)


def test_derivative_is_affine_in_the_image_with_the_stated_slope(loss, outputs, images):
    difference = loss.derivative(outputs, images) - loss.derivative(outputs, images + 0.25)
    np.testing.assert_allclose(difference, np.full(outputs.shape, 0.25 * loss.slope), atol=1e-5)


def test_squared_error_by_hand():
    value = losses.SquaredError()(tf.fill((2, 3, 3, 1), 0.5), tf.zeros((2, 3, 3, 1)))
    np.testing.assert_allclose(value, [2.25, 2.25])


def test_cross_entropy_by_hand():
    probability, pixel = 0.8, 0.3
    logit = np.log(probability / (1 - probability)).astype(np.float32)
    value = losses.CrossEntropy()(tf.fill((1, 1, 1, 1), logit), tf.fill((1, 1, 1, 1), pixel))
    expected = -(pixel * np.log(probability) + (1 - pixel) * np.log(1 - probability))
    np.testing.assert_allclose(value, [expected], rtol=1e-6)


def test_cross_entropy_is_finite_for_certain_outputs():
    value = losses.CrossEntropy()(tf.constant([[-200.0, 200.0]]), tf.constant([[1.0, 0.0]]))
    np.testing.assert_allclose(value, [400.0])


def test_unknown_loss():
    with pytest.raises(ValueError, match=r"one of \['cross_entropy', 'squared_error'\], a func"):
        losses.get("mean")


def pictures(seed, shift=0.0, count=64):
    return shift + np.random.default_rng(seed).random((count, 6, 5, 1)).astype(np.float32)


def test_energy_distance_by_hand():
    x, y = pictures(0, count=3), pictures(1, count=4)
    expected = 0.0
    for side in (1, 2, 4):
        a, b = (
            side * tf.nn.avg_pool2d(images, side, side, "SAME").numpy().reshape(len(images), -1)
            for images in (x, y)
        )
        distances = [np.linalg.norm(p[:, None] - q, axis=2) for p, q in ((a, b), (a, a), (b, b))]
        expected += 2 * distances[0].mean() - distances[1].sum() / 6 - distances[2].sum() / 12
    assert float(losses.energy_distance(x, y)) == pytest.approx(expected, abs=2e-3)


def test_energy_distance_is_near_zero_for_one_distribution_alone():
    same = [losses.energy_distance(pictures(2 * i), pictures(2 * i + 1)) for i in range(20)]
    assert abs(np.mean(same)) < 0.01
    assert losses.energy_distance(pictures(0), pictures(1, shift=0.3)) > 1.0


@pytest.mark.parametrize("count", [1, 2])
def test_energy_distance_of_few_and_of_equal_pictures_has_a_gradient(count):
    samples = tf.Variable(tf.zeros((count, 4, 4, 1)))
    with tf.GradientTape() as tape:
        loss = losses.energy_distance(samples, tf.ones((1, 4, 4, 1)))
    gradient = tape.gradient(loss, samples)
    assert np.all(np.isfinite(gradient))
    assert np.all(np.asarray(gradient) < 0)  # towards the white picture

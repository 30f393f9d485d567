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

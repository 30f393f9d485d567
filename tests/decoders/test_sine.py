import numpy as np
import pytest
import tensorflow as tf

from gon_tf.decoders import sine as sines

ANGLES = np.linspace(-300.0, 300.0, 6006, dtype=np.float32).reshape(2, 3, -1)


# As in training: in a graph.
sine = tf.function(sines.sine, reduce_retracing=True)


@pytest.mark.parametrize("quarters", range(4))
def test_polynomial_is_the_sine_at_any_number_of_quarter_turns(quarters):
    expected = np.sin(ANGLES.astype(np.float64) + quarters * np.pi / 2)
    np.testing.assert_allclose(sines.polynomial_sine(ANGLES, quarters), expected, atol=2e-7)


@pytest.mark.parametrize("size", [0.0, 1e-6, 1e4, 2e5])
def test_small_and_large_angles(size):
    angles = np.float32(size) * np.linspace(-1.0, 1.0, 999, dtype=np.float32)
    np.testing.assert_allclose(sine(angles), np.sin(angles.astype(np.float64)), atol=5e-7)


def test_angles_that_are_not_finite_have_no_sine():
    assert np.all(np.isnan(sine(tf.constant([np.inf, -np.inf, np.nan]))))


def derivatives(function, order):
    """The derivative of an order by that many tapes."""
    if order == 0:
        return function

    def derivative(angles):
        with tf.GradientTape() as tape:
            tape.watch(angles)
            values = derivatives(function, order - 1)(angles)
        return tape.gradient(values, angles)

    return derivative


@pytest.mark.parametrize("order", range(4))
def test_derivatives_of_any_order(order):
    angles = tf.constant(ANGLES)
    found = tf.function(derivatives(sines.sine, order))(angles)
    np.testing.assert_allclose(found, derivatives(tf.sin, order)(angles), atol=1e-6)


def test_graphs_alone_are_compiled():
    """What is compiled for a shape must be used again, and what is exported be plain."""
    np.testing.assert_array_equal(sines.sine(ANGLES), tf.sin(ANGLES))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_is_computed_in_float32(dtype):
    angles = tf.cast(ANGLES, dtype)
    found = sine(angles)
    assert found.dtype == angles.dtype
    expected = tf.sin(tf.cast(angles, tf.float32))
    digits = 8 if dtype == "bfloat16" else 11
    np.testing.assert_allclose(tf.cast(found, tf.float32), expected, rtol=2.0**-digits, atol=1e-6)


def test_shapes_that_are_not_known_in_advance():
    gradient = derivatives(sines.sine, 1)
    function = tf.function(gradient, input_signature=[tf.TensorSpec([None, 2])])
    for rows in (1, 3):
        angles = ANGLES.reshape(-1, 2)[:rows]
        np.testing.assert_allclose(function(angles), np.cos(angles), atol=1e-6)


def test_a_static_shape_is_kept():
    for shape in ([2, 3], [4, 5], [None, 7]):
        function = tf.function(sines.sine, input_signature=[tf.TensorSpec(shape)])
        assert function.get_concrete_function().output_shapes == tf.TensorShape(shape)


def test_runs_on_every_call_alike():
    np.testing.assert_array_equal(sine(ANGLES), sine(ANGLES))

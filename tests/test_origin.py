"""The origin against the nested tape, and both against plain linear algebra."""

import numpy as np
import pytest
import tensorflow as tf

from gon_tf import ConvDecoder, ImplicitDecoder, ImplicitGON, losses
from gon_tf.decoders.derivatives import network_of
from gon_tf.origin import Network, Origin, Step, flatten, solve_positive_definite

from .nested import nested, repeated

LATENTS, BATCH = 6, 5
STEPS = {
    "gradient": Step(0.01),
    "gauss-newton": Step(damping=0.01),
    "gauss-newton, half, absolute": Step(0.5, 1.0, relative=False),
}
LOSSES = {"squared_error": losses.SquaredError(), "cross_entropy": losses.CrossEntropy()}


@pytest.fixture(params=LOSSES)
def loss(request):
    return LOSSES[request.param]


@pytest.fixture(params=STEPS)
def step(request):
    return STEPS[request.param]


@pytest.fixture
def decoder():
    decoder = ConvDecoder((8, 8, 1), LATENTS, filters=3)
    # At initialisation the last bias decides all; move the weights to where they matter.
    for weight in decoder.trainable_weights:
        weight.assign(weight * 3.0)
    return decoder


@pytest.fixture(params=["by differentiation", "by the decoder"])
def network(request, decoder, loss):
    known = network_of(decoder, logits=loss.name == "cross_entropy")
    return known if request.param == "by the decoder" else Network(known)


@pytest.fixture
def z0():
    return tf.random.stateless_normal((1, LATENTS), [3, 4]) * 0.1


@pytest.fixture
def batch():
    return tf.random.stateless_uniform((BATCH, 8, 8, 1), [1, 2])


def relative_error(value, reference):
    return np.abs(value - reference).max() / np.abs(reference).max()


def assert_same_training(encode, reference, network, decoder, loss, batch, tolerance=1e-4):
    """Same latents, and same gradients of the weights through them."""

    def result(function):
        with tf.GradientTape() as tape:
            latents = function()
            outer_loss = tf.reduce_mean(loss(network(latents), batch))
        return latents, *tape.gradient(outer_loss, decoder.trainable_weights)

    for value, expected in zip(result(encode), result(reference), strict=True):
        assert relative_error(value, expected) < tolerance


def test_one_origin_for_all_is_the_nested_tape(network, decoder, loss, step, z0, batch):
    def shared():
        return Origin.at(network, z0, loss, step).latents(batch)

    def by_tape():
        precision = Origin.at(network, z0, loss, step).precision
        return nested(network, repeated(z0, batch), batch, loss, step, None, precision)

    assert_same_training(shared, by_tape, network, decoder, loss, batch)


def test_an_origin_for_each_image_is_the_nested_tape(network, decoder, loss, step, z0, batch):
    points = repeated(z0, batch)

    def own():
        return Origin.at(network, points, loss, step).latents(batch)

    def by_tape():
        precision = Origin.at(network, points, loss, step).precision
        return nested(network, points, batch, loss, step, None, precision)

    assert_same_training(own, by_tape, network, decoder, loss, batch)


@pytest.mark.parametrize("images_in_batch", [2, 50], ids=["cotangents", "tangents"])
def test_gradient_step_by_either_mode(network, loss, z0, images_in_batch):
    batch = tf.random.stateless_uniform((images_in_batch, 8, 8, 1), [1, 2])
    origin = Origin.at(network, z0, loss, Step(0.01), images=images_in_batch)
    assert (origin.jacobian is None) == (images_in_batch == 2)
    by_tape = nested(network, repeated(z0, batch), batch, loss, Step(0.01))
    assert relative_error(origin.latents(batch), by_tape) < 1e-4


def test_fold_is_the_step_from_the_origin(network, loss, step, z0, batch):
    origin = Origin.of_jacobian(z0, *network.jacobian(z0), loss, step)
    kernel, bias = origin.fold()
    assert kernel.shape == (64, LATENTS)
    folded = tf.matmul(flatten(batch), kernel) + bias
    assert relative_error(folded, origin.latents(batch)) < 1e-4
    assert relative_error(origin.constant().latents(batch), origin.latents(batch)) < 1e-4


def test_jacobian_is_that_of_reverse_mode(network, z0):
    points = tf.concat([z0, z0 + 0.5], axis=0)
    with tf.GradientTape() as tape:
        tape.watch(points)
        outputs = flatten(network(points))
    expected = tf.transpose(tape.batch_jacobian(outputs, points), [0, 2, 1])
    values, jacobian = network.jacobian(points)
    assert relative_error(jacobian, expected) < 1e-5
    assert relative_error(flatten(values), outputs) < 1e-5


def test_gauss_newton_step_is_the_damped_solution(network, loss, z0, batch):
    outputs, jacobian = network.jacobian(z0)
    jacobian = jacobian[0].numpy().astype(np.float64)
    curvature = flatten(loss.curvature(outputs))[0].numpy().astype(np.float64)
    gradients = flatten(loss.derivative(outputs, batch)).numpy() @ jacobian.T
    matrix = jacobian * curvature @ jacobian.T
    matrix += 0.3 * np.trace(matrix) / LATENTS * np.eye(LATENTS)
    expected = z0 - 0.5 * np.linalg.solve(matrix, gradients.T).T
    origin = Origin.at(network, z0, loss, Step(size=0.5, damping=0.3))
    assert relative_error(origin.latents(batch), expected) < 1e-4


def test_gauss_newton_solves_a_linear_network_in_one_step():
    weights = tf.random.stateless_normal((LATENTS, 12), [5, 6])
    truth = tf.random.stateless_normal((BATCH, LATENTS), [7, 8])
    network = Network(lambda z: z @ weights)
    step = Step(damping=1e-6)
    origin = Origin.at(network, tf.zeros((1, LATENTS)), losses.SquaredError(), step)
    np.testing.assert_allclose(origin.latents(truth @ weights), truth, atol=1e-3)


def test_penalty_is_part_of_the_inner_loss(network, loss, step, z0, batch):
    def penalty(latents):
        return latents - 1.0

    without = Origin.of_jacobian(z0, *network.jacobian(z0), loss, step)
    origin = Origin.of_jacobian(z0, *network.jacobian(z0), loss, step, penalty)
    points = repeated(z0, batch)
    by_tape = nested(network, points, batch, loss, step, penalty, origin.precision)
    kernel, bias = origin.fold()
    assert relative_error(origin.latents(batch), by_tape) < 1e-4
    assert relative_error(tf.matmul(flatten(batch), kernel) + bias, by_tape) < 1e-4
    assert relative_error(without.latents(batch), by_tape) > 1e-3


def test_covariance_is_that_of_the_laplace_approximation(network, loss, z0):
    origin = Origin.at(network, z0, loss, Step(damping=1.0, relative=False))
    jacobian = origin.jacobian[0].numpy().astype(np.float64)
    curvature = flatten(loss.curvature(origin.outputs)).numpy()
    root = origin.covariance_root().numpy()
    np.testing.assert_array_equal(root, np.tril(root))
    precision = jacobian * curvature @ jacobian.T + np.eye(LATENTS)
    np.testing.assert_allclose(root.T @ root, np.linalg.inv(precision), atol=1e-5)


@pytest.mark.parametrize("chord", [True, False])
def test_a_further_step_is_that_of_the_nested_tape(network, decoder, loss, step, z0, batch, chord):
    def two_steps():
        origin = Origin.at(network, z0, loss, step)
        return origin.moved(network, origin.latents(batch), chord=chord).latents(batch)

    def by_tape():
        origin = Origin.at(network, z0, loss, step)
        points = origin.latents(batch)
        precision = origin.precision
        if not chord:
            precision = Origin.at(network, points, loss, step).precision
        return nested(network, points, batch, loss, step, None, precision)

    assert_same_training(two_steps, by_tape, network, decoder, loss, batch, tolerance=1e-3)


@pytest.mark.parametrize("chord", [True, False])
def test_steps_lower_the_loss(network, loss, step, z0, batch, chord):
    origin = Origin.at(network, z0, loss, step)
    latents, errors = repeated(z0, batch), []
    for _ in range(3):
        latents = origin.latents(batch)
        errors.append(float(tf.reduce_sum(loss(network(latents), batch))))
        origin = origin.moved(network, latents, chord=chord)
    assert errors[0] > errors[1] > errors[2]


def test_own_jacobian_of_a_pointwise_decoder_is_that_of_the_tape():
    model = ImplicitGON(ImplicitDecoder(2, LATENTS, width=8, depth=2), (4, 3, 2))
    network = model.network()
    latents = tf.random.stateless_normal((BATCH, LATENTS), [2, 2])
    _, jacobian = network.jacobian(latents)
    _, expected = Network(network).jacobian(latents)
    assert relative_error(jacobian, expected) < 1e-4


def test_image_alone_equals_image_in_batch(network, loss, step, z0):
    batch = tf.random.stateless_uniform((64, 8, 8, 1), [1, 2])
    origin = Origin.at(network, z0, loss, step)
    together, alone = origin.latents(batch), origin.latents(batch[40:41])
    assert np.abs(alone[0] - together[40]).max() <= 1e-4 * np.abs(together).max()


def test_gradient_of_the_solver():
    matrix = tf.random.stateless_normal((2, 4, 4), [1, 1])
    matrix = tf.matmul(matrix, matrix, transpose_b=True) + tf.eye(4)
    right = tf.random.stateless_normal((2, 4, 3), [2, 2])

    def gradients(solve):
        with tf.GradientTape() as tape:
            tape.watch([matrix, right])
            value = tf.reduce_sum(tf.sin(solve(matrix, right)))
        return tape.gradient(value, [matrix, right])

    ours, theirs = gradients(solve_positive_definite), gradients(tf.linalg.solve)
    for own, expected in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(own, expected, rtol=1e-3, atol=1e-5)

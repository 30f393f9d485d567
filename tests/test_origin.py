"""The fast paths against the nested tape, and both against plain linear algebra."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from gon_tf import GON, ConvDecoder, losses, origin

LATENTS, BATCH = 6, 5
STEPS = {
    "gradient": origin.Gradient(0.01),
    "gauss-newton": origin.GaussNewton(),
    "gauss-newton, half, absolute": origin.GaussNewton(0.5, 1.0, relative=False),
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


@pytest.fixture
def network(decoder, loss):
    return decoder.logits if loss.name == "cross_entropy" else decoder


@pytest.fixture
def z0():
    return tf.random.stateless_normal((1, LATENTS), [3, 4]) * 0.1


@pytest.fixture
def batch():
    return tf.random.stateless_uniform((BATCH, 8, 8, 1), [1, 2])


def relative_error(value, reference):
    return np.abs(value - reference).max() / np.abs(reference).max()


def latents_and_gradients(encode, network, decoder, loss, batch):
    with tf.GradientTape() as tape:
        latents = encode()
        outer_loss = tf.reduce_mean(loss(network(latents), batch))
    return latents, tape.gradient(outer_loss, decoder.trainable_weights)


def test_shared_origin_equals_nested_tape(network, decoder, loss, step, z0, batch):
    def shared():
        return origin.shared(network, z0, batch, loss, step)

    def nested():
        return origin.nested(network, origin.per_image(z0, batch), batch, loss, step)

    fast, fast_gradients = latents_and_gradients(shared, network, decoder, loss, batch)
    plain, plain_gradients = latents_and_gradients(nested, network, decoder, loss, batch)
    assert relative_error(fast, plain) < 1e-4
    for fast_gradient, plain_gradient in zip(fast_gradients, plain_gradients, strict=True):
        assert relative_error(fast_gradient, plain_gradient) < 1e-4


@pytest.mark.parametrize("images_in_batch", [2, 50], ids=["cotangents", "tangents"])
def test_gradient_step_by_either_mode(network, decoder, loss, z0, images_in_batch):
    batch = tf.random.stateless_uniform((images_in_batch, 8, 8, 1), [1, 2])
    step = origin.Gradient(0.01)
    fast = origin.shared(network, z0, batch, loss, step)
    plain = origin.nested(network, origin.per_image(z0, batch), batch, loss, step)
    assert relative_error(fast, plain) < 1e-4


def test_fold_equals_shared_origin(network, loss, step, z0, batch):
    kernel, bias = origin.linearize(network, z0, loss).fold(step)
    folded = tf.matmul(origin.flatten(batch), kernel) + bias
    assert kernel.shape == (64, LATENTS)
    assert relative_error(folded, origin.shared(network, z0, batch, loss, step)) < 1e-4


def test_jacobian_equals_reverse_mode(network, z0):
    points = tf.concat([z0, z0 + 0.5], axis=0)
    with tf.GradientTape() as tape:
        tape.watch(points)
        outputs = origin.flatten(network(points))
    expected = tf.transpose(tape.batch_jacobian(outputs, points), [0, 2, 1])
    assert relative_error(origin.jacobian_at(network, points), expected) < 1e-5


def test_gauss_newton_step_is_the_damped_solution(network, loss, z0, batch):
    outputs = network(z0)
    jacobian = origin.jacobian_at(network, z0)[0].numpy().astype(np.float64)
    curvature = origin.flatten(loss.curvature(outputs))[0].numpy().astype(np.float64)
    gradients = origin.flatten(loss.derivative(outputs, batch)).numpy() @ jacobian.T
    matrix = jacobian * curvature @ jacobian.T
    matrix += 0.3 * np.trace(matrix) / LATENTS * np.eye(LATENTS)
    expected = z0 - 0.5 * np.linalg.solve(matrix, gradients.T).T
    step = origin.GaussNewton(size=0.5, damping=0.3)
    assert relative_error(origin.shared(network, z0, batch, loss, step), expected) < 1e-4


def test_gauss_newton_solves_a_linear_network_in_one_step():
    weights = tf.random.stateless_normal((LATENTS, 12), [5, 6])
    truth = tf.random.stateless_normal((BATCH, LATENTS), [7, 8])
    step = origin.GaussNewton(damping=1e-6)
    latents = origin.shared(
        lambda z: z @ weights, tf.zeros((1, LATENTS)), truth @ weights, losses.SquaredError(), step
    )
    np.testing.assert_allclose(latents, truth, atol=1e-3)


def test_penalty_is_part_of_the_inner_loss(network, loss, step, z0, batch):
    def penalty(latents):
        return 0.5 * tf.reduce_sum(tf.square(latents - 1.0), axis=-1)

    shared = origin.shared(network, z0, batch, loss, step, penalty)
    nested = origin.nested(network, origin.per_image(z0, batch), batch, loss, step, penalty)
    kernel, bias = origin.linearize(network, z0, loss, penalty).fold(step)
    assert relative_error(shared, nested) < 1e-4
    assert relative_error(tf.matmul(origin.flatten(batch), kernel) + bias, nested) < 1e-4
    assert relative_error(origin.shared(network, z0, batch, loss, step), nested) > 1e-3


def test_covariance_is_that_of_the_laplace_approximation(network, loss, z0):
    step = origin.GaussNewton(damping=1.0, relative=False)
    linearization = origin.linearize(network, z0, loss)
    jacobian = linearization.jacobian[0].numpy().astype(np.float64)
    precision = jacobian * linearization.curvature.numpy() @ jacobian.T + np.eye(LATENTS)
    root = linearization.covariance_root(step).numpy()
    np.testing.assert_array_equal(root, np.tril(root))
    np.testing.assert_allclose(root.T @ root, np.linalg.inv(precision), atol=1e-5)


@pytest.mark.parametrize("name", ["gradient", "gauss-newton"])
def test_several_steps_lower_the_loss_and_start_with_the_shared_one(
    name, network, decoder, loss, z0, batch
):
    step = STEPS[name]

    def after(inner_steps, shares_origin=True):
        return origin.latents_from_origin(
            network, z0, batch, loss, step, inner_steps=inner_steps, shares_origin=shares_origin
        )

    losses_after = [tf.reduce_sum(loss(network(after(steps)), batch)) for steps in (1, 2, 3)]
    assert losses_after[0] > losses_after[1] > losses_after[2]
    assert relative_error(after(2), after(2, shares_origin=False)) < 1e-4


def test_later_steps_keep_the_jacobian_of_the_origin(network, decoder, loss, z0, batch):
    step = origin.GaussNewton(0.5, 1.0, relative=False)

    def two_steps(shares_origin):
        return origin.latents_from_origin(
            network, z0, batch, loss, step, inner_steps=2, shares_origin=shares_origin
        )

    first = origin.shared(network, z0, batch, loss, step)
    with tf.GradientTape() as tape:
        tape.watch(first)
        error = tf.reduce_sum(loss(network(first), batch))
    at_origin = origin.linearize(network, z0, loss)
    expected = first - step(tape.gradient(error, first), at_origin.jacobian, at_origin.curvature)
    found, gradients = latents_and_gradients(lambda: two_steps(True), network, decoder, loss, batch)
    plain, expected_gradients = latents_and_gradients(
        lambda: two_steps(False), network, decoder, loss, batch
    )
    assert relative_error(found, expected) < 1e-4
    assert relative_error(plain, expected) < 1e-4
    for gradient, expected_gradient in zip(gradients, expected_gradients, strict=True):
        assert relative_error(gradient, expected_gradient) < 1e-3


@pytest.mark.parametrize("name", LOSSES)
def test_a_step_by_the_pull_back_equals_one_by_the_tape(name, decoder, step, batch):
    model = GON(decoder, loss=name)
    network, loss = model.network_with_derivatives(), model.pixel_loss
    calls = []

    def counted(latents):
        calls.append(latents)
        return network.outputs_and_pull_back(latents)

    watched = dataclasses.replace(network, outputs_and_pull_back=counted)
    latents = tf.random.stateless_normal((BATCH, LATENTS), [9, 9])
    around = origin.linearize(network, model.start(), loss)
    arguments = (latents, batch, loss, step, None, around)
    by_tape = origin.nested(watched, *arguments)
    assert not calls
    assert relative_error(origin.by_pull_back(watched, *arguments), by_tape) < 1e-4
    assert len(calls) == 1


def test_image_alone_equals_image_in_batch(network, loss, step, z0):
    batch = tf.random.stateless_uniform((64, 8, 8, 1), [1, 2])
    together = origin.shared(network, z0, batch, loss, step)
    alone = origin.shared(network, z0, batch[40:41], loss, step)
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

    ours, theirs = gradients(origin.solve_positive_definite), gradients(tf.linalg.solve)
    for own, expected in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(own, expected, rtol=1e-3, atol=1e-5)

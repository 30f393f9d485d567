"""Parity with the published variational network: one recorded training step on 64 MNIST images."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from gon_tf import ConvDecoder, VariationalGON, losses
from gon_tf.convert import load_torch_weights, variational_weights

FIXTURE = Path(__file__).parent / "fixtures" / "variational_step.npz"
PARAMETERS = 268_033  # 48 latents, 32 filters

# A bias before a normalisation: its gradient is rounding alone.
WITHOUT_EFFECT = ("main.0.bias", "main.3.bias", "main.6.bias")


@pytest.fixture(scope="module")
def step():
    with np.load(FIXTURE) as arrays:
        return dict(arrays)


@pytest.fixture
def model(step, monkeypatch):
    decoder = ConvDecoder((32, 32, 1), latent_dim=48, filters=32, normalization="batch")
    model = VariationalGON(decoder, step="gradient", noise_at_origin=True)
    before = {k.removeprefix("before/"): v for k, v in step.items() if k.startswith("before/")}
    load_torch_weights(model, before)
    draws = iter([step["noise_inner"], step["noise_outer"]])
    monkeypatch.setattr(model, "noise", lambda *_: next(draws))
    return model


def relative_error(value, reference):
    return np.abs(value - reference).max() / np.abs(reference).max()


def measured(model):
    return {metric.name: float(metric.result()) for metric in model.reported_metrics}


def test_parameters(model):
    assert sum(weight.shape.num_elements() for weight in model.trainable_weights) == PARAMETERS


def test_posterior(model, step):
    problem = model.training_problem(tf.constant(step["images"]))
    network = model.inner_network(training=True, noise=step["noise_inner"])
    origin = model.origin_of(problem, network, shared=False)
    latents = model.latents_from(origin, network, problem.images)
    assert relative_error(latents, step["latents"]) < 1e-4
    posterior = model.posterior(problem)
    assert relative_error(posterior.mean, step["mean"]) < 1e-4
    assert relative_error(posterior.log_variance, step["log_variance"]) < 1e-4


def test_inner_loss(model, step):
    origin = tf.zeros((64, 48))
    outputs = model.inner_network(training=True, noise=step["noise_inner"])(origin)
    divergence = losses.kl_divergence(model.mean_map(origin), model.log_variance_map(origin))
    inner = model.pixel_loss(outputs, step["images"]) + divergence
    np.testing.assert_allclose(tf.reduce_mean(inner), step["inner_loss"], rtol=1e-5)


def test_outer_loss(model, step):
    loss = model.batch_loss(tf.constant(step["images"]), training=True)
    np.testing.assert_allclose(loss, step["outer_loss"], rtol=1e-5)
    metrics = measured(model)
    np.testing.assert_allclose(metrics["reconstruction_loss"], step["cross_entropy"], rtol=1e-5)
    np.testing.assert_allclose(metrics["kl"], step["kl_divergence"], rtol=1e-3)
    np.testing.assert_allclose(metrics["negative_elbo"], step["outer_loss"], rtol=1e-5)


def test_reconstructions(model, step):
    spread = np.exp(0.5 * step["log_variance"])
    drawn = tf.constant(step["mean"] + spread * step["noise_outer"])
    reconstructions = model.images_of(drawn, training=True)
    np.testing.assert_allclose(reconstructions, step["reconstructions"], atol=1e-5)


def test_gradients(model, step):
    with tf.GradientTape() as tape:
        loss = model.batch_loss(tf.constant(step["images"]), training=True)
    weights = model.trainable_weights
    gradients = dict(zip([w.path for w in weights], tape.gradient(loss, weights), strict=True))
    largest = max(np.abs(step[name]).max() for name in step if name.startswith("grad/"))
    for name, (weight, axes) in variational_weights(model).items():
        if "running" in name:
            continue
        expected = np.transpose(step[f"grad/{name}"], axes)
        atol = 2e-4 * (largest if name in WITHOUT_EFFECT else np.abs(expected).max())
        np.testing.assert_allclose(gradients[weight.path], expected, rtol=2e-3, atol=atol)


def test_weights_after_one_adam_step(model, step):
    # PyTorch adds epsilon to the corrected second moment, Keras to the raw one.
    epsilon = 1e-8 * np.sqrt(1e-3)
    model.compile(keras.optimizers.Adam(float(step["learning_rate"]), epsilon=epsilon))
    model.train_step(tf.constant(step["images"]))
    compared = 0
    for name, (weight, axes) in variational_weights(model).items():
        expected = np.transpose(step[f"after/{name}"], axes)
        if "running" in name:
            # PyTorch records the unbiased variance.
            np.testing.assert_allclose(weight, expected, atol=1e-5)
            continue
        gradient = np.abs(np.transpose(step[f"grad/{name}"], axes))
        # Adam's first step is the gradient's sign; where that is rounding it says nothing.
        certain = gradient > np.maximum(1e-3 * gradient.max(), 1e-4)
        np.testing.assert_allclose(np.asarray(weight)[certain], expected[certain], atol=1e-6)
        compared += certain.sum()
    assert compared > 0.9 * PARAMETERS

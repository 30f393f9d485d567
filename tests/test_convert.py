"""Parity with the published PyTorch network: one recorded training step on 64 MNIST images."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from gon_tf import GON, ConvDecoder, convert

FIXTURES = Path(__file__).parent / "fixtures"
PIXELS = 32 * 32
NO_EFFECT = ("0.bias", "3.bias", "6.bias")


@pytest.fixture(scope="module")
def step():
    with np.load(FIXTURES / "conv_step.npz") as arrays:
        return dict(arrays)


def state(step, moment):
    prefix = f"{moment}/"
    return {k.removeprefix(prefix): v for k, v in step.items() if k.startswith(prefix)}


def published_gon(latent_dim=32):
    decoder = ConvDecoder((32, 32, 1), latent_dim, filters=16, normalization="batch")
    return GON(decoder, step="gradient", inner_scale=1.0 / (64 * PIXELS))


@pytest.fixture
def model(step):
    model = published_gon()
    convert.load_torch_weights(model, state(step, "before"))
    return model


def relative_error(value, reference):
    return np.abs(value - reference).max() / np.abs(reference).max()


def test_latents(model, step):
    # The recorded float32 latents themselves are 6e-5 from the same computation in float64.
    assert relative_error(model.encode(step["images"]), step["latents"]) < 1e-4


def test_reconstructions(model, step):
    decoded = model.decode(step["latents"])
    np.testing.assert_allclose(decoded, step["reconstructions"], atol=1e-5)
    # From its own latents the network carries their rounding on.
    np.testing.assert_allclose(model(step["images"]), step["reconstructions"], atol=1e-4)


def test_losses(model, step):
    images = tf.constant(step["images"])
    at_origin = model.network()(tf.zeros((64, 32)))
    inner = tf.reduce_mean(model.pixel_loss(at_origin, images)) / PIXELS
    outer = model.batch_loss(images, training=True) / PIXELS
    np.testing.assert_allclose(inner, step["inner_loss"], rtol=1e-5)
    np.testing.assert_allclose(outer, step["outer_loss"], rtol=1e-5)


def test_gradients(model, step):
    with tf.GradientTape() as tape:
        loss = model.batch_loss(step["images"], training=True) / PIXELS
    gradients = {
        weight.path: gradient
        for weight, gradient in zip(
            model.trainable_weights, tape.gradient(loss, model.trainable_weights), strict=True
        )
    }
    largest = max(np.abs(value).max() for value in state(step, "grad").values())
    for name, (weight, axes) in convert.conv_decoder_weights(model.decoder).items():
        if f"grad/{name}" in step:
            expected = np.transpose(step[f"grad/{name}"], axes)
            # A bias before a normalisation has no effect: its gradient is rounding alone.
            scale = largest if name in NO_EFFECT else np.abs(expected).max()
            np.testing.assert_allclose(gradients[weight.path], expected, atol=2e-3 * scale)


def test_weights_after_one_adam_step(model, step):
    rate = float(step["learning_rate"])
    # PyTorch adds epsilon to the corrected second moment, Keras to the raw one; and the recorded
    # loss is a mean over pixels where the model's is a sum.
    epsilon = 1e-8 * PIXELS * np.sqrt(1e-3)
    model.compile(keras.optimizers.Adam(rate, epsilon=epsilon))
    model.train_step(step["images"])
    compared = 0
    for name, (weight, axes) in convert.conv_decoder_weights(model.decoder).items():
        expected = np.transpose(step[f"after/{name}"], axes)
        if "running" in name:
            # PyTorch records the unbiased variance.
            np.testing.assert_allclose(weight, expected, atol=1e-5)
            continue
        gradient = np.abs(np.transpose(step[f"grad/{name}"], axes))
        # Adam's first step is the gradient's sign; where that is rounding it says nothing.
        certain = gradient > 1e-2 * gradient.max()
        if name in NO_EFFECT:
            continue
        np.testing.assert_allclose(np.asarray(weight)[certain], expected[certain], atol=1e-6)
        compared += certain.sum()
    assert compared > 0.5 * 74_321


def rejected(weights):
    model = published_gon()
    before = model.get_weights()
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the callers look at the text
        convert.load_torch_weights(model, weights)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    return str(error.value)


def test_weights_that_do_not_fit(step):
    weights = state(step, "before")
    assert "Received: also 12.weight" in rejected({**weights, "12.weight": np.zeros(3)})
    assert "Received: no 3.weight" in rejected(
        {name: value for name, value in weights.items() if name != "3.weight"}
    )
    wrong = {**weights, "9.bias": np.zeros(2, np.float32)}
    assert "9.bias must become the shape (1,). Received: (2,)" in rejected(wrong)
    wrong = {**weights, "9.weight": np.zeros(2, np.float32)}
    assert "9.weight must become the shape" in rejected(wrong)

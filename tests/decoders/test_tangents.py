"""The decoder's own way to its Jacobian against TensorFlow's."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from gon_tf import GON, ConvDecoder, VariationalGON, losses, origin
from gon_tf.decoders.tangents import upsample

LATENTS = np.random.default_rng(0).normal(size=(2, 3)).astype(np.float32)
DIRECTIONS = np.random.default_rng(1).normal(size=(4, 3)).astype(np.float32)


def decoder(channels=1, **arguments):
    keras.utils.set_random_seed(0)
    return ConvDecoder((8, 16, channels), latent_dim=3, filters=5, **arguments)


@pytest.mark.parametrize("channels", [1, 3, 6])
def test_upsampling_is_the_layer_without_its_bias(channels):
    layer = keras.layers.Conv2DTranspose(channels, 4, 2, padding="same", bias_initializer="ones")
    images = tf.random.stateless_normal((2, 3, 4, 5, 7), seed=(0, 0))
    flat = tf.reshape(images, (6, 4, 5, 7))
    layer.build(flat.shape)

    def results(function):
        with tf.GradientTape() as tape:
            tape.watch(images)
            outputs = function()
            total = tf.reduce_sum(outputs**3)
        return outputs, *tape.gradient(total, (images, layer.kernel.value))

    found = results(lambda: upsample(images, layer))
    expected = results(
        lambda: tf.reshape(layer(tf.reshape(images, flat.shape)) - 1.0, (2, 3, 8, 10, channels))
    )
    for value, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(value, other, atol=1e-5 * np.abs(other).max())


@pytest.mark.parametrize("channels", [1, 6])
@pytest.mark.parametrize("logits", [False, True])
def test_jacobian_is_that_of_the_tape(channels, logits):
    network = decoder(channels)
    outputs, jacobian = network.outputs_and_jacobian(LATENTS, logits=logits)
    latents = tf.constant(LATENTS)
    with tf.GradientTape() as tape:
        tape.watch(latents)
        expected = network.logits(latents) if logits else network(latents)
    np.testing.assert_allclose(outputs, expected, atol=1e-6)
    expected = tf.reshape(tape.batch_jacobian(expected, latents), (2, -1, 3))
    np.testing.assert_allclose(jacobian, tf.transpose(expected, (0, 2, 1)), atol=1e-6)
    _, along = network.outputs_and_jacobian(LATENTS, DIRECTIONS, logits)
    np.testing.assert_allclose(along, DIRECTIONS @ jacobian, atol=1e-6)


@pytest.mark.parametrize("channels", [1, 6])
@pytest.mark.parametrize("logits", [False, True])
@pytest.mark.parametrize("activation", ["elu", "softplus", "tanh", "sigmoid", "gelu"])
def test_pulling_back_is_what_the_tape_does(channels, logits, activation):
    network = decoder(channels, activation=activation, output_activation="sigmoid")
    run = network.logits if logits else network
    latents = tf.constant(LATENTS * 3.0)
    cotangents = tf.random.stateless_normal((2, 8, 16, channels), seed=(0, 1))
    with tf.GradientTape() as tape:
        tape.watch(latents)
        expected = run(latents)
    outputs, pull_back = network.outputs_and_pull_back(latents, logits)
    np.testing.assert_allclose(outputs, expected, atol=1e-6)
    gradients = tape.gradient(expected, latents, output_gradients=cotangents)
    np.testing.assert_allclose(pull_back(cotangents), gradients, rtol=1e-4, atol=1e-6)


def gradients_through_jacobian(network, jacobian_of):
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(jacobian_of(tf.constant(LATENTS[:1])) ** 2)
    return tape.gradient(total, network.trainable_weights, unconnected_gradients="zero")


@pytest.mark.parametrize("channels", [1, 6])
def test_training_through_the_jacobian_is_that_through_forward_mode(channels):
    network = decoder(channels)
    found = gradients_through_jacobian(network, lambda z: network.outputs_and_jacobian(z)[1])
    expected = gradients_through_jacobian(network, lambda z: origin.jacobian_at(network, z))
    for value, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(value, other, atol=1e-5 * np.abs(other).max() + 1e-12)


@pytest.mark.parametrize("cls", [GON, VariationalGON])
@pytest.mark.parametrize("loss", losses.LOSSES)
def test_models_take_the_short_way(cls, loss, monkeypatch):
    model = cls(decoder(), loss=loss)
    kernel, bias = model._fold()
    monkeypatch.setattr(ConvDecoder, "is_elementwise", False)
    expected_kernel, expected_bias = cls(model.decoder, loss=loss)._fold()
    scale = np.abs(expected_kernel).max()
    np.testing.assert_allclose(kernel, expected_kernel, atol=1e-4 * scale)
    np.testing.assert_allclose(bias, expected_bias, atol=1e-4 * np.abs(expected_bias).max())


def test_what_mixes_values_has_no_short_way():
    assert decoder().is_elementwise
    assert not decoder(normalization="instance").is_elementwise

    class Darker(ConvDecoder):
        def logits(self, latents, training=None):
            return super().logits(latents, training=training) - 1.0

    assert not Darker((8, 8, 1), 2).is_elementwise


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision(precision):
    exact = decoder()
    mixed = decoder(dtype=keras.dtype_policies.DTypePolicy(precision))
    mixed.set_weights(exact.get_weights())
    for found, expected in zip(
        mixed.outputs_and_jacobian(LATENTS), exact.outputs_and_jacobian(LATENTS), strict=True
    ):
        assert found.dtype == tf.float32
        np.testing.assert_allclose(found, expected, atol=0.02 * np.abs(expected).max())

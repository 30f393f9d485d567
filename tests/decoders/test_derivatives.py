"""What decoders know of their own derivatives against TensorFlow's."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from gon_tf import GON, ConvDecoder, VariationalGON, losses
from gon_tf.decoders.derivatives import ChainNetwork, network_of
from gon_tf.decoders.linear import upsample
from gon_tf.origin import Network

LATENTS = np.random.default_rng(0).normal(size=(2, 3)).astype(np.float32)
POINTS = np.random.default_rng(1).normal(size=(2, 4)).astype(np.float32)


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
    network = network_of(decoder(channels), logits)
    outputs, jacobian = network.jacobian(LATENTS)
    latents = tf.constant(LATENTS)
    with tf.GradientTape() as tape:
        tape.watch(latents)
        expected = network(latents)
    np.testing.assert_allclose(outputs, expected, atol=1e-6)
    expected = tf.reshape(tape.batch_jacobian(expected, latents), (2, -1, 3))
    np.testing.assert_allclose(jacobian, tf.transpose(expected, (0, 2, 1)), atol=1e-6)


@pytest.mark.parametrize("logits", [False, True])
def test_a_linear_map_before_the_decoder(logits):
    before = keras.layers.Dense(3, bias_initializer="ones")
    before.build((None, 4))
    network = network_of(decoder(), logits, before=before)
    points = tf.constant(POINTS)
    outputs, jacobian = network.jacobian(points)
    expected_outputs, expected = Network(network).jacobian(points)
    np.testing.assert_allclose(outputs, expected_outputs, atol=1e-6)
    np.testing.assert_allclose(jacobian, expected, atol=1e-6)
    cotangents = tf.random.stateless_normal((2, 8, 16, 1), seed=(0, 1))
    pulled = network.pull_back(points)[1](cotangents)
    expected = Network(network).pull_back(points)[1](cotangents)
    np.testing.assert_allclose(pulled, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("channels", [1, 6])
@pytest.mark.parametrize("logits", [False, True])
@pytest.mark.parametrize("activation", ["elu", "softplus", "tanh", "sigmoid", "gelu"])
def test_pulling_back_is_what_the_tape_does(channels, logits, activation):
    network = network_of(decoder(channels, activation=activation), logits)
    latents = tf.constant(LATENTS * 3.0)
    cotangents = tf.random.stateless_normal((2, 8, 16, channels), seed=(0, 1))
    with tf.GradientTape() as tape:
        tape.watch(latents)
        expected = network(latents)
    outputs, pull_back = network.pull_back(latents)
    np.testing.assert_allclose(outputs, expected, atol=1e-6)
    gradients = tape.gradient(expected, latents, output_gradients=cotangents)
    np.testing.assert_allclose(pull_back(cotangents), gradients, rtol=1e-4, atol=1e-6)


def gradients_through_jacobian(network, weights):
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(network.jacobian(tf.constant(LATENTS[:1]))[1] ** 2)
    return tape.gradient(total, weights, unconnected_gradients="zero")


@pytest.mark.parametrize("channels", [1, 6])
def test_training_through_the_jacobian_is_that_through_forward_mode(channels):
    made = decoder(channels)
    network = network_of(made, logits=False)
    found = gradients_through_jacobian(network, made.trainable_weights)
    expected = gradients_through_jacobian(Network(network), made.trainable_weights)
    for value, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(value, other, atol=1e-5 * np.abs(other).max() + 1e-12)


@pytest.mark.parametrize("cls", [GON, VariationalGON])
@pytest.mark.parametrize("loss", losses.LOSSES)
def test_models_take_the_short_way(cls, loss):
    model = cls(decoder(), loss=loss)
    assert isinstance(model.network(), ChainNetwork)
    inner = model.inner_network() if cls is VariationalGON else model.network()
    kernel, bias = model.linearized(inner, model.pixel_loss).fold()
    expected = model.linearized(Network(inner), model.pixel_loss).fold()
    np.testing.assert_allclose(kernel, expected[0], atol=1e-4 * np.abs(expected[0]).max())
    np.testing.assert_allclose(bias, expected[1], atol=1e-4 * np.abs(expected[1]).max())


def test_what_mixes_values_has_no_short_way():
    assert type(network_of(decoder(normalization="instance"), logits=False)) is Network


class Relabelled(ConvDecoder):
    """A subclass that computes what its parent does."""


class Brighter(ConvDecoder):
    """A subclass that computes something else."""

    def call(self, latents, training=None):
        return 0.5 + 0.5 * super().call(latents, training)


def test_a_subclass_keeps_the_short_way_unless_it_computes_something_else():
    assert isinstance(network_of(Relabelled((8, 8, 1), 3, filters=2), logits=False), ChainNetwork)
    with pytest.warns(UserWarning, match="Brighter has a call of its own"):
        network = network_of(Brighter((8, 8, 1), 3, filters=2), logits=False)
    assert type(network) is Network
    assert float(tf.reduce_min(network(tf.constant(LATENTS)))) >= 0.5


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision(precision):
    exact = decoder()
    mixed = decoder(dtype=keras.dtype_policies.DTypePolicy(precision))
    mixed.set_weights(exact.get_weights())
    results = [network_of(made, logits=False).jacobian(LATENTS) for made in (mixed, exact)]
    for value, expected in zip(*results, strict=True):
        assert value.dtype == tf.float32
        np.testing.assert_allclose(value, expected, atol=0.02 * np.abs(expected).max())

"""ResidualDecoder: its pictures, its sketch, and what it knows of its derivatives."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from gon_tf import ResidualDecoder
from gon_tf.decoders.derivatives import ChainNetwork, network_of
from gon_tf.decoders.residual import Enlarge
from gon_tf.origin import Network

LATENTS = tf.constant(np.random.default_rng(0).normal(size=(2, 3)), tf.float32)


def decoder(image_shape=(32, 16, 3), **arguments):
    keras.utils.set_random_seed(0)
    built = ResidualDecoder(image_shape, 3, **{"filters": 4, "sketch_size": 8, **arguments})
    built.head.kernel.assign(tf.random.stateless_normal(built.head.kernel.shape, seed=(0, 0)))
    return built


@pytest.mark.parametrize(
    ("shape", "sketch"),
    [
        ((8, 8, 1), None),
        ((28, 28, 1), (14, 14, 1)),
        ((32, 16, 3), (16, 8, 3)),
        ((48, 96, 3), (6, 12, 3)),
        ((80, 80, 2), (10, 10, 2)),
        ((256, 256, 3), (16, 16, 3)),
    ],
)
def test_shapes(shape, sketch):
    built = ResidualDecoder(shape, latent_dim=5, filters=2, most_filters=4)
    assert built(np.zeros((3, 5), np.float32)).shape == (3, *shape)
    assert built.compute_output_shape((None, 5)) == (None, *shape)
    assert (built.sketch and built.sketch.image_shape) == sketch


def test_a_new_decoder_is_its_sketch_enlarged():
    built = ResidualDecoder((32, 32, 3), latent_dim=3, filters=2)
    expected = keras.layers.UpSampling2D(interpolation="bilinear")(built.sketch.logits(LATENTS))
    np.testing.assert_allclose(built.logits(LATENTS), expected, atol=1e-5)


@pytest.mark.parametrize("side", [2, 5])
def test_enlarging_is_bilinear_interpolation(side):
    images = tf.random.stateless_normal((2, side, 7, 3), seed=(0, 0))
    expected = tf.image.resize(images, (2 * side, 14))
    np.testing.assert_allclose(Enlarge()(images), expected, atol=1e-6)


@pytest.mark.parametrize("logits", [False, True])
@pytest.mark.parametrize("arguments", [{}, {"sketch_size": None, "depth": 2}])
def test_derivatives_are_those_of_the_tape(logits, arguments):
    network = network_of(decoder(**arguments), logits)
    assert isinstance(network, ChainNetwork)
    outputs, jacobian = network.jacobian(LATENTS)
    expected_outputs, expected = Network(network).jacobian(LATENTS)
    np.testing.assert_allclose(outputs, expected_outputs, atol=1e-5)
    np.testing.assert_allclose(jacobian, expected, atol=1e-5)
    cotangents = tf.random.stateless_normal(outputs.shape, seed=(0, 1))
    pulled = network.pull_back(LATENTS)[1](cotangents)
    expected = Network(network).pull_back(LATENTS)[1](cotangents)
    np.testing.assert_allclose(pulled, expected, rtol=1e-4, atol=1e-4)


def test_a_subclass_with_other_outputs_is_not_taken_for_this_one():
    class Inverted(ResidualDecoder):
        def logits(self, latents, training=None):
            return -super().logits(latents, training)

    with pytest.warns(UserWarning, match="has a logits of its own, so ResidualDecoder's fast"):
        network = network_of(Inverted((8, 8, 1), 3, filters=2), logits=True)
    assert not isinstance(network, ChainNetwork)


@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        ("image_shape", (33, 33, 1), "e.g. 28, 32, 48 or 64. Received"),
        ("latent_dim", 0, "integer >= 1. Received: latent_dim=0"),
        ("filters", 0, "integer >= 1. Received: filters=0"),
        ("most_filters", 2.5, "integer >= 1. Received: most_filters=2.5"),
        ("depth", 0, "integer >= 1. Received: depth=0"),
        ("activation", "relu", "second derivative"),
        ("sketch_size", 4, "integer >= 8. Received: sketch_size=4"),
        ("output_activation", "tanh", "one of .'sigmoid', None."),
    ],
)
def test_argument_out_of_range(argument, value, message):
    arguments = {"image_shape": (32, 32, 1), "latent_dim": 4, argument: value}
    with pytest.raises(ValueError, match=message):
        ResidualDecoder(**arguments)


def test_config_is_the_constructor():
    built = ResidualDecoder((32, 16, 3), 4, 2, 6, 2, "silu", 8, None, name="small")
    copy = ResidualDecoder.from_config(built.get_config())
    assert copy.get_config() == built.get_config()
    assert [w.shape for w in copy.weights] == [w.shape for w in built.weights]

import keras
import numpy as np
import pytest
import tensorflow as tf

from gon_tf import ConvDecoder


@pytest.mark.parametrize(
    "shape", [(8, 8, 1), (28, 28, 1), (32, 32, 3), (48, 64, 3), (64, 64, 2), (30, 30, 1)]
)
def test_output_shape(shape):
    decoder = ConvDecoder(shape, latent_dim=5, filters=2)
    assert decoder(np.zeros((3, 5), np.float32)).shape == (3, *shape)
    assert decoder.compute_output_shape((None, 5)) == (None, *shape)


def test_published_parameter_counts():
    """303,697 and 74,321 trained parameters with 256 and 32 latents."""
    for latent_dim, expected in [(256, 303_697), (32, 74_321)]:
        decoder = ConvDecoder((32, 32, 1), latent_dim, filters=16, normalization="batch")
        assert sum(np.prod(w.shape) for w in decoder.trainable_weights) == expected


@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        ("image_shape", (32, 32), "must be .height, width, channels., three integers"),
        ("image_shape", (32, 32, 0), "three integers >= 1"),
        ("image_shape", 32, "three integers >= 1"),
        ("image_shape", (33, 33, 1), "e.g. 28, 32, 48 or 64. Received"),
        ("image_shape", (32, 4, 1), "grid of 4 to 16"),
        ("image_shape", (200, 8, 1), "grid of 4 to 16"),
        ("latent_dim", 0, "integer >= 1. Received: latent_dim=0"),
        ("latent_dim", 2.5, "integer >= 1. Received: latent_dim=2.5"),
        ("filters", -1, "integer >= 1. Received: filters=-1"),
        ("filters", True, "integer >= 1. Received: filters=True"),
        ("activation", "relu", "second derivative.*allow_piecewise_linear=True"),
        ("activation", "leaky_relu", "piecewise linear"),
        ("activation", "eluu", "Received: activation='eluu'"),
        ("activation", 3, "must be a name"),
        ("normalization", "layer", "one of .None, 'batch'.*Received: normalization='layer'"),
        ("output_activation", "tanh", "one of .'sigmoid', None."),
        ("allow_piecewise_linear", 1, "True or False"),
    ],
)
def test_argument_out_of_range(argument, value, message):
    arguments = {"image_shape": (32, 32, 1), "latent_dim": 4, argument: value}
    with pytest.raises(ValueError, match=message):
        ConvDecoder(**arguments)


def test_relu_if_the_user_insists():
    decoder = ConvDecoder((8, 8, 1), 4, activation="relu", allow_piecewise_linear=True)
    assert decoder(np.ones((1, 4), np.float32)).shape == (1, 8, 8, 1)


def test_config_is_the_constructor():
    decoder = ConvDecoder((8, 16, 3), 4, 2, "silu", "group", None, name="small")
    copy = ConvDecoder.from_config(decoder.get_config())
    assert copy.get_config() == decoder.get_config()
    assert copy.name == "small"


def test_same_seed_same_weights():
    first, second = [], []
    for weights in (first, second):
        keras.utils.set_random_seed(5)
        weights.extend(ConvDecoder((8, 8, 1), 4).get_weights())
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_initial_weights_have_pytorchs_range():
    decoder = ConvDecoder((32, 32, 1), 64, filters=8)
    for layer, fan in zip(decoder.projections, [32 * 16, 16 * 16, 8 * 16, 1 * 16], strict=True):
        largest = np.abs(layer.kernel).max()
        assert 0.95 / np.sqrt(fan) < largest <= 1.0 / np.sqrt(fan)
        assert np.abs(layer.bias).max() <= 1.0 / np.sqrt(fan)
        assert np.any(np.asarray(layer.bias) != 0.0)


@pytest.mark.parametrize("normalization", [None, "instance", "group"])
def test_image_does_not_depend_on_its_batch(normalization):
    decoder = ConvDecoder((16, 16, 1), 4, filters=4, normalization=normalization)
    latents = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    np.testing.assert_allclose(decoder(latents)[3:4], decoder(latents[3:4]), atol=1e-6)


def test_batch_normalization_takes_the_statistics_of_the_batch_always():
    decoder = ConvDecoder((16, 16, 1), 4, filters=4, normalization="batch")
    latents = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    weights = decoder.get_weights()
    inference = decoder(latents, training=False)
    for before, after in zip(weights, decoder.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    np.testing.assert_array_equal(inference, decoder(latents, training=True))
    assert np.any(decoder.normalizations[0].moving_mean != weights[0][0])


def test_batch_normalization_of_equal_images_is_exact():
    """At the origin the variance is 0, and rounding would be divided by sqrt(1e-5)."""
    decoder = ConvDecoder((32, 32, 1), 4, filters=16, normalization="batch")
    normalized = decoder.normalizations[0](decoder.projections[0](tf.zeros((64, 4))))
    np.testing.assert_allclose(normalized, np.zeros(normalized.shape), atol=1e-7)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_gives_float32_pictures(precision):
    decoder = ConvDecoder((16, 16, 1), 4, filters=4, dtype=precision)
    full = ConvDecoder((16, 16, 1), 4, filters=4)
    full.set_weights(decoder.get_weights())
    latents = np.random.default_rng(0).normal(size=(2, 4)).astype(np.float32)
    assert decoder.projections[1].compute_dtype == precision.removeprefix("mixed_")
    assert decoder(latents).dtype == "float32"
    np.testing.assert_allclose(decoder(latents), full(latents), atol=5e-3)

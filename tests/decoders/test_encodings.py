import keras
import numpy as np
import pytest

from gon_tf import ImplicitDecoder
from gon_tf.decoders import GaussianEncoding, NeRFEncoding, encodings

POINTS = np.random.default_rng(0).uniform(-1, 1, (5, 2)).astype(np.float32)


def test_nerf_encoding_is_its_equation():
    expected = [
        [wave(np.pi * 2**k * x) for wave in (np.sin, np.cos) for k in range(3)]
        for x in POINTS.ravel()
    ]
    layer = NeRFEncoding(octaves=3)
    np.testing.assert_allclose(layer(POINTS), np.reshape(expected, (5, 12)), atol=1e-5)
    assert layer.compute_output_shape((None, 2)) == (None, 12)
    assert layer.weights == []


def test_gaussian_encoding_is_its_equation():
    layer = GaussianEncoding(frequencies=3, scale=2.0)
    angles = 2 * np.pi * POINTS @ np.asarray(layer(POINTS) is not None and layer.projection)
    expected = np.concatenate([np.sin(angles), np.cos(angles)], axis=-1)
    np.testing.assert_allclose(layer(POINTS), expected, atol=1e-5)
    assert layer.compute_output_shape((None, 2)) == (None, 6)


def test_gaussian_projection_has_its_scale_and_is_trained_on_demand():
    for learn in (False, True):
        layer = GaussianEncoding(frequencies=2000, scale=3.0, learn_projection=learn)
        layer.build((None, 2))
        assert np.std(layer.projection) == pytest.approx(3.0, rel=0.05)
        assert len(layer.trainable_weights) == learn
        assert len(layer.weights) == 1


@pytest.mark.parametrize("layer", [NeRFEncoding(4), GaussianEncoding(3)])
def test_one_encoding_for_points_of_all_images_and_of_each(layer):
    images = np.stack([POINTS, -POINTS])
    np.testing.assert_allclose(layer(images)[0], layer(POINTS), atol=1e-6)
    np.testing.assert_allclose(layer(images)[1], layer(-POINTS), atol=1e-6)


def test_coordinates_stay_in_float32_under_mixed_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        layer = NeRFEncoding(octaves=8)
        features = layer(POINTS)
    finally:
        keras.config.set_dtype_policy("float32")
    assert features.dtype == "float32"
    np.testing.assert_allclose(features, NeRFEncoding(octaves=8)(POINTS), atol=1e-6)


@pytest.mark.parametrize("layer", [NeRFEncoding(4), GaussianEncoding(3, 2.0, True, name="g")])
def test_config_is_the_constructor(layer):
    copy = type(layer).from_config(layer.get_config())
    assert copy.get_config() == layer.get_config()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: NeRFEncoding(octaves=0), "integer >= 1. Received: octaves=0"),
        (lambda: GaussianEncoding(frequencies=1.5), "Received: frequencies=1.5"),
        (lambda: GaussianEncoding(scale=0.0), "number > 0. Received: scale=0.0"),
        (lambda: GaussianEncoding(learn_projection=1), "True or False"),
        (lambda: encodings.get("fourier"), "'nerf', 'gaussian'.*Received: encoding='fourier'"),
        (lambda: encodings.get(3), "Received: encoding=3"),
        (lambda: encodings.get(["nerf"]), "Received: encoding="),
    ],
)
def test_argument_out_of_range(build, message):
    with pytest.raises(ValueError, match=message):
        build()


class Squares(keras.layers.Layer):
    """An own encoding: the coordinates and their squares."""

    def call(self, coordinates):
        return keras.ops.concatenate([coordinates, coordinates**2], axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 2 * input_shape[-1])


@pytest.mark.parametrize(
    ("encoding", "features"),
    [(None, 2), ("nerf", 40), ("gaussian", 64), (NeRFEncoding(3), 12), (Squares(), 4)],
)
def test_decoder_with_encoding(encoding, features):
    decoder = ImplicitDecoder(1, 3, width=8, depth=2, encoding=encoding)
    assert decoder.hidden[0].kernel.shape == (features, 8)
    assert decoder(np.zeros((2, 3)), POINTS).shape == (2, 5, 1)

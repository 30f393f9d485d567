import keras
import numpy as np
import pytest
import tensorflow as tf

from gon_tf import ImplicitDecoder
from gon_tf.decoders import GaussianEncoding

GENERATOR = np.random.default_rng(0)
LATENTS = GENERATOR.normal(size=(3, 4)).astype(np.float32)
POINTS = GENERATOR.uniform(-1, 1, (7, 2)).astype(np.float32)


def decoder(channels=2, latent_dim=4, width=8, depth=3, **arguments):
    return ImplicitDecoder(channels, latent_dim, width, depth, **arguments)


KINDS = {
    "siren": {},
    "two omegas": {"omega": (10.0, 20.0)},
    "elu": {"activation": "elu"},
    "nerf": {"encoding": "nerf"},
    "shift": {"modulation": "shift"},
    "multiplicative": {"modulation": True, "encoding": "gaussian"},
    "sigmoid": {"output_activation": "sigmoid"},
    "one layer": {"depth": 1},
}


@pytest.mark.parametrize("kind", KINDS)
def test_output_shape(kind):
    network = decoder(**KINDS[kind])
    assert network(LATENTS, POINTS).shape == (3, 7, 2)
    assert network.compute_output_shape((None, 4), (None, 2)) == (None, None, 2)
    logits = network.logits(LATENTS, POINTS)
    expected = tf.sigmoid(logits) if kind == "sigmoid" else logits
    np.testing.assert_allclose(network(LATENTS, POINTS), expected, atol=1e-6)


@pytest.mark.parametrize("dim", [1, 2, 3, 5])
def test_any_number_of_coordinate_dimensions(dim):
    network = decoder(coordinate_dim=dim)
    assert network(LATENTS, np.zeros((6, dim))).shape == (3, 6, 2)


def test_published_parameter_count():
    """206,593 with 32 latents: [2 + 32, 256, 256, 256, 256, 1]."""
    assert ImplicitDecoder(channels=1, latent_dim=32).count_params() == 206_593


@pytest.mark.parametrize("kind", KINDS)
def test_points_of_each_image_are_the_points_of_all(kind):
    network = decoder(**KINDS[kind])
    repeated = np.broadcast_to(POINTS, (3, *POINTS.shape))
    np.testing.assert_allclose(network(LATENTS, repeated), network(LATENTS, POINTS), atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_signal_does_not_depend_on_its_batch_nor_on_the_other_points(kind):
    network = decoder(**KINDS[kind])
    alone = network(LATENTS[1:2], POINTS[4:6])
    np.testing.assert_allclose(network(LATENTS, POINTS)[1:2, 4:6], alone, atol=1e-5)


def test_split_first_layer_is_that_of_coordinates_and_latents_side_by_side():
    network = decoder(depth=1, omega=30.0)
    first, last = network.hidden[0], network.last
    side_by_side = np.concatenate(
        [np.broadcast_to(POINTS, (3, 7, 2)), np.broadcast_to(LATENTS[:, None], (3, 7, 4))], axis=-1
    )
    kernel = np.concatenate([first.kernel, network.modulate.first.kernel])
    hidden = np.sin(30.0 * (side_by_side @ kernel + np.asarray(first.bias)))
    expected = hidden @ np.asarray(last.kernel) + np.asarray(last.bias)
    np.testing.assert_allclose(network(LATENTS, POINTS), expected, atol=1e-5)


def test_coordinates_pass_the_first_layer_once_not_once_per_image():
    shapes = []
    network = decoder()
    first = network.hidden[0]
    multiply = first.call
    first.call = lambda inputs: (shapes.append(tuple(inputs.shape)), multiply(inputs))[1]
    network(LATENTS, POINTS)
    assert shapes == [(7, 2)]


def largest(weight):
    return np.abs(np.asarray(weight)).max()


@pytest.mark.parametrize("omega", [30.0, (30.0, 10.0)])
def test_siren_initialisation(omega):
    """Sitzmann 2020, section 3.2, with the biases of the published GON."""
    network = ImplicitDecoder(3, 30, width=128, depth=3, omega=omega)
    hidden_omega = 10.0 if isinstance(omega, tuple) else 30.0
    hidden_bound = np.sqrt(6.0 / 128) / hidden_omega
    expected = [(1 / 32, 1 / np.sqrt(32)), *[(hidden_bound, 1 / np.sqrt(128))] * 3]
    for layer, bounds in zip([*network.hidden, network.last], expected, strict=True):
        assert 0.9 * bounds[0] < largest(layer.kernel) <= bounds[0]
        assert 0.5 * bounds[1] < largest(layer.bias) <= bounds[1]
    assert 0.9 / 32 < largest(network.modulate.first.kernel) <= 1 / 32


def test_initialisation_of_ordinary_layers():
    network = ImplicitDecoder(3, 30, width=128, activation="elu")
    assert 0.9 / np.sqrt(32) < largest(network.hidden[0].kernel) <= 1 / np.sqrt(32)
    assert 0.9 / np.sqrt(128) < largest(network.hidden[1].kernel) <= 1 / np.sqrt(128)


def test_modulated_decoders_have_latents_in_every_layer_but_the_first_product():
    for modulation in ("shift", "multiplicative"):
        network = decoder(modulation=modulation)
        assert network.hidden[0].kernel.shape == (2, 8)
        shifts_and_scales = network.modulate(LATENTS)
        assert len(shifts_and_scales) == 3
        for pair in shifts_and_scales:
            changes = [value for value in pair if value is not None]
            assert [tuple(value.shape) for value in changes] == [(3, 1, 8)]
        differences = np.diff(network(LATENTS, POINTS), axis=0)
        assert np.abs(differences).max() > 1e-4


def test_kept_units_leave_out_their_share():
    network = decoder(width=500, dropout=0.25)
    noise = GENERATOR.uniform(size=(3, 500))
    kept = np.asarray(network.kept_units(noise))
    assert set(np.unique(kept)) == {0.0, np.float32(1 / 0.75)}
    assert np.mean(kept == 0.0) == pytest.approx(0.25, abs=0.04)


def test_units_that_are_left_out_have_no_effect():
    network = decoder(dropout=0.5)
    kept = network.kept_units(GENERATOR.uniform(size=(3, 8)))
    before = np.asarray(network(LATENTS, POINTS, kept))
    assert np.abs(before - network(LATENTS, POINTS)).max() > 1e-4
    kernel = np.array(network.last.kernel)
    kernel[np.asarray(kept)[-1] == 0.0] = 99.0
    network.last.kernel.assign(kernel)
    np.testing.assert_allclose(network(LATENTS, POINTS, kept), before, atol=1e-6)


@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        ("channels", 0, "integer >= 1. Received: channels=0"),
        ("latent_dim", 2.5, "integer >= 1. Received: latent_dim=2.5"),
        ("width", -1, "integer >= 1. Received: width=-1"),
        ("depth", 0, "integer >= 1. Received: depth=0"),
        ("omega", 0.0, "number > 0. Received: omega=0.0"),
        ("omega", "fast", "number > 0. Received: omega='fast'"),
        ("omega", (30.0, -1.0), "number > 0. Received: omega=-1.0"),
        ("omega", (1.0, 2.0, 3.0), r"pair .first layer, other hidden layers.*Received"),
        ("activation", "relu", "second derivative"),
        ("activation", "cosine", "Received: activation='cosine'"),
        ("encoding", "fourier", "Received: encoding='fourier'"),
        ("modulation", "film", "'multiplicative', 'shift'.*Received: modulation='film'"),
        ("dropout", 1.0, "number < 1. Received: dropout=1.0"),
        ("dropout", -0.1, "number >= 0. Received: dropout=-0.1"),
        ("coordinate_dim", 0, "integer >= 1. Received: coordinate_dim=0"),
        ("output_activation", "tanh", "one of .'sigmoid', None."),
    ],
)
def test_argument_out_of_range(argument, value, message):
    arguments = {"channels": 1, "latent_dim": 4, argument: value}
    with pytest.raises(ValueError, match=message):
        ImplicitDecoder(**arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"omega": (10.0, 20.0), "modulation": "shift", "dropout": 0.1, "name": "small"},
        {"encoding": GaussianEncoding(5, learn_projection=True), "output_activation": "sigmoid"},
        {"encoding": "nerf", "activation": "silu", "coordinate_dim": 3, "modulation": True},
    ],
)
def test_config_is_the_constructor(arguments):
    network = decoder(**arguments)
    copy = ImplicitDecoder.from_config(network.get_config())
    assert copy.get_config() == network.get_config()
    assert [w.shape for w in copy.weights] == [w.shape for w in network.weights]


def test_same_seed_same_weights():
    first, second = [], []
    for weights in (first, second):
        keras.utils.set_random_seed(5)
        weights.extend(decoder(encoding="gaussian", modulation=True).get_weights())
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_gives_float32_values(kind, precision):
    network, full = decoder(dtype=precision, **KINDS[kind]), decoder(**KINDS[kind])
    full.set_weights(network.get_weights())
    assert all(layer.compute_dtype == precision[6:] for layer in network.hidden[1:])
    assert network(LATENTS, POINTS).dtype == "float32"
    # The argument of a sine is omega times the product: bfloat16 has 3 digits for it.
    np.testing.assert_allclose(network(LATENTS, POINTS), full(LATENTS, POINTS), atol=0.02)


def graph_operators(training):
    network = decoder()
    function = tf.function(lambda latents: network(latents, POINTS, training=training))
    graph = function.get_concrete_function(tf.TensorSpec([None, 4])).graph
    return {operator.type for operator in graph.get_operations()}


def test_inference_has_plain_operators_alone():
    assert "Sin" in graph_operators(training=False)
    assert not {kind for kind in graph_operators(training=False) if "Call" in kind}
    assert "Sin" not in graph_operators(training=True)


def test_training_has_the_same_outputs():
    network = decoder()
    train = tf.function(lambda latents: network(latents, POINTS, training=True))
    np.testing.assert_allclose(train(LATENTS), network(LATENTS, POINTS), atol=1e-5)

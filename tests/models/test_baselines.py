"""What is particular to the baselines; what all models share is tested in test_all_models.py."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

import gon_tf
from gon_tf import GLO, Autoencoder, ConvDecoder, TiedAutoencoder, VariationalAutoencoder
from gon_tf.models import encoders
from gon_tf.models.glo import in_unit_ball

SHAPE, LATENTS = (8, 8, 1), 4


def decoder(**arguments):
    return ConvDecoder(SHAPE, LATENTS, filters=2, **arguments)


def dense_decoder():
    return keras.Sequential(
        [keras.Input((LATENTS,)), keras.layers.Dense(64, "sigmoid"), keras.layers.Reshape(SHAPE)]
    )


def dense_encoder(outputs=LATENTS):
    return keras.Sequential(
        [keras.Input(SHAPE), keras.layers.Flatten(), keras.layers.Dense(outputs)]
    )


def trained(model, images, epochs=3):
    model.compile(keras.optimizers.Adam(1e-2))
    model.fit(images, epochs=epochs, batch_size=5, verbose=0)
    return model


def error(model, latents, images):
    return np.sum((model.decode(latents) - images / 255.0) ** 2, axis=(1, 2, 3))


# Encoders


@pytest.mark.parametrize("normalization", [None, "instance"])
@pytest.mark.parametrize("image_shape", [(32, 32, 1), (28, 28, 3), (16, 8, 1)])
def test_mirrored_encoder_has_the_decoders_layers_in_reverse(image_shape, normalization):
    decoder = ConvDecoder(image_shape, 10, filters=4, normalization=normalization)
    encoder = encoders.mirrored(decoder, 10)
    assert encoder.input_shape == (None, *image_shape)
    assert encoder.output_shape == (None, 10)
    convolutions = [
        layer.kernel.shape for layer in encoder.layers if isinstance(layer, keras.layers.Conv2D)
    ]
    assert convolutions == [layer.kernel.shape for layer in decoder.projections[:0:-1]]
    # The same kernels and normalisations, and biases of the 10 latents instead of the channels.
    assert encoder.count_params() == decoder.count_params() + 10 - image_shape[-1]


def test_mirrored_encoder_of_the_published_network():
    decoder = ConvDecoder((32, 32, 1), 32, filters=32, normalization="batch")
    model = Autoencoder(decoder)
    layers = model.encoder_network.layers
    assert [layer.output.shape[1:3] for layer in layers[::3][:3]] == [(16, 16), (8, 8), (4, 4)]
    assert {type(layer).__name__ for layer in layers[1::3][:3]} == {"BatchStatistics"}
    assert all(layer.activation is keras.activations.elu for layer in layers[2::3][:3])


def test_given_encoder_serves_any_decoder_and_any_file(images, tmp_path):
    model = trained(Autoencoder(dense_decoder(), encoder=dense_encoder()), images)
    flat = images.reshape(10, 64) / np.float32(255)
    kernel, bias = map(np.asarray, model.encoder.weights)
    np.testing.assert_allclose(model.encode(images), flat @ kernel + bias, rtol=1e-4, atol=1e-5)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.encode(images), model.encode(images))


def test_preset_of_a_given_encoder(tmp_path):
    model = Autoencoder(decoder(), encoder=dense_encoder())
    with pytest.raises(ValueError, match=r"Received: Sequential; save this model with model.save"):
        model.save_to_preset(tmp_path / "preset")


def test_tied_encoder_shares_the_decoders_kernels(images):
    plain, tied = decoder(), TiedAutoencoder(decoder())
    own = 2 + LATENTS  # one bias for each channel of the one hidden layer, and for each latent
    assert sum(weight.shape.num_elements() for weight in tied.trainable_weights) == (
        plain.count_params() + own
    )
    before = tied.encode(images)
    tied.decoder.projections[-1].kernel.assign(2.0 * tied.decoder.projections[-1].kernel)
    assert np.abs(tied.encode(images) - before).max() > 0.01 * np.abs(before).max()


def test_tied_encoder_is_the_transpose_of_the_decoder():
    """<E(x), z> = <x, F(z)> for a decoder without biases and activations."""
    linear = ConvDecoder((16, 16, 2), 3, activation="linear", output_activation=None,
                         allow_piecewise_linear=True)  # fmt: skip
    for layer in linear.projections:
        layer.bias.assign(0.0 * layer.bias)
    model, generator = TiedAutoencoder(linear), np.random.default_rng(0)
    images = generator.random((4, 16, 16, 2), np.float32)
    latents = generator.normal(size=(4, 3)).astype(np.float32)
    np.testing.assert_allclose(
        np.sum(model.encode(images) * latents, axis=1),
        np.sum(images * model.decode(latents), axis=(1, 2, 3)),
        rtol=1e-4,
    )


def test_latent_regularizer_keeps_latents_short(images):
    plain, short = Autoencoder(decoder()), Autoencoder(decoder(), latent_regularizer=0.5)
    short.set_weights(plain.get_weights())
    difference = short.batch_loss(images, False) - plain.batch_loss(images, False)
    expected = 0.5 * np.mean(np.sum(plain.encode(images) ** 2, axis=1))
    assert float(difference) == pytest.approx(expected, rel=1e-4)


# Variational autoencoder


def test_loss_of_the_variational_autoencoder_by_hand(images):
    model = VariationalAutoencoder(decoder(), kl_weight=0.5, latent_regularizer=0.1)
    x = images / np.float32(255)
    mean, log_variance = np.split(np.asarray(model.encoder_network(x)), 2, axis=1)
    noise = np.asarray(model.noise(x, training=False))
    z = mean + np.exp(log_variance / 2) * noise
    p = np.clip(model.decode(z), 1e-7, 1 - 1e-7)
    nats = -np.sum(x * np.log(p) + (1 - x) * np.log(1 - p), axis=(1, 2, 3))
    kl = 0.5 * np.sum(mean**2 + np.exp(log_variance) - 1 - log_variance, axis=1)
    expected = np.mean(nats + 0.5 * kl + 0.1 * np.sum(z**2, axis=1))
    assert float(model.batch_loss(x, training=False)) == pytest.approx(expected, rel=1e-5)


def test_variational_encode_is_the_mean_and_samples_come_from_the_prior(images):
    model = VariationalAutoencoder(decoder())
    mean = model.posterior(model.problem(images)).mean
    np.testing.assert_allclose(model.encode(images), mean, rtol=1e-5, atol=1e-6)
    noise = gon_tf.latents.standard_normal(range(3, 8), LATENTS)
    np.testing.assert_array_equal(model.sample(5, seed=3), model.decode(noise))


def test_weight_of_the_divergence_acts(images):
    free = trained(VariationalAutoencoder(decoder(), kl_weight=0.0), images, epochs=20)
    tied = trained(VariationalAutoencoder(decoder(), kl_weight=10.0), images, epochs=20)
    kl = [model.evaluate(images, verbose=0, return_dict=True)["kl"] for model in (free, tied)]
    assert kl[0] > 2.0 * kl[1]


# GLO


def test_every_image_has_its_own_latent_in_the_unit_ball(images):
    model = GLO(decoder(), image_count=10)
    before = np.asarray(model.image_latents)
    assert np.linalg.norm(before, axis=1).max() <= 1.0 + 1e-6
    data = tf.data.Dataset.from_tensor_slices((images[:3], np.array([7, 2, 5]))).batch(3)
    model.compile(keras.optimizers.SGD(0.5))
    model.fit(data, verbose=0)
    moved = np.abs(np.asarray(model.image_latents) - before).max(axis=1) > 1e-6
    assert set(np.flatnonzero(moved)) == {2, 5, 7}
    trained(model, images, epochs=10)
    assert np.linalg.norm(model.image_latents, axis=1).max() <= 1.0 + 1e-6


def test_an_array_and_a_shuffled_data_set_give_images_the_same_latents(images):
    def errors(data, **arguments):
        keras.utils.set_random_seed(0)
        model = GLO(decoder(), image_count=10)
        model.compile(keras.optimizers.Adam(2e-2))
        model.fit(data, epochs=60, verbose=0, **arguments)
        return error(model, np.asarray(model.image_latents), images)

    numbered = tf.data.Dataset.from_tensor_slices((images, np.arange(10)))
    ordered = errors(images, batch_size=5)
    shuffled = errors(numbered.shuffle(10, seed=0).batch(5))
    swapped = error_of_swapped_latents(images)
    assert ordered.mean() < 0.7 * swapped
    assert shuffled.mean() < 0.7 * swapped


def error_of_swapped_latents(images):
    """Error if every image looked like the one before it."""
    pictures = images / 255.0
    return np.mean(np.sum((pictures - np.roll(pictures, 1, axis=0)) ** 2, axis=(1, 2, 3)))


def test_new_images_are_encoded_by_optimisation(images):
    model = trained(GLO(decoder(), image_count=8, latent_regularizer=0.01), images[:8], epochs=40)
    latents = model.encode(images[8:])
    assert np.linalg.norm(latents, axis=1).max() <= 1.0 + 1e-6
    mean = np.repeat(np.mean(model.image_latents, axis=0, keepdims=True), 2, axis=0)
    assert np.all(error(model, latents, images[8:]) < error(model, mean, images[8:]))
    np.testing.assert_array_equal(model.encode(images[8:]), latents)
    np.testing.assert_allclose(model.encode(images[9:])[0], latents[1], atol=1e-5)


def test_more_steps_encode_better(images):
    model = trained(GLO(decoder(), image_count=10), images, epochs=40)
    more = GLO.from_config({**model.get_config(), "encode_steps": 200})
    less = GLO.from_config({**model.get_config(), "encode_steps": 2})
    for other in (more, less):
        other.copy_from(model)
    errors = [error(other, other.encode(images), images).mean() for other in (more, model, less)]
    assert errors[0] <= errors[1] * 1.01
    assert errors[1] < errors[2]


def test_samples_come_from_the_learned_latents(images):
    model = trained(GLO(decoder(), image_count=10), images)
    mean, _ = model.prior.gaussians().moments()
    np.testing.assert_allclose(mean, np.mean(model.image_latents, axis=0), atol=1e-4)


def test_nearest_latents_in_the_ball():
    latents = np.array([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0]], np.float32)
    expected = [[0.6, 0.8], [0.3, 0.4], [0.0, 0.0]]
    np.testing.assert_allclose(in_unit_ball(latents), expected, rtol=1e-6)


def test_encode_before_training(images):
    model = GLO(decoder(), image_count=10)
    for use in (model.encode, model.reconstruct):
        with pytest.raises(ValueError, match=r"call fit\(images\), or .* Received: a model that"):
            use(images)


def test_generators_have_no_numbers(images):
    model = GLO(decoder(), image_count=10)
    model.compile("adam")
    with pytest.raises(TypeError, match="array of images or a tf.data.Dataset.*generator"):
        model.fit((images for _ in range(2)), steps_per_epoch=2)


NUMBERS = {
    "of fewer images": (lambda x: x[:9], r"image_count=10 images. Received: 9 images"),
    "missing": (lambda x: tf.data.Dataset.from_tensor_slices(x).batch(5), r"\(images, numbers\)"),
    "as floats": (lambda x: numbered(x, np.arange(10.0)), r"\(images, numbers\)"),
    "too large": (lambda x: numbered(x, np.arange(1, 11)), "Received: numbers from 1 to 10"),
    "labels": (lambda x: numbered(x, np.arange(10) // 2), "are they labels?"),
}


def numbered(images, numbers):
    return tf.data.Dataset.from_tensor_slices((images, numbers)).batch(10)


@pytest.mark.parametrize("kind", NUMBERS)
def test_wrong_numbers(kind, images):
    model = GLO(decoder(), image_count=10)
    model.compile("adam")
    spoil, message = NUMBERS[kind]
    with pytest.raises(ValueError, match=message):
        model.fit(spoil(images), verbose=0)


# Mixtures of Gaussians


def test_mixture_of_latents_is_saved_and_sampled(images, tmp_path):
    pytest.importorskip("sklearn")
    model = trained(Autoencoder(decoder(), components=2), images)
    assert model.prior.weights.shape == (2,)
    assert model.prior.means.shape == (2, LATENTS)
    assert model.prior.roots.shape == (2, LATENTS, LATENTS)
    assert float(np.sum(model.prior.weights)) == pytest.approx(1.0)
    many = model.sample(10, seed=4)
    np.testing.assert_allclose(model.sample(1, seed=9)[0], many[5], atol=1e-6)
    model.save_to_preset(tmp_path / "preset")
    np.testing.assert_array_equal(gon_tf.load(tmp_path / "preset").sample(10, seed=4), many)


# Arguments

CLASSES = {
    Autoencoder: {},
    TiedAutoencoder: {},
    VariationalAutoencoder: {},
    GLO: {"image_count": 10},
}


@pytest.mark.parametrize("cls", CLASSES)
def test_config_is_the_constructors_arguments(cls):
    model = cls(decoder(), **CLASSES[cls])
    own = set(inspect.signature(cls).parameters) - {"kwargs"}
    own |= {"prior", "components", "rank", "labels"}  # of every model
    assert set(model.get_config()) - {"name", "trainable", "dtype"} == own


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: Autoencoder(dense_decoder()), ValueError, "encoder=.*Received: decoder .* Seq"),
        (lambda: TiedAutoencoder(dense_decoder()), ValueError, "class Sequential"),
        (lambda: VariationalAutoencoder(dense_decoder()), ValueError, "class Sequential"),
        (lambda: Autoencoder(decoder(), encoder="conv"), TypeError, "Received: encoder='conv'"),
        (
            lambda: Autoencoder(decoder(), encoder=dense_encoder(5)),
            ValueError,
            r"map \(None, 8, 8, 1\) to \(None, 4\). Received: .* to \(None, 5\)",
        ),
        (
            lambda: VariationalAutoencoder(decoder(), encoder=dense_encoder()),
            ValueError,
            r"to \(None, 8\). Received: .* to \(None, 4\)",
        ),
        (
            lambda: Autoencoder(decoder(), encoder=keras.Sequential([keras.layers.Flatten()])),
            ValueError,
            "not built",
        ),
        (lambda: Autoencoder(decoder(), loss="no"), ValueError, "Received: loss='no'"),
        (lambda: Autoencoder(decoder(), components=0), ValueError, "Received: components=0"),
        (lambda: VariationalAutoencoder(decoder(), kl_weight=-1), ValueError, "kl_weight=-1"),
        (lambda: Autoencoder(decoder(), prior="flow"), ValueError, "Received: prior='flow'"),
        (lambda: Autoencoder(decoder(), rank=0), ValueError, "Received: rank=0"),
        (
            lambda: VariationalAutoencoder(decoder(), prior="normal", components=2),
            ValueError,
            "prior='normal' has no components. Received: components=2",
        ),
        (lambda: GLO(decoder(), 0), ValueError, "Received: image_count=0"),
        (lambda: GLO(decoder(), 5, encode_steps=0), ValueError, "Received: encode_steps=0"),
        (lambda: GLO(decoder(), 5, encode_learning_rate=0), ValueError, "learning_rate=0"),
        (lambda: GLO("decoder", 5), TypeError, "Received: str"),
    ],
)
def test_bad_arguments(build, error, message):
    with pytest.raises(error, match=message):
        build()

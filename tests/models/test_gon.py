"""What is particular to GON; what all models share is tested in test_all_models.py."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from gon_tf import GON, ConvDecoder


def decoder(**arguments):
    return ConvDecoder((8, 8, 1), 4, filters=2, **arguments)


@pytest.mark.parametrize("loss", ["squared_error", "cross_entropy"])
@pytest.mark.parametrize("step", ["gradient", "gauss-newton"])
def test_fold_is_the_encoder(images, loss, step):
    model = GON(decoder(), loss=loss, step=step)
    encoder = model.fold()
    assert [type(layer).__name__ for layer in encoder.layers] == ["InputLayer", "Flatten", "Dense"]
    scale = np.abs(model.encode(images)).max()
    folded = encoder.predict(images / np.float32(255), verbose=0)
    np.testing.assert_allclose(folded, model.encode(images), atol=1e-5 * scale)


def test_encode_takes_the_fold_to_be_what_call_does(images):
    model = GON(decoder())
    in_graph = model.latents_of(tf.constant(images / np.float32(255)))
    scale = np.abs(in_graph).max()
    np.testing.assert_allclose(model.encode(images), in_graph, atol=1e-4 * scale)


@pytest.mark.parametrize(
    ("arguments", "decoder_arguments", "message"),
    [
        ({"inner_steps": 2}, {}, "Received: inner_steps=2"),
        ({}, {"normalization": "batch"}, "batch normalisation"),
    ],
)
def test_what_does_not_fold_says_why_and_still_works(images, arguments, decoder_arguments, message):
    model = GON(decoder(**decoder_arguments), step="gradient", **arguments)
    with pytest.raises(ValueError, match=message):
        model.fold()
    assert np.all(np.isfinite(model.reconstruct(images)))


@pytest.mark.parametrize("layer", [keras.layers.Dropout(0.5), keras.layers.GaussianNoise(0.1)])
def test_chance_in_the_decoder_takes_the_nested_tape(layer):
    network = keras.Sequential(
        [keras.Input((4,)), layer, keras.layers.Dense(16), keras.layers.Reshape((4, 4, 1))]
    )
    assert not GON(network).shares_origin


def test_any_keras_model_may_be_the_decoder():
    network = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(20, "tanh"),
            keras.layers.Dense(32, "sigmoid"),
            keras.layers.Reshape((4, 4, 2)),
        ]
    )
    images = np.random.default_rng(0).uniform(size=(12, 4, 4, 2)).astype(np.float32)
    for loss in ("squared_error", "cross_entropy"):
        model = GON(network, loss=loss)
        model.compile(keras.optimizers.Adam(1e-2))
        losses = model.fit(images, epochs=4, batch_size=4, verbose=0).history["loss"]
        assert losses[-1] < losses[0]
        np.testing.assert_allclose(model.reconstruct(images), model(images), atol=1e-5)


def test_cross_entropy_is_the_same_from_logits_and_from_probabilities(images):
    conv = decoder()
    latents = keras.Input((4,))
    wrapped = keras.Model(latents, conv(latents))
    from_logits = GON(conv, loss="cross_entropy").encode(images)
    from_images = GON(wrapped, loss="cross_entropy").encode(images)
    np.testing.assert_allclose(from_images, from_logits, rtol=1e-3, atol=1e-3)


def test_learned_origin_is_trained_and_detached_origin_too(images):
    for detach in (False, True):
        model = GON(decoder(), learn_origin=True, detach_origin=detach)
        model.compile(keras.optimizers.Adam(1e-2))
        model.fit(images, epochs=1, batch_size=5, verbose=0)
        assert np.abs(model.origin).max() > 0.0


def test_detached_origin_sends_no_gradient_through_the_step(images):
    model, ablated = GON(decoder()), GON(decoder(), detach_origin=True)
    ablated.decoder.set_weights(model.decoder.get_weights())
    batch = tf.constant(images / np.float32(255))

    def gradients(model):
        with tf.GradientTape() as tape:
            loss = model.batch_loss(batch, training=True)
        return tape.gradient(loss, model.trainable_weights)

    with tf.GradientTape() as tape:
        latents = tf.stop_gradient(ablated.latents_of(batch))
        loss = tf.reduce_mean(tf.reduce_sum((ablated.decoder(latents) - batch) ** 2, [1, 2, 3]))
    alone = tape.gradient(loss, ablated.trainable_weights)
    for own, expected, full in zip(gradients(ablated), alone, gradients(model), strict=True):
        np.testing.assert_allclose(own, expected, rtol=1e-4, atol=1e-6)
        assert np.abs(own - full).max() > 1e-6


def test_latent_regularizer_adds_the_squared_length(images):
    plain, regularized = GON(decoder()), GON(decoder(), latent_regularizer=0.5)
    regularized.decoder.set_weights(plain.decoder.get_weights())
    lengths = np.sum(plain.encode(images) ** 2, axis=1).mean()
    difference = regularized.batch_loss(images, False) - plain.batch_loss(images, False)
    np.testing.assert_allclose(difference, 0.5 * lengths, rtol=1e-3)


def test_inner_scale_and_step_size_scale_the_gradient_step(images):
    weights = (model := GON(decoder(), step="gradient")).decoder.get_weights()
    default = model.encode(images)
    for arguments, factor in [
        ({"inner_scale": 1.0}, 64 * 64),
        ({"step_size": 3.0}, 3.0),
        ({"inner_scale": 2.0 / (64 * 64), "step_size": 0.25}, 0.5),
    ]:
        model = GON(decoder(), step="gradient", **arguments)
        model.decoder.set_weights(weights)
        np.testing.assert_allclose(model.encode(images), factor * default, rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        ("loss", "no", "one of .'cross_entropy', 'squared_error'.*Received: loss='no'"),
        ("step", "newton", "one of .'gradient', 'gauss-newton'.*Received: step='newton'"),
        ("inner_steps", 0, "integer >= 1. Received: inner_steps=0"),
        ("inner_scale", 0.0, "number > 0. Received: inner_scale=0.0"),
        ("step_size", float("nan"), "number > 0"),
        ("damping", 0, "number > 0"),
        ("learn_origin", "yes", "True or False"),
        ("latent_regularizer", -1.0, "number >= 0"),
        ("detach_origin", None, "True or False"),
    ],
)
def test_argument_out_of_range(argument, value, message):
    with pytest.raises(ValueError, match=message):
        GON(decoder(), **{argument: value})


@pytest.mark.parametrize(
    ("network", "error", "message"),
    [
        (lambda: "conv", TypeError, "must be a Keras model.*Received: str"),
        (lambda: keras.Sequential([keras.layers.Dense(4)]), ValueError, "give it a keras.Input"),
        (
            lambda: keras.Sequential([keras.Input((3,)), keras.layers.Dense(4)]),
            ValueError,
            r"Received: \(None, 3\) to \(None, 4\)",
        ),
    ],
)
def test_decoder_that_is_none(network, error, message):
    with pytest.raises(error, match=message):
        GON(network())


def test_cross_entropy_refuses_unbounded_outputs():
    with pytest.raises(ValueError, match="output_activation=None"):
        GON(decoder(output_activation=None), loss="cross_entropy")


def test_the_fold_is_kept_until_a_weight_changes(images, monkeypatch):
    model = GON(decoder())
    model.compile(keras.optimizers.SGD(1e-3))
    count = []
    fold = model._fold
    monkeypatch.setattr(model, "_fold", lambda: (count.append(1), fold())[1])
    before = model.encode(images)
    np.testing.assert_array_equal(model.encode(images), before)
    assert len(count) == 1
    model.train_on_batch(images)
    after = model.encode(images)
    assert len(count) == 2
    expected = model.latents_of(tf.constant(images / 255.0, "float32"))
    np.testing.assert_allclose(after, expected, atol=1e-4 * np.abs(expected).max())
    assert np.abs(after - before).max() > 1e-4
    model.decoder.projections[0].bias.assign_add(np.full(2, 0.1))
    assert np.abs(model.encode(images) - after).max() > 1e-4
    assert len(count) == 3


def test_another_number_of_steps_than_the_decoder_is_made_for(images):
    model = GON(decoder(), inner_steps=2)
    model.inner_steps = 2
    with pytest.warns(UserWarning, match=r"made for inner_steps=2: with 3 it reconstructs worse"):
        model.inner_steps = 3
    assert model.get_config()["inner_steps"] == 3
    with pytest.raises(ValueError, match="inner_steps=0"):
        model.inner_steps = 0

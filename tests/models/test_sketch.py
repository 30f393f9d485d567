"""Decoders with a sketch: the step from the origin sees the image as small as that."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import gon_tf
from gon_tf import GON, ResidualDecoder, VariationalGON
from gon_tf.export import functions
from gon_tf.origin import Network
from tests.nested import nested, repeated

IMAGES = np.random.default_rng(0).random((3, 32, 16, 1), np.float32)


def model_of(cls=GON, **arguments):
    keras.utils.set_random_seed(0)
    decoder = ResidualDecoder((32, 16, 1), 3, filters=2, sketch_size=8)
    decoder.head.kernel.assign(tf.random.stateless_normal(decoder.head.kernel.shape, seed=(0, 0)))
    return cls(decoder, **arguments)


@pytest.mark.parametrize("loss", ["squared_error", "cross_entropy"])
@pytest.mark.parametrize("cls", [GON, VariationalGON])
@pytest.mark.parametrize("step", ["gauss-newton", "gradient"])
def test_the_fast_path_is_the_nested_tape_at_the_sketch(cls, loss, step):
    model = model_of(cls, loss=loss, step=step)
    images = tf.nn.avg_pool2d(IMAGES, 4, 4, "VALID")
    network = Network(model.inner_network())
    start = model.start()
    precision = model.linearized(network, model.inner_loss).precision

    def weighted(outputs, values):  # a value of the sketch stands for 16 of the image
        return 16.0 * model.pixel_loss(outputs, values)

    points = nested(
        network,
        repeated(start, images),
        images,
        weighted,
        model.origin_step,
        model.penalty,
        precision,
    )
    expected = points if cls is GON else model.mean_map(points)
    latents = model.encode(IMAGES)
    np.testing.assert_allclose(latents, expected, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("inner_steps", [1, 2])
@pytest.mark.parametrize("cls", [GON, VariationalGON])
def test_alone_as_in_a_batch(cls, inner_steps):
    model = model_of(cls, inner_steps=inner_steps)
    together = model.encode(IMAGES)
    alone = np.concatenate([model.encode(image[None]) for image in IMAGES])
    np.testing.assert_allclose(alone, together, atol=1e-4 * np.abs(together).max())


@pytest.mark.parametrize("cls", [GON, VariationalGON])
def test_the_encoder_folds_to_the_small_image(cls):
    model = model_of(cls)
    encoder = model.fold()
    assert encoder.get_layer("latents").kernel.shape == (8 * 4, 3)
    expected = np.asarray(model.latents_of(tf.constant(IMAGES)))
    np.testing.assert_allclose(encoder(IMAGES), expected, atol=1e-4 * np.abs(expected).max())
    np.testing.assert_allclose(model.encode(IMAGES), expected, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("inner_steps", [1, 2])
def test_plain_functions_for_export(inner_steps):
    model = model_of(VariationalGON, inner_steps=inner_steps)
    assert model.encodes_plainly
    for function in functions.functions_of(model, IMAGES):
        inputs = function.inputs.values()
        found = function.layer(*map(tf.constant, inputs))[function.result]
        expected = function.reference(*inputs)
        np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("cls", [GON, VariationalGON])
def test_training_and_files(cls, tmp_path):
    model = model_of(cls)
    model.compile(keras.optimizers.Adam(1e-2))
    sketch = [np.array(weight) for weight in model.decoder.sketch.weights]
    history = model.fit(IMAGES, epochs=2, batch_size=3, verbose=0)
    assert np.all(np.isfinite(history.history["loss"]))
    for before, weight in zip(sketch, model.decoder.sketch.weights, strict=True):
        assert not np.array_equal(before, weight)
    model.save_to_preset(tmp_path / "model")
    again = gon_tf.load(tmp_path / "model")
    np.testing.assert_array_equal(again.reconstruct(IMAGES), model.reconstruct(IMAGES))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.reconstruct(IMAGES), model.reconstruct(IMAGES))

"""Muon on kernels of every shape."""

import keras
import numpy as np
import pytest

import gon_tf
from gon_tf.optimizers import Muon

RATE = 0.1


def moved(shape, gradient, **arguments):
    """How far one step of Muon moves a weight of zeros."""
    weight = keras.Variable(np.zeros(shape, np.float32))
    Muon(RATE, **arguments).apply_gradients([(gradient, weight)])
    return weight.numpy()


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (8, 2, 3, 4), (2, 2, 4, 6)])
def test_kernels_move_by_an_orthogonal_matrix(shape):
    gradient = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    step = moved(shape, gradient).reshape(-1, shape[-1])
    left, lengths, right = np.linalg.svd(gradient.reshape(-1, shape[-1]), full_matrices=False)
    scale = 0.2 * RATE * np.sqrt(max(step.shape))
    # Five rounds of the iteration leave singular values between 0.7 and 1.2 of their aim.
    np.testing.assert_allclose(np.linalg.svd(step)[1], np.full(len(lengths), scale), rtol=0.35)
    along = np.diag(left.T @ -step @ right.T)
    np.testing.assert_allclose(along, np.full(len(lengths), scale), rtol=0.35)


def test_matrices_move_as_with_keras():
    gradient = np.random.default_rng(1).normal(size=(6, 4)).astype(np.float32)
    weight = keras.Variable(np.zeros((6, 4), np.float32))
    keras.optimizers.Muon(RATE).apply_gradients([(gradient, weight)])
    np.testing.assert_array_equal(moved((6, 4), gradient), weight.numpy())


def test_biases_follow_adam():
    gradient = np.array([3.0, -0.01], np.float32)
    np.testing.assert_allclose(moved((2,), gradient), [-RATE, RATE], rtol=1e-3)


@pytest.mark.parametrize("shape", [(6, 4), (2, 2, 4, 6)])
def test_excluded_layers_and_embeddings_follow_adam(shape):
    gradient = np.random.default_rng(3).normal(size=shape).astype(np.float32)
    expected = -RATE * np.sign(gradient)
    np.testing.assert_allclose(moved(shape, gradient, exclude_layers=["vari"]), expected, rtol=1e-2)
    table = keras.Variable(np.zeros((6, 4), np.float32), name="embeddings")
    slopes = np.full((6, 4), 2.0, np.float32)
    Muon(RATE).apply_gradients([(slopes, table)])
    np.testing.assert_allclose(table.numpy(), -RATE * np.ones((6, 4)), rtol=1e-3)


def test_no_weight_decays_unless_told():
    nothing = np.zeros((4, 4), np.float32)
    for arguments, expected in [({}, 1.0), ({"weight_decay": 0.5}, 1.0 - 0.5 * RATE)]:
        weight = keras.Variable(np.ones((4, 4), np.float32))
        Muon(RATE, **arguments).apply_gradients([(nothing, weight)])
        np.testing.assert_allclose(weight.numpy(), np.full((4, 4), expected), rtol=1e-6)


def test_a_compiled_model_keeps_it(tmp_path):
    model = gon_tf.GON(gon_tf.ConvDecoder((8, 8, 1), latent_dim=4, filters=2))
    model.compile(gon_tf.optimizers.Muon(1e-2, momentum=0.9))
    images = np.random.default_rng(2).random((8, 8, 8, 1), np.float32)
    model.fit(images, batch_size=4, epochs=1, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert type(again.optimizer) is Muon
    for both in (model, again):
        both.fit(images, batch_size=4, epochs=1, verbose=0, shuffle=False)
    for one, other in zip(model.weights, again.weights, strict=True):
        np.testing.assert_array_equal(one, other)

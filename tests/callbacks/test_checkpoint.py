import keras
import numpy as np
import pytest
import tensorflow as tf

import gon_tf
from gon_tf.callbacks import Checkpoint, Stopped
from gon_tf.callbacks import checkpoint_files as checkpoints


class Interruption(keras.callbacks.Callback):
    """Raises RuntimeError at a step, counted from the start of this training."""

    def __init__(self, step):
        super().__init__()
        self.left = step

    def on_train_batch_begin(self, batch, logs=None):
        self.left -= 1
        if self.left < 0:
            raise RuntimeError


def build(optimizer=None, **arguments):
    """A small model with dropout: the callback is for any, and GONs take longer to trace."""
    keras.utils.set_random_seed(3)
    layers = [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dropout(0.2)]
    model = keras.Sequential([*layers, keras.layers.Dense(2), keras.layers.Dense(64)])
    model.compile(optimizer or keras.optimizers.Adam(0.01, use_ema=True), "mse", **arguments)
    return model


def pairs(batches):
    """Batches of (images, flat images)."""
    return batches.map(lambda images: (images / 255, tf.reshape(images, (-1, 64)) / 255))


def train(images, folder, *others, model=None, every=2):
    """Five steps an epoch, three epochs: the model, and its history."""
    model = model or build()
    images = gon_tf.data.Images(images)
    stopping = keras.callbacks.EarlyStopping(patience=9, restore_best_weights=True)
    checkpoint = Checkpoint(folder, every, [stopping])
    history = model.fit(
        pairs(images.steps(2, shuffle_seed=0, start=5 * checkpoint.epoch)),
        steps_per_epoch=5,
        epochs=3,
        validation_data=pairs(images.batches(4)),
        callbacks=[stopping, *others, checkpoint],
        shuffle=False,
        verbose=0,
    )
    return model, history.history


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Weights and last metrics of a training that was not interrupted."""
    images = np.random.default_rng(5).integers(0, 256, (10, 8, 8, 1), dtype=np.uint8)
    model, history = train(images, tmp_path_factory.mktemp("whole"))
    return images, model.get_weights(), {name: values[-1] for name, values in history.items()}


@pytest.mark.parametrize("steps", [[1], [5], [8, 3], [14]])
def test_interrupted_training_ends_with_the_same_weights(whole, tmp_path, steps):
    images, weights, logs = whole
    for step in steps:
        with pytest.raises(RuntimeError):
            train(images, tmp_path, Interruption(step))
    model, history = train(images, tmp_path)
    for weight, expected in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(weight, expected)
    assert {name: values[-1] for name, values in history.items()} == logs
    # once it is done, there is nothing more to do
    model, history = train(images, tmp_path)
    assert history == {}
    for weight, expected in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(weight, expected)


def test_a_damaged_checkpoint_costs_only_time(whole, tmp_path):
    images, weights, _ = whole
    with pytest.raises(RuntimeError):
        train(images, tmp_path, Interruption(9))
    checkpoints.find(tmp_path)[-1].write_bytes(b"")
    with pytest.warns(UserWarning, match="is damaged"):
        model, _ = train(images, tmp_path)
    for weight, expected in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(weight, expected)


def test_stop_writes_a_last_checkpoint(whole, tmp_path):
    images, model = gon_tf.data.Images(whole[0]), build()
    checkpoint = Checkpoint(tmp_path)
    third = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: checkpoint.stop() if batch == 2 else None
    )
    with pytest.raises(Stopped):
        model.fit(pairs(images.batches(2)), callbacks=[third, checkpoint], shuffle=False, verbose=0)
    assert (checkpoints.newest(tmp_path).epoch, checkpoints.newest(tmp_path).step) == (0, 3)


def test_steps_per_execution(whole, tmp_path):
    images = whole[0]

    def go_on(folder, *others):
        model = build(steps_per_execution=2)
        return train(images, tmp_path / folder, *others, model=model)[0].get_weights()

    with pytest.raises(RuntimeError):
        go_on("interrupted", Interruption(2))
    results = go_on("interrupted"), go_on("whole")
    for weight, expected in zip(*results, strict=True):
        np.testing.assert_array_equal(weight, expected)


def test_a_checkpoint_of_another_model(whole, tmp_path):
    images = whole[0]
    with pytest.raises(RuntimeError):
        train(images, tmp_path, Interruption(5))
    with pytest.raises(ValueError, match="is of another model, optimizer or callbacks"):
        train(images, tmp_path, model=build(keras.optimizers.SGD()))


@pytest.mark.parametrize("arguments", [{"every": 0}, {"writes": 1}])
def test_arguments_out_of_range(tmp_path, arguments):
    with pytest.raises(ValueError, match="Received"):
        Checkpoint(tmp_path, **arguments)

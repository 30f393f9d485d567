import keras
import numpy as np
import pytest
import tensorflow as tf

import gon_tf
from gon_tf.callbacks import Checkpoint, Stopped
from gon_tf.callbacks import checkpoint as checkpoints
from gon_tf.callbacks.checkpoint import Moment


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


def test_a_checkpoint_of_another_training(whole, tmp_path):
    images = gon_tf.data.Images(whole[0])

    def fit(of):
        options = {"steps_per_epoch": 1, "shuffle": False, "verbose": 0}
        checkpoint = Checkpoint(tmp_path, of=of)
        build().fit(pairs(images.steps(2, shuffle_seed=0)), callbacks=[checkpoint], **options)

    fit("seed 0")
    fit("seed 0")
    with pytest.raises(ValueError, match="is of another training"):
        fit("seed 1")


# Files

ARRAYS = [np.arange(6, dtype=np.float32).reshape(2, 3), np.array(7, np.int64)]


def write(folder, epoch, step=0):
    checkpoints.write(folder, Moment(epoch, step, ARRAYS, {"rows": [0.1, float("inf")]}))


def test_round_trip(tmp_path):
    write(tmp_path / "new", 2, 17)
    read = checkpoints.newest(tmp_path / "new")
    assert (read.epoch, read.step) == (2, 17)
    assert read.state == {"rows": [0.1, float("inf")]}
    for array, expected in zip(read.arrays, ARRAYS, strict=True):
        np.testing.assert_array_equal(array, expected)
        assert array.dtype == expected.dtype
    assert str(read) == "after epoch 2 and 17 steps"


def test_there_is_none(tmp_path):
    assert checkpoints.newest(tmp_path / "nowhere") is None


def test_two_are_kept(tmp_path):
    for epoch, step in [(0, 5), (1, 0), (1, 5), (10, 0)]:
        write(tmp_path, epoch, step)
    kept = ["000001-000000005.checkpoint", "000010-000000000.checkpoint"]
    assert [path.name for path in checkpoints.find(tmp_path)] == kept


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty"])
def test_a_damaged_one_gives_way_to_the_one_before(tmp_path, damage):
    write(tmp_path, 1)
    write(tmp_path, 2)
    newest = checkpoints.find(tmp_path)[-1]
    content = bytearray(newest.read_bytes())
    content[-200] ^= 1
    newest.write_bytes({"cut": content[:-1], "flipped": content, "empty": b""}[damage])
    with pytest.warns(UserWarning, match="000002-000000000.checkpoint is damaged"):
        assert checkpoints.newest(tmp_path).epoch == 1
    # what lies ahead is removed, else it would be taken for the newest again
    write(tmp_path, 1, 5)
    assert len(checkpoints.find(tmp_path)) == 2
    assert checkpoints.newest(tmp_path).step == 5


def test_all_are_damaged(tmp_path):
    for epoch in (1, 2):
        write(tmp_path, epoch)
        checkpoints.find(tmp_path)[-1].write_bytes(b"x")
    with pytest.warns(UserWarning, match="damaged"), pytest.raises(ValueError, match="All 2 "):
        checkpoints.newest(tmp_path)


def test_a_pickle_is_not_opened(tmp_path):
    moment = Moment(1, 0, [np.array([print], object)], {})
    checkpoints.write(tmp_path, moment)
    with (
        pytest.warns(UserWarning, match="allow_pickle=False"),
        pytest.raises(ValueError, match="1"),
    ):
        checkpoints.newest(tmp_path)


def test_files_of_others_stay(tmp_path):
    others = [tmp_path / name for name in ("notes.checkpoint", "000009.checkpoint", "x.txt")]
    for path in others:
        path.write_text("mine")
    for epoch in (1, 2, 3):
        write(tmp_path, epoch)
    assert all(path.read_text() == "mine" for path in others)
    assert checkpoints.newest(tmp_path).epoch == 3

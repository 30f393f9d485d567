import itertools
import os
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from gon_tf.data import load, open_images, resize, stream
from gon_tf.data.store import _copy_to, order

SHAPE = (6, 8, 1)  # that of the pictures in `tfds_dir`


def numbers(batches):
    """Which pictures the batches hold: all pixels of the n-th have the value n."""
    return [n for batch in batches.as_numpy_iterator() for n in batch[:, 0, 0, 0].tolist()]


def test_batches(tfds_dir):
    batches = load("toy_digits:test", SHAPE, 2, data_dir=tfds_dir)
    assert batches.element_spec == tf.TensorSpec([None, *SHAPE], tf.uint8)
    assert [len(batch) for batch in batches] == [2, 2, 1]
    assert len(batches) == 3
    assert numbers(batches) == [20, 21, 22, 23, 24]


def test_static_batches(tfds_dir):
    batches = load("toy_digits:test", SHAPE, 2, data_dir=tfds_dir, drop_remainder=True)
    assert batches.element_spec == tf.TensorSpec([2, *SHAPE], tf.uint8)
    assert len(batches) == 2
    assert numbers(batches) == [20, 21, 22, 23]


def test_channels_and_size(tfds_dir):
    batches = load("toy_digits", (4, 3, 3), 20, data_dir=tfds_dir)
    batch = next(iter(batches)).numpy()
    expected = np.broadcast_to(np.arange(20)[:, None, None, None], (20, 4, 3, 3))
    np.testing.assert_array_equal(batch, expected)


def test_images_are_resized_once_like_single_ones(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (40, 30, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    (batch,) = load(str(tmp_path), (16, 20, 3), 4)
    np.testing.assert_array_equal(batch[0], resize(noise, (16, 20)))


def test_folder_of_mixed_pictures(folder):
    batches = load(str(folder), (8, 8, 3), 2)
    assert batches.element_spec == tf.TensorSpec([None, 8, 8, 3], tf.uint8)
    colours = np.concatenate(list(batches))[:, 0, 0].tolist()
    assert colours == [[10, 10, 10], [20, 30, 40], [30, 30, 30]]


def test_folder_may_turn_out_smaller(folder):
    (folder / "b.BMP").write_bytes(b"")
    with pytest.warns(UserWarning, match="skipped") as warned:
        batches = load(str(folder), (8, 8, 1), 1, shuffle_seed=0)
    messages = [str(warning.message) for warning in warned]
    assert len(messages) == 1
    assert messages[0].startswith(f"Cannot read image '{folder / 'b.BMP'}'")
    assert len(batches) == 2
    assert sorted(numbers(batches)) == [10, 30]  # from memory: no second warning


def test_files_are_read_once(folder):
    batches = load(str(folder), (8, 8, 1), 2)
    shutil.rmtree(folder)
    for _ in range(2):
        assert numbers(batches) == [10, 28, 30]


def test_without_a_seed_the_order_is_kept(tfds_dir):
    batches = load("toy_digits", SHAPE, 3, data_dir=tfds_dir)
    assert numbers(batches) == numbers(batches) == list(range(20))


def test_every_epoch_has_its_own_order(tfds_dir):
    def epochs(seed):
        batches = load("toy_digits", SHAPE, 3, data_dir=tfds_dir, shuffle_seed=seed)
        return [numbers(batches) for _ in range(3)]

    orders = epochs(seed=1)
    assert all(sorted(order) == list(range(20)) for order in orders)
    assert len({tuple(order) for order in [*orders, range(20)]}) == 4
    assert epochs(seed=1) == orders
    assert epochs(seed=2)[0] != orders[0]


def test_an_iterator_that_is_not_read_to_the_end_takes_no_order(tfds_dir):
    batches = load("toy_digits", SHAPE, 3, data_dir=tfds_dir, shuffle_seed=1)
    orders = [order(20, seed=1, epoch=epoch).tolist() for epoch in range(2)]
    for _ in range(2):  # Keras makes iterators that it takes a batch from, or none
        assert next(iter(batches))[:, 0, 0, 0].numpy().tolist() == orders[0][:3]
    assert numbers(batches) == orders[0]
    assert numbers(batches) == orders[1]


def test_two_devices_get_the_orders_that_one_gets(tfds_dir, two_devices):
    def seen(strategy):
        values = []

        class Recorder(keras.Model):
            def call(self, images):
                return images

            def train_step(self, images):
                sums = tf.reduce_sum(tf.cast(images, "int32"))
                total = tf.distribute.get_replica_context().all_reduce("sum", sums)
                return {"loss": total}

        with strategy.scope():
            model = Recorder()
            model.compile()
        record = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda _, logs: values.append(int(logs["loss"]))
        )
        batches = load("toy_digits", SHAPE, 4, data_dir=tfds_dir, shuffle_seed=1)
        model.fit(batches, epochs=2, shuffle=False, verbose=0, callbacks=[record])
        return values

    two = seen(two_devices)
    assert two == seen(tf.distribute.get_strategy())
    orders = np.concatenate([order(20, seed=1, epoch=epoch) for epoch in range(2)])
    assert two == (orders.reshape(10, 4).sum(axis=1) * np.prod(SHAPE)).tolist()


def test_another_process_has_the_same_order_and_tfds_comes_late_and_quiet(tfds_dir, folder):
    program = f"""
import sys, tensorflow as tf
from gon_tf.data import load, open_source
open_source({str(folder)!r})
assert "tensorflow_datasets" not in sys.modules
tf.random.set_seed(0)
for batch in load("toy_digits", {SHAPE}, 20, data_dir={str(tfds_dir)!r}, shuffle_seed=1):
    print(batch[:, 0, 0, 0].numpy().tolist())
import tensorflow_datasets as tfds
assert "coil20" in tfds.list_builders(with_community_datasets=False)
"""
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    tf.random.set_seed(0)
    here = load("toy_digits", SHAPE, 20, data_dir=tfds_dir, shuffle_seed=1)
    assert result.stdout == f"{numbers(here)}\n"
    assert "WARNING:absl:" not in result.stderr


def test_copying_to_a_device_keeps_batches_and_their_number(tfds_dir):
    batches = load("toy_digits", SHAPE, 3, data_dir=tfds_dir)
    copied = _copy_to(batches, "/cpu:1")
    assert next(iter(copied)).device.endswith("CPU:1")
    assert len(copied) == len(batches) == 7
    assert numbers(copied) == numbers(batches)


def test_gpu_is_used_if_there_is_just_one(tfds_dir, monkeypatch):
    devices = []

    def copy_to(batches, device):
        devices.append(device)
        return batches

    monkeypatch.setattr("gon_tf.data.store._copy_to", copy_to)
    for gpus in ([], ["one"], ["one", "two"]):
        monkeypatch.setattr(tf.config, "get_visible_devices", lambda _, gpus=gpus: gpus)
        load("toy_digits", SHAPE, 3, data_dir=tfds_dir)
        with tf.distribute.OneDeviceStrategy("/cpu:0").scope():
            load("toy_digits", SHAPE, 3, data_dir=tfds_dir)
    assert devices == ["/gpu:0"]


@pytest.mark.parametrize("image_shape", [(28, 28), (28, 28, 2), (0, 28, 1)])
def test_image_shape_that_is_wrong(tfds_dir, image_shape):
    with pytest.raises(ValueError, match=r"(image_shape|channels) must be .* Received: "):
        load("toy_digits", image_shape, 3, data_dir=tfds_dir)


def test_batch_size_that_is_wrong(tfds_dir):
    with pytest.raises(ValueError, match=r"batch_size must be .* Received: batch_size=0"):
        load("toy_digits", SHAPE, 0, data_dir=tfds_dir)


def test_data_set_that_is_wrong(tfds_dir):
    with pytest.raises(ValueError, match="no split 'valid'"):
        load("toy_digits:valid", SHAPE, 3, data_dir=tfds_dir)


def test_crop_keeps_the_aspect_ratio(tmp_path):
    wide = np.zeros([8, 20, 3], np.uint8)
    wide[:, 6:14] = 200
    Image.fromarray(wide).save(tmp_path / "a.png")
    (stretched,) = load(str(tmp_path), (4, 4, 1), 1).as_numpy_iterator()
    (cropped,) = load(str(tmp_path), (4, 4, 1), 1, crop=True).as_numpy_iterator()
    assert np.unique(cropped).tolist() == [200]
    assert stretched.min() < 100


def test_shards_are_disjoint_and_whole(tfds_dir, folder):
    name = f"toy_digits,{folder}"
    shards = [
        numbers(load(name, SHAPE, 3, data_dir=tfds_dir, shard=(index, 3))) for index in range(3)
    ]
    assert shards[0] == [*range(0, 20, 3), 10]
    assert sorted(itertools.chain(*shards)) == sorted([*range(20), 10, 28, 30])


@pytest.mark.parametrize("shard", [(1, 1), (-1, 2), (0, 0), 3, (0, 1, 2), (0.5, 1)])
def test_shard_that_is_wrong(tfds_dir, shard):
    with pytest.raises(ValueError, match=r"shard must be \(index, count\), .* Received: shard="):
        load("toy_digits", SHAPE, 3, data_dir=tfds_dir, shard=shard)


def test_shard_without_images(tfds_dir):
    with pytest.raises(ValueError, match=r"Shard 5 of 6 is empty: 'toy_digits:test' has 5 images"):
        load("toy_digits:test", SHAPE, 3, data_dir=tfds_dir, shard=(5, 6))


def test_too_many_broken_files(folder):
    for name in ("x.png", "y.png"):
        (folder / name).write_bytes(b"")
    with pytest.warns(UserWarning, match="skipped"):
        assert len(open_images(str(folder), (8, 8, 1), max_broken=2)) == 3
    message = rf"More than 1 images of '{folder}' cannot be read, one of them: Cannot read image"
    with (
        pytest.warns(UserWarning, match="skipped"),
        pytest.raises(ValueError, match=message) as error,
    ):
        load(str(folder), (8, 8, 1), 1, max_broken=1)
    assert "\n" not in str(error.value)


def test_limit_of_broken_files_holds_for_joined_sources(folder):
    (folder / "x.png").write_bytes(b"")
    name = f"{folder},{folder}"
    with pytest.warns(UserWarning, match="skipped"):
        assert open_images(name, (8, 8, 1), max_broken=2).skipped == 2
    with (
        pytest.warns(UserWarning, match="skipped"),
        pytest.raises(ValueError, match="More than 1 images"),
    ):
        load(name, (8, 8, 1), 1, max_broken=1)


def test_a_bomb_among_the_files_is_refused_like_a_broken_one(folder):
    Image.new("1", (8001, 8000)).save(folder / "bomb.png")
    with pytest.warns(UserWarning, match="skipped") as warned:
        assert len(open_images(str(folder), (8, 8, 1))) == 3
    assert str(warned[0].message).endswith(
        "bomb.png': 8001 x 8000 pixels are over 64 megapixels (skipped)"
    )


def test_images_over_the_memory_budget_go_to_a_file(tfds_dir, tmp_path):
    images = open_images(
        "toy_digits", SHAPE, data_dir=tfds_dir, memory_budget=0, cache_dir=tmp_path
    )
    assert isinstance(images.pixels, np.memmap)
    assert images.pixels[:, 0, 0, 0].tolist() == list(range(20))


def test_stream_reads_as_it_goes(folder, tfds_dir):
    name = f"toy_digits:test,{folder}"
    batches = stream(name, (8, 8, 1), 4, data_dir=tfds_dir)
    assert [batch[:, 0, 0, 0].tolist() for batch in batches] == [[20, 21, 22, 23], [24, 10, 28, 30]]
    with pytest.raises(ValueError, match="no split 'valid'"):
        stream("toy_digits:valid", (8, 8, 1), 4, data_dir=tfds_dir)


def test_stream_passes_over_images(folder, tfds_dir):
    name = f"toy_digits:test,{folder}"  # 5 images, and 3 after or between broken files
    first = next(stream(name, (8, 8, 1), 9, data_dir=tfds_dir, start=3))
    assert first[:, 0, 0, 0].tolist() == [23, 24, 10, 28, 30]
    last = next(stream("toy_digits", (8, 8, 1), 9, data_dir=tfds_dir, shard=(1, 3), start=5))
    assert last[:, 0, 0, 0].tolist() == [16, 19]
    with pytest.raises(ValueError, match="start must be below 5.*Received: 5"):
        stream("toy_digits:test", (8, 8, 1), 4, data_dir=tfds_dir, start=5)


def test_tfds_images_of_many_sizes(tfds_dir):
    batch = next(iter(load("toy_sizes", (6, 8, 3), 9, data_dir=tfds_dir)))
    assert batch[:, 0, 0, 0].numpy().tolist() == [3, 4]
    cropped = load("toy_sizes", (2, 2, 1), 9, data_dir=tfds_dir, crop=True)
    assert numbers(cropped) == [3, 4]

import gc
import itertools
import os
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

from gon_tf.data import Images
from gon_tf.data.store import collect, order

SHAPE = (2, 3, 1)
PIXELS = np.broadcast_to(np.arange(10, dtype=np.uint8)[:, None, None, None], (10, *SHAPE))


def numbers(batches):
    """The numbers of the images in each batch."""
    return [batch[:, 0, 0, 0].tolist() for batch in batches.as_numpy_iterator()]


def test_orders_are_shuffles_that_stay_as_they_are():
    orders = [order(10, seed, epoch).tolist() for seed in (0, 1) for epoch in (0, 1)]
    assert all(sorted(numbers) == list(range(10)) for numbers in orders)
    assert len({tuple(numbers) for numbers in orders}) == 4
    assert order(10, 0, 0).tolist() == orders[0] == [0, 8, 9, 3, 7, 5, 1, 2, 6, 4]


@pytest.mark.parametrize(("drop_remainder", "per_epoch"), [(False, 3), (True, 2)])
def test_steps_are_the_batches_of_the_epochs_one_after_the_other(drop_remainder, per_epoch):
    images = Images(PIXELS)
    options = {"shuffle_seed": 3, "drop_remainder": drop_remainder}
    assert images.steps_per_epoch(4, drop_remainder=drop_remainder) == per_epoch
    batches = images.batches(4, **options)
    epochs = [numbers(batches) for _ in range(3)]
    assert [len(epoch) for epoch in epochs] == [len(batches)] * 3 == [per_epoch] * 3
    together = list(itertools.chain(*epochs))
    for start in (0, 1, per_epoch, 2 * per_epoch + 1):
        steps = images.steps(4, start=start, **options)
        assert steps.cardinality() == tf.data.INFINITE_CARDINALITY
        assert numbers(steps.take(3 * per_epoch - start)) == together[start:]


def test_a_part_copies_nothing():
    part = Images(PIXELS).part(np.array([8, 1, 5])).part(np.array([0, 2]))
    assert part.pixels is PIXELS
    assert len(part) == 2
    assert numbers(part.batches(2)) == [[8, 5]]
    assert sorted(numbers(part.batches(2, shuffle_seed=0))[0]) == [5, 8]
    assert part.first(1)[:, 0, 0, 0].tolist() == [8]


def test_fingerprint_is_that_of_the_images(tmp_path, monkeypatch):
    images = Images(PIXELS)
    fingerprint = images.fingerprint
    assert len(fingerprint) == 64
    np.save(tmp_path / "a.npy", PIXELS)
    monkeypatch.setattr("gon_tf.data.store.HASHED_TOGETHER", 13)  # bytes, two images
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    assert Images(mapped, skipped=1).fingerprint == fingerprint
    shuffled = Images(PIXELS[::-1], rows=np.arange(10)[::-1])
    assert shuffled.fingerprint == fingerprint
    changed = PIXELS.copy()
    changed[9, 1, 2] = 0
    others = [PIXELS[::-1], PIXELS[:9], changed, PIXELS.reshape(10, 3, 2, 1)]
    assert len({fingerprint, *(Images(pixels).fingerprint for pixels in others)}) == 5


def test_steps_without_a_seed_keep_the_order():
    assert numbers(Images(PIXELS).steps(4, shuffle_seed=None, start=2).take(2)) == [
        [8, 9],
        [0, 1, 2, 3],
    ]


def test_fit_goes_on_in_the_middle_of_an_epoch():
    seen = []

    class Recorder(keras.Model):
        def train_step(self, images):
            seen.append(images[:, 0, 0, 0].numpy().tolist())
            return {"loss": tf.zeros([])}

    model = Recorder()
    model.compile(run_eagerly=True)
    steps = Images(PIXELS).steps(4, shuffle_seed=3, start=4)
    model.fit(steps, epochs=3, initial_epoch=1, steps_per_epoch=3, shuffle=False, verbose=0)
    whole = Images(PIXELS).steps(4, shuffle_seed=3)
    assert seen == numbers(whole.take(10))[4:]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch_size": 0}, "batch_size must be .* Received: batch_size=0"),
        ({"batch_size": 2, "start": -1}, "start must be .* Received: start=-1"),
        ({"batch_size": 2, "shuffle_seed": -1}, "shuffle_seed must be .* Received"),
        ({"batch_size": 11, "drop_remainder": True}, r"fewer images \(10\) than a batch \(11\)"),
    ],
)
def test_arguments_that_are_wrong(arguments, message):
    with pytest.raises(ValueError, match=message):
        Images(PIXELS).steps(**{"shuffle_seed": 0, **arguments})


@pytest.mark.parametrize("budget", [60, 59])
def test_collects_in_memory_within_the_budget_and_else_in_a_file_that_leaves_nothing(
    tmp_path, budget
):
    pixels = collect(iter([PIXELS[:4], PIXELS[4:9]]), 10, SHAPE, budget, tmp_path)
    assert isinstance(pixels, np.memmap) == (budget < 60)
    np.testing.assert_array_equal(pixels, PIXELS[:9])
    assert os.listdir(tmp_path) == []
    batches = Images(pixels).batches(5, shuffle_seed=1)
    del pixels
    gc.collect()
    assert sorted(itertools.chain(*numbers(batches))) == list(range(9))


def test_an_error_leaves_no_file(tmp_path):
    def parts():
        yield PIXELS
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        collect(parts(), 20, SHAPE, 0, tmp_path)
    assert os.listdir(tmp_path) == []


def test_no_room_for_the_file(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"memory budget and go to '.*no', which is not"):
        collect(iter([PIXELS]), 10, SHAPE, 0, tmp_path / "no")
    usage = shutil.disk_usage(tmp_path)._replace(free=59)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(OSError, match=r"has no room for them\. Name another folder by cache_dir"):
        collect(iter([PIXELS]), 10, SHAPE, 0, tmp_path)

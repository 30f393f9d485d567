import numpy as np
import pytest

from gon_tf.callbacks import checkpoint_files as checkpoints
from gon_tf.callbacks.checkpoint_files import Checkpoint

ARRAYS = [np.arange(6, dtype=np.float32).reshape(2, 3), np.array(7, np.int64)]


def write(folder, epoch, step=0):
    checkpoints.write(folder, Checkpoint(epoch, step, ARRAYS, {"rows": [0.1, float("inf")]}))


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
    checkpoint = Checkpoint(1, 0, [np.array([print], object)], {})
    checkpoints.write(tmp_path, checkpoint)
    with (
        pytest.warns(UserWarning, match="allow_pickle=False"),
        pytest.raises(ValueError, match="1"),
    ):
        checkpoints.newest(tmp_path)

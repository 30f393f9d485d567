import numpy as np
import tensorflow as tf

from gon_tf.data import kinds, load
from gon_tf.data.source import Broken, Source


def test_a_further_kind_is_two_functions_and_a_line(monkeypatch):
    def open_grey(name, data_dir, shard):
        grey = np.full([3, 6, 8, 1], int(name.removeprefix("grey:")), np.uint8)
        pixels = tf.data.Dataset.from_tensor_slices(grey)
        return Source(name, 3, {"grey": name}, Broken(name), pixels=pixels)

    line = (lambda name, data_dir: name.startswith("grey:"), open_grey)
    monkeypatch.setattr(kinds, "KINDS", (line, *kinds.KINDS))
    (batch,) = load("grey:7,grey:9", (6, 8, 1), 6)
    assert batch[:, 0, 0, 0].numpy().tolist() == [7, 7, 7, 9, 9, 9]

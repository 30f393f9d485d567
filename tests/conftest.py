import functools
import os
import signal

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
import pytest
import tensorflow as tf

# Tests that run in the background may ignore Ctrl-C, and so would all processes that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Two logical devices on one processor, for the tests of distributed training.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
tf.config.experimental.enable_op_determinism()


@pytest.fixture(autouse=True)
def _seed():
    keras.utils.set_random_seed(0)


@pytest.fixture(scope="session")
def rectangles():
    """Ten 8x8 grey pictures: bright rectangles of random place and size."""
    generator = np.random.default_rng(1)
    pictures = np.zeros((10, 8, 8, 1), np.uint8)
    for picture in pictures:
        top, left = generator.integers(0, 5, 2)
        bottom, right = generator.integers(top + 2, 9), generator.integers(left + 2, 9)
        picture[top:bottom, left:right] = generator.integers(100, 256)
    return pictures


@pytest.fixture
def images(rectangles):
    """Ten 8x8 grey pictures for one test, see `rectangles`."""
    return rectangles.copy()


@pytest.fixture
def two_devices(monkeypatch):
    """A strategy for two logical CPUs, the only one: two in a process break each other's sums."""
    strategy = mirrored()
    monkeypatch.setattr(tf.distribute, "MirroredStrategy", lambda devices: strategy)
    return strategy


@functools.cache
def mirrored():
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])

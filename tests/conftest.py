import functools
import io
import os
import signal

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner
from PIL import Image

from gon_tf.cli import main

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
def run(tmp_path, monkeypatch):
    """Run `gon-tf` with some arguments, in this process and an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GON_TF_DEBUG", raising=False)

    def invoke(*arguments, stdin=None):
        arguments = [str(argument) for argument in arguments]
        return CliRunner().invoke(main, arguments, prog_name="gon-tf", input=stdin)

    return invoke


@pytest.fixture(scope="session")
def pixels():
    """Read a picture file, or its bytes."""

    def read(file):
        with Image.open(io.BytesIO(file) if isinstance(file, bytes) else file) as image:
            return np.asarray(image)

    return read


@pytest.fixture
def two_devices(monkeypatch):
    """A strategy for two logical CPUs, the only one: two in a process break each other's sums."""
    strategy = mirrored()
    monkeypatch.setattr(tf.distribute, "MirroredStrategy", lambda devices: strategy)
    return strategy


@functools.cache
def mirrored():
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])

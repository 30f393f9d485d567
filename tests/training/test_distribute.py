import subprocess
import sys

import pytest

from gon_tf.training import distribute


def test_unknown_strategy():
    with pytest.raises(ValueError, match="one of .*Received: 'tpu'"):
        distribute.create("tpu")


def test_one_device_agrees_with_itself():
    distribute.check_alike(distribute.create("single"), "recipe", [1])


def test_a_start_that_takes_too_long_ends_by_itself():
    code = """
import time
from gon_tf.training.distribute import ended_by_time
with ended_by_time(0.1):
    pass
time.sleep(0.3)
with ended_by_time(0.3):
    time.sleep(30)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.decode().splitlines()[-1].startswith("All workers are here; if one is lost")

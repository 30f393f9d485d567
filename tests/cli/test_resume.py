"""Trainings that are killed, stopped, or run out of disk, in real processes."""

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import gon_tf

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tensorflow", "keras", "gon_tf.models", "gon_tf.cli.training"])
RECIPE = [
    *("train", "variational", "pictures", "--image-size", "8", "--latent-dim", "2"),
    *("--filters", "2", "--batch-size", "2", "--epochs", "12", "--validation-split", "0.2"),
    *("--patience", "6", "--ema", "0.5", "--clipnorm", "1", "--checkpoint-every", "2"),
]


def gon_tf_process(folder, arguments):
    """`gon-tf` in a process that has TensorFlow already: what happens in the child."""
    from gon_tf.cli import main

    os.chdir(folder)
    output = os.open("output.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    main(arguments)


@pytest.fixture
def start(tmp_path, pictures):
    """Start `gon-tf` as a process in the folder of `pictures`."""

    def start(*arguments):
        process = PROCESSES.Process(target=gon_tf_process, args=(tmp_path, list(arguments)))
        process.start()
        return process

    return start


def wait_for(condition, process):
    """Wait until `condition()` is true, or the process is over."""
    while process.is_alive() and not condition():
        time.sleep(0.002)


def said(folder):
    return (folder / "output.txt").read_text()


def assert_same_model(a, b):
    for first, second in zip(
        gon_tf.load(a).get_weights(), gon_tf.load(b).get_weights(), strict=True
    ):
        np.testing.assert_array_equal(first, second)
    assert (a / "log.csv").read_text() == (b / "log.csv").read_text()
    assert (a / "loss.png").read_bytes() == (b / "loss.png").read_bytes()


@pytest.mark.slow
def test_killed_at_many_moments_it_ends_with_the_same_weights(start, tmp_path):
    whole = start(*RECIPE, "-o", "whole")
    whole.join()
    assert whole.exitcode == 0, said(tmp_path)
    chance, kills = random.Random(0), 0
    while True:
        before = time.monotonic()
        process = start(*RECIPE, "--resume", "-o", "killed")
        checkpoints = tmp_path / "killed" / "checkpoints"
        former = set(checkpoints.glob("*"))
        if kills % 2:  # while it starts, or anywhere
            moment = before + chance.uniform(0, 3)
        else:  # while it trains and writes
            wait_for(lambda: set(checkpoints.glob("*")) - former, process)
            moment = time.monotonic() + chance.uniform(0, 0.5)
        wait_for(lambda: time.monotonic() >= moment, process)
        if not process.is_alive():
            break
        process.kill()
        process.join()
        kills += 1
    assert process.exitcode == 0, said(tmp_path)
    assert kills >= 20
    assert_same_model(tmp_path / "whole", tmp_path / "killed")
    left = {path.name for path in (tmp_path / "killed").iterdir()}
    assert left == {path.name for path in (tmp_path / "whole").iterdir()}

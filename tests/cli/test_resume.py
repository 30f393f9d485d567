"""Trainings that are killed, stopped, or run out of disk, in real processes."""

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import time

import numpy as np
import pytest

import gon_tf
from tests.processes import starting, wait_for

SMALL = ["--image-size", "8", "--latent-dim", "2", "--filters", "2", "--batch-size", "2"]
LONG = ["train", "conv", "pictures", *SMALL, "--epochs", "100000", "--pictures-every", "0"]


@pytest.fixture
def start(tmp_path, pictures):
    """Start `gon-tf` as a process in the folder of `pictures`."""
    with starting(tmp_path) as start:
        yield start


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
    # three steps, a validation and two checkpoints an epoch, pictures now and then
    noise = ["--ema", "0.5", "--validation-split", "0.5", "--patience", "50"]
    options = ["--epochs", "60", "--checkpoint-every", "2", "--pictures-every", "9", *noise]
    recipe = ["train", "variational", "pictures", *SMALL, *options]
    whole = start(*recipe, "-o", "whole")
    whole.join()
    assert whole.exitcode == 0, said(tmp_path)
    chance, checkpoints = random.Random(0), tmp_path / "killed" / "checkpoints"
    for number in range(20):
        former = set(checkpoints.glob("*"))
        process = start(*recipe, "--resume", "-o", "killed")
        if number % 5:  # while it trains and writes, else while it starts
            wait_for(lambda before=former: set(checkpoints.glob("*")) - before, process)
        moment = time.monotonic() + chance.uniform(0, 0.2 if number % 5 else 2)
        wait_for(lambda until=moment: time.monotonic() >= until, process)
        assert process.is_alive(), said(tmp_path)
        process.kill()
        process.join()
    process = start(*recipe, "--resume", "-o", "killed")
    process.join()
    assert process.exitcode == 0, said(tmp_path)
    assert_same_model(tmp_path / "whole", tmp_path / "killed")
    left = {path.name for path in (tmp_path / "killed").iterdir()}
    assert left == {path.name for path in (tmp_path / "whole").iterdir()}


@pytest.mark.slow
def test_one_process_a_folder_stopped_by_signals(start, tmp_path):
    checkpoints = tmp_path / "model" / "checkpoints"
    first = start(*LONG, "--checkpoint-every", "1", "-o", "model")
    wait_for(lambda: list(checkpoints.glob("*.checkpoint")), first)
    second = start(*LONG, "--resume", "-o", "model", output="second.txt")
    second.join()
    assert second.exitcode == 1
    message = f"Error: Another process is at work in {tmp_path}/model; wait until it has ended.\n"
    assert (tmp_path / "second.txt").read_text() == message

    os.kill(first.pid, signal.SIGTERM)
    first.join()
    assert first.exitcode == 128 + signal.SIGTERM
    command = f"gon-tf train --resume -o {tmp_path}/model --checkpoint-every 1 --pictures-every 0"
    assert f"Stopped by SIGTERM; {command} goes on." in said(tmp_path)
    stopped = last_checkpoint(checkpoints)
    assert not [path for path in (tmp_path / "model").rglob(".*") if path.name != ".lock"]

    # the lock went with the process; Ctrl-C ends the same way
    third = start("train", "--resume", "-o", "model")
    wait_for(lambda: last_checkpoint(checkpoints) > stopped, third)
    os.kill(third.pid, signal.SIGINT)
    third.join()
    assert third.exitcode == 128 + signal.SIGINT
    assert last_checkpoint(checkpoints) > stopped


def last_checkpoint(folder):
    """Name of the newest checkpoint; names sort as the training goes."""
    return max(path.name for path in folder.glob("*.checkpoint"))


@pytest.mark.slow
def test_full_disk(start, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", disk]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs to mount a small file system, which takes root")
    try:
        filler = disk / "filler"
        process = start(*LONG, "-o", "disk/model")
        wait_for(lambda: len(list(disk.glob("model/checkpoints/*.checkpoint"))) == 2, process)
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(1024))
        process.join()
        assert process.exitcode == 1
        error = said(tmp_path).splitlines()[-1]
        assert error.startswith("Error: No space is left for disk/model/")
        assert "; the last checkpoint, after epoch" in error
        assert error.endswith("is kept: free some and go on with --resume.")
        kept = last_checkpoint(disk / "model" / "checkpoints")
        filler.unlink()
        process = start("train", "--resume", "-o", "disk/model")
        wait_for(lambda: last_checkpoint(disk / "model" / "checkpoints") > kept, process)
        assert process.is_alive()
        process.kill()
        process.join()
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


def test_resume_tells_what_is_different(run, pictures, tmp_path):
    recipe = ["train", "conv", "pictures", *SMALL, "--epochs", "1", "--pictures-every", "0"]
    begun = run(*recipe, "--resume", "-o", "model", "--json")
    assert begun.exit_code == 0, begun.stderr
    done = run("train", "--resume", "-o", "model", "--json")
    assert done.exit_code == 0, done.stderr
    assert "The training in model is done already." in done.stderr
    assert done.stdout == begun.stdout
    other = run(*recipe, "--resume", "-o", "model", "--epochs", "3", "--seed", "7")
    assert other.exit_code == 1
    assert "now seed is 7 (was 0)." in other.stderr
    again = run(*recipe, "-o", "model")
    assert again.exit_code == 1
    assert "exists already" in again.stderr

    record = json.loads((tmp_path / "model" / "run.json").read_text())
    (tmp_path / "model" / "run.json").write_text(json.dumps({**record, "finished": False}))
    (pictures / "00.png").unlink()
    fewer = run("train", "--resume", "-o", "model")
    assert fewer.exit_code == 1
    assert "another data set; now files is 11 (was 12), images is 11 (was 12)." in fewer.stderr


@pytest.mark.usefixtures("two_devices")
def test_two_devices_learn_what_one_does(run, pictures, tmp_path):
    recipe = ["train", "variational", "pictures", *SMALL, "--epochs", "2"]
    recipe += ["--validation-split", "0.34"]
    for strategy in ("single", "mirrored"):
        options = ["--strategy", strategy, "--pictures-every", "2"]
        result = run(*recipe, *options, "--evaluate", "pictures", "-o", strategy)
        assert result.exit_code == 0, result.stderr
    single, mirrored = (gon_tf.load(tmp_path / name) for name in ("single", "mirrored"))
    for a, b in zip(single.get_weights(), mirrored.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    odd = run(*recipe, "--strategy", "mirrored", "--batch-size", "3", "-o", "odd")
    assert odd.exit_code == 1
    assert "Each of 2 devices takes an equal part of a batch" in odd.stderr


@pytest.mark.slow
def test_two_workers(start, tmp_path):
    ports = free_ports(10)
    recipe = ["train", "conv", "pictures", *SMALL, "--epochs", "3", "--validation-split", "0.34"]
    recipe += ["--evaluate", "pictures", "--ema", "0.5", "--pictures-every", "3"]
    single = start(*recipe, "-o", "single", output="single.txt")
    single.join()
    assert single.exitcode == 0, (tmp_path / "single.txt").read_text()

    def work(*arguments, each=lambda index: [], folders=False):
        addresses = [f"localhost:{ports.pop()}" for _ in range(2)]
        processes = []
        for index in range(2):
            task = {"type": "worker", "index": index}
            config = json.dumps({"cluster": {"worker": addresses}, "task": task})
            output = f"worker{index}.txt"
            place = {"folder": tmp_path / str(index)} if folders else {}
            arguments = *arguments, *each(index)
            processes.append(start(*arguments, output=output, TF_CONFIG=config, **place))
        return processes

    # one of them dies: the other says so, in one line
    options = ["--strategy", "multiworker", "--checkpoint-every", "1"]
    long = ["train", "conv", "pictures", *SMALL, "--epochs", "100000", "--pictures-every", "0"]
    chief, other = work(*long, *options, "-o", "lost")
    wait_for(lambda: list((tmp_path / "lost").glob("checkpoints/*")), chief)
    other.kill()
    chief.join(90)
    assert chief.exitcode == 1
    text = (tmp_path / "worker0.txt").read_text()
    assert text.splitlines()[-1].startswith("Error: Another worker is lost")
    kept = last_checkpoint(tmp_path / "lost" / "checkpoints")
    chief, other = work("train", "--resume", *options, "-o", "lost")
    wait_for(lambda: last_checkpoint(tmp_path / "lost" / "checkpoints") > kept, chief)
    assert chief.is_alive()
    for process in (other, chief):
        process.kill()
        process.join()

    # they do not agree on what to train, or on the images: both say so, and nothing is written
    shutil.copytree(tmp_path / "pictures", tmp_path / "others")
    shutil.copy(tmp_path / "others" / "00.png", tmp_path / "others" / "01.png")
    (tmp_path / "0").mkdir()
    (tmp_path / "1").mkdir()
    (tmp_path / "0" / "here").symlink_to(tmp_path / "pictures")
    (tmp_path / "1" / "here").symlink_to(tmp_path / "others")
    quick = ["--strategy", "multiworker", "-o", tmp_path / "unlike"]
    others = {"each": lambda index: ["--learning-rate", 0.01 * (index + 1)]}
    for name, arguments, settings in (
        ("recipe", long, others),
        ("images", ["train", "conv", "here", *SMALL], {"folders": True}),
    ):
        processes = work(*arguments, *quick, **settings)
        for index, process in enumerate(processes):
            process.join(120)
            assert process.exitcode == 1
            text = (tmp_path / f"worker{index}.txt").read_text()
            *before, error = text.splitlines()
            assert error.startswith(f"Error: The workers do not train alike: their {name} differ.")
            assert "waits for" in before[0]
        assert not list((tmp_path / "unlike").glob("*/*"))

    # together they learn what one does alone
    processes = work(*recipe, *options, "-o", "several")
    for index, process in enumerate(processes):
        process.join(120)
        assert process.exitcode == 0, (tmp_path / f"worker{index}.txt").read_text()
    assert "waits for" in (tmp_path / "worker1.txt").read_text().splitlines()[0]
    alone, several = (gon_tf.load(tmp_path / name) for name in ("single", "several"))
    for a, b in zip(alone.get_weights(), several.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def free_ports(count):
    """Ports that nobody listens to."""
    sockets = [socket.create_server(("localhost", 0)) for _ in range(count)]
    ports = [listening.getsockname()[1] for listening in sockets]
    for listening in sockets:
        listening.close()
    return ports

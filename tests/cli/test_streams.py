"""Pipes and signals, with real processes."""

import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from gon_tf.pictures import GAP


@pytest.mark.slow
def test_a_picture_through_a_pipe(process, grey_model, pictures, pixels):
    arguments = ["reconstruct", grey_model, "-", "-o", "-", "--grid", "--zoom", "1"]
    with process(*arguments, text=False, stdin=subprocess.PIPE) as command:
        stdout, stderr = command.communicate((pictures / "00.png").read_bytes())
    assert command.returncode == 0, stderr
    grid = pixels(stdout)
    assert grid.shape == (16 + GAP, 8)
    assert (grid[:8] == pixels(pictures / "00.png")).all()
    header, row = stderr.decode().splitlines()
    assert header.split() == ["image", "SSE", "PSNR", "output"]
    assert re.fullmatch(r"- +[\d.]+ +[\d.]+ +-", row)


@pytest.mark.slow
def test_a_reader_of_pictures_who_leaves(process, grey_model):
    with process("sample", grey_model, "-o", "-") as command:
        command.stdout.close()
        assert command.wait() == 141
        assert command.stderr.read() == ""


@pytest.mark.slow
def test_ctrl_c_leaves_whole_pictures(process, grey_model, tmp_path, pixels):
    with process("sample", grey_model, "--seeds", "0-99999", "-o", "out") as command:
        while len(list(tmp_path.glob("out/*.png"))) < 10:
            assert command.poll() is None, command.stderr.read()
            time.sleep(0.05)
        command.send_signal(signal.SIGINT)
        output = command.communicate()
    assert (command.returncode, *output) == (130, "", "")
    files = list((tmp_path / "out").iterdir())
    assert all(re.fullmatch(r"sample-\d{5}\.png", file.name) for file in files)
    assert {pixels(file).shape for file in files} == {(8, 8)}


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs Linux")
def test_ctrl_c_while_tensorflow_starts(process, grey_model, tmp_path):
    with process("sample", grey_model, "-o", "x.png") as command:
        while "libtensorflow" not in Path(f"/proc/{command.pid}/maps").read_text():
            assert command.poll() is None, command.stderr.read()
            time.sleep(0.01)
        command.send_signal(signal.SIGINT)
        output = command.communicate()
    assert (command.returncode, *output) == (130, "", "")
    assert not list(tmp_path.iterdir())

"""Signals at random moments of every command, from Python's first line on: they end it quietly."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
QUICK = [
    "--help",
    "zoo list",
    "zoo show ./model",
    "zoo download mnist-conv -o out",
]
SLOW = [
    "info",
    "sample ./model --seeds 0-99 -o out",
    "reconstruct ./model pictures -o out.png",
    "superres mnist-implicit pictures/00.png --size 64 -o out.png",
    "interpolate ./model pictures/00.png pictures/01.png -o out.png",
    "evaluate ./model pictures",
    "encode ./model pictures -o out.npz",
    "encode ./model pictures --shard-size 2 -o out",
    "export ./model --format savedmodel -o out",
    "export ./model --format onnx -o out",
    "zoo publish ./model out --name tiny-conv --licence MIT",
    "zoo verify mnist-conv",
    "train conv pictures --image-size 8 --batch-size 2 --epochs 9 -o out",
]


def run(folder, command, after=None, number=0):
    """Status, output and seconds of a command that gets a signal, or none."""
    begun = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, ROOT / "cli.py", *command.split()],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={name: value for name, value in os.environ.items() if name != "GON_TF_DEBUG"},
    )
    try:
        if after is not None:
            wait_for_handlers(process)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(after)
            process.send_signal(number)  # to nobody if it is over
        error = process.communicate(timeout=120)[1]
    finally:
        process.kill()
    return process.returncode, error, time.monotonic() - begun


def wait_for_handlers(process):
    """Wait until Python is through with its own start, and the first line of ours has run."""
    caught = 0
    while process.poll() is None and not caught >> (signal.SIGTERM - 1) & 1:
        lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
        (caught,) = (int(line.split()[1], 16) for line in lines if line.startswith("SigCgt"))


def remove_outputs(folder):
    for path in folder.glob("out*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux")
def test_every_command(rounds, folder, request):
    commands = QUICK if "sample" in request.node.name else QUICK + SLOW
    seconds, before = {}, {path.name for path in folder.iterdir()}
    signals = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
    for turn, chance in enumerate(rounds(12)):
        command, number = commands[turn % len(commands)], chance.choice(signals)
        if command not in seconds:
            status, error, seconds[command] = run(folder, command)
            assert status == 0, (command, error)
            remove_outputs(folder)
        after = chance.uniform(0, seconds[command])
        status, error, _ = run(folder, command, after, number)
        where = (command, number.name, after, status, error)
        # While Python clears up there is no handler any more, and to a shell it is the same.
        assert status in (0, 128 + number, -number), where
        assert "Traceback" not in error, where
        if status:
            rounds.count("signals")
            assert command.startswith("train") or error == "", where
        left = {path.name for path in folder.iterdir()} - before
        assert left <= {"out", "out.png", "out.npz"}, (left, where)
        inner = [path for path in folder.rglob("*.tmp") if path.name.startswith(".")]
        assert not inner, (inner, where)
        remove_outputs(folder)

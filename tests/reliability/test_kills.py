"""SIGKILL at random moments: what goes on ends as what was never killed, bit by bit."""

import shutil
import time

import numpy as np

import gon_tf
from tests.processes import starting

SMALL = ["--latent-dim", "2", "--batch-size", "2", "--epochs", "25", "--image-size", "8"]
TRAININGS = [
    ["variational", "--filters", "2", "--ema", "0.5", "--checkpoint-every", "2"],
    ["conv", "--filters", "2", "--inner-steps", "2", "--components", "2", "--pictures-every", "4"],
    ["implicit", "--width", "8", "--depth", "2", "--validation-split", "0.5", "--patience", "5"],
    ["autoencoder", "--filters", "2", "--steps-per-execution", "3", "--checkpoint-every", "3"],
]


def killed(chance, process, seconds):
    """Whether the process was still at work when it was killed, at some moment of `seconds`."""
    process.join(chance.uniform(0, seconds))
    alive = process.is_alive()
    process.kill()
    process.join()
    assert alive or process.exitcode == 0
    return alive


def finished(start, *arguments):
    """How long a command takes that is left alone."""
    begun = time.monotonic()
    process = start(*arguments)
    process.join()
    assert process.exitcode == 0
    return time.monotonic() - begun


def content(folder):
    """What a training leaves, but for what tells the time."""
    kept = ("config.json", "log.csv", "loss.png")
    files = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
    same = {name: path.read_bytes() for name, path in files.items() if name.name in kept}
    pictures = {name: path.read_bytes() for name, path in files.items() if name.suffix == ".png"}
    return sorted(files), {**same, **pictures}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def arrays(path):
    """What a file of latents holds; the text of another."""
    if path.suffix != ".npz":
        return {"text": np.array(path.read_text())}
    with np.load(path) as file:
        return dict(file)


def test_training(rounds, folder):
    whole = {}
    with starting(folder) as start:
        for number, chance in enumerate(rounds(1)):
            variant, *options = TRAININGS[number % len(TRAININGS)]
            command = ["train", variant, "pictures", *SMALL, *options]
            if variant not in whole:
                whole[variant] = finished(start, *command, "-o", variant)
            for _ in range(3):
                process = start(*command, "--resume", "-o", "killed")
                if killed(chance, process, whole[variant]):
                    rounds.count("kills")
            finished(start, *command, "--resume", "-o", "killed")
            assert content(folder / "killed") == content(folder / variant)
            weights = [gon_tf.load(folder / name).get_weights() for name in ("killed", variant)]
            for a, b in zip(*weights, strict=True):
                np.testing.assert_array_equal(a, b)
            shutil.rmtree(folder / "killed")


def test_encoding(rounds, folder):
    command = ["encode", "./model", "pictures", "--shard-size", "1"]
    with starting(folder) as start:
        seconds = finished(start, *command, "-o", "whole")
        for chance in rounds(1):
            for _ in range(3):
                process = start(*command, "-o", "killed")
                if killed(chance, process, seconds):
                    rounds.count("kills")
            finished(start, *command, "-o", "killed")
            assert names(folder / "killed") == names(folder / "whole")
            for name in names(folder / "whole"):
                a, b = (arrays(folder / place / name) for place in ("whole", "killed"))
                assert a.keys() == b.keys()
                assert all((a[array] == b[array]).all() for array in a)
            shutil.rmtree(folder / "killed")

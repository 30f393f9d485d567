"""The example of a search with KerasTuner (the extra `tuner`)."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gon_tf

EXAMPLE = Path(__file__).parents[1] / "examples" / "tune.py"


@pytest.mark.slow
def test_tune(tmp_path, rectangles):
    pytest.importorskip("keras_tuner")
    np.save(tmp_path / "images.npy", np.repeat(rectangles, 4, axis=0))
    sizes = {"size": 8, "latents": 4, "trials": 2, "epochs": 1, "final-epochs": 1}
    options = [str(word) for name, value in sizes.items() for word in (f"--{name}", value)]
    command = [sys.executable, EXAMPLE, "images.npy", "-o", "tuned", *options]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "learning_rate" in done.stdout.splitlines()[-1]
    assert gon_tf.load(tmp_path / "tuned").sample(1).shape == (1, 8, 8, 1)

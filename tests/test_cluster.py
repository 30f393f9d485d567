"""The recipes for clusters, each run with its own local runner (the extra `cluster`)."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gon_tf

RECIPES = Path(__file__).parents[1] / "examples" / "cluster"
MOST = 1e-6  # between latents of a worker and of Keras
QUIET = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "RAY_AUTH_MODE": "disabled",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_raylet_start_wait_time_s": "300",  # a busy machine takes long to start what Ray is made of
}

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cluster")]


def needs(package):
    missing = importlib.util.find_spec(package) is None
    return pytest.mark.skipif(missing, reason=f"{package} is not installed (gon-tf[cluster])")


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """5,000 pictures of noise in a file, and their latents by Keras."""
    path = tmp_path_factory.mktemp("images") / "images.npy"
    pictures = np.random.default_rng(0).integers(0, 256, (5000, 32, 32, 1), np.uint8)
    np.save(path, pictures)
    return path, gon_tf.load("mnist-conv").encode(pictures)


def run(script, *arguments, folder):
    command = [sys.executable, RECIPES / script, *map(str, arguments)]
    # Ray keeps what it logs at home.
    environment = {**os.environ, **QUIET, "HOME": str(folder), "PYTHONPATH": str(RECIPES)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@needs("apache_beam")
def test_beam(images, tmp_path):
    path, latents = images
    run("encode_beam.py", "mnist-conv", path, "latents", folder=tmp_path)
    parts = [np.load(part) for part in sorted((tmp_path / "latents").iterdir())]
    assert np.abs(np.concatenate(parts) - latents).max() < MOST


@needs("ray")
def test_ray_data(images, tmp_path):
    from pyarrow import parquet

    path, latents = images
    output = tmp_path / "latents"
    run("encode_ray.py", "mnist-conv", path, output, folder=tmp_path)
    rows = sorted(parquet.read_table(output).to_pylist(), key=lambda row: row["id"])
    assert [row["id"] for row in rows] == list(range(5000))
    assert np.abs(np.stack([row["latents"] for row in rows]) - latents).max() < MOST


@pytest.fixture
def pictures(tmp_path):
    """32 pictures of noise in a file."""
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 32, 1), np.uint8)
    np.save(tmp_path / "pictures.npy", noise)
    return tmp_path / "pictures.npy"


@needs("ray")
def test_ray_launches_training(tmp_path, pictures):
    small = ("--latents", 4, "--batch", 16, "--epochs", 1)
    run("train_ray.py", pictures, tmp_path / "model", *small, folder=tmp_path)
    assert gon_tf.load(tmp_path / "model").encode(np.load(pictures)).shape == (32, 4)


# The recipe's training, of which each worker keeps its weights.
KEEP = """
import sys

import numpy as np
import ray.train
from ray.train.tensorflow import TensorflowTrainer


def work(settings):
    import train_ray

    model = train_ray.train(settings)
    rank = ray.train.get_context().get_world_rank()
    weights = [weight.numpy() for weight in model.trainable_weights]
    np.savez(f"{settings['folder']}/{rank}.npz", *weights, steps=model.optimizer.iterations)


settings = {"dataset": sys.argv[1], "folder": sys.argv[2], "latents": 4, "batch": 16, "epochs": 2}
workers = ray.train.ScalingConfig(num_workers=2)
TensorflowTrainer(work, train_loop_config=settings, scaling_config=workers).fit()
"""


@needs("ray")
def test_workers_of_ray_end_with_equal_weights(tmp_path, pictures):
    (tmp_path / "keep.py").write_text(KEEP)
    run(tmp_path / "keep.py", pictures, tmp_path, folder=tmp_path)
    first, second = (np.load(tmp_path / f"{rank}.npz") for rank in range(2))
    assert first["steps"] == 4
    assert len(first.files) > 4
    for name in first.files:
        np.testing.assert_array_equal(first[name], second[name])

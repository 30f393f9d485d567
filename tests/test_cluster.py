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


def run(recipe, *arguments, folder):
    command = [sys.executable, RECIPES / recipe, *map(str, arguments)]
    environment = {**os.environ, "RAY_TRAIN_V2_ENABLED": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
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
    import ray

    path, latents = images
    output = tmp_path / "latents"
    run("encode_ray.py", "mnist-conv", path, output, folder=tmp_path)
    rows = sorted(ray.data.read_parquet(str(output)).take_all(), key=lambda row: row["id"])
    ray.shutdown()
    assert [row["id"] for row in rows] == list(range(5000))
    assert np.abs(np.stack([row["latents"] for row in rows]) - latents).max() < MOST


@needs("ray")
def test_ray_launches_training(tmp_path):
    pictures = np.random.default_rng(0).integers(0, 256, (32, 32, 32, 1), np.uint8)
    np.save(tmp_path / "images.npy", pictures)
    small = ("--latents", 4, "--batch", 16, "--epochs", 1)
    run("train_ray.py", tmp_path / "images.npy", tmp_path / "model", *small, folder=tmp_path)
    assert gon_tf.load(tmp_path / "model").encode(pictures).shape == (32, 4)

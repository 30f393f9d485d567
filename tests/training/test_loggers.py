"""`--logger`: the packages' own callbacks, each in a run of its own, without a network."""

import contextlib
import importlib.machinery
import sys
import time
import types
from pathlib import Path

import keras
import numpy as np
import pytest

import gon_tf
from gon_tf.training import Options, Recipe, loggers

TINY = {"image_size": (8, 8), "latent_dim": 4, "filters": 2, "batch_size": 4, "epochs": 2}


@pytest.fixture
def recipe(tmp_path, monkeypatch, rectangles):
    """A recipe for ten small pictures, in an empty working folder."""
    monkeypatch.chdir(tmp_path)
    np.save("rectangles.npy", rectangles)
    return Recipe("conv", "rectangles.npy", **TINY)


def test_wandb(recipe, monkeypatch):
    pytest.importorskip("wandb")
    for name, value in {"MODE": "offline", "SILENT": "true", "DIR": "."}.items():
        monkeypatch.setenv(f"WANDB_{name}", value)
    gon_tf.train(recipe, "run", Options(logger="wandb", pictures_every=0))
    (written,) = Path("wandb").glob("offline-run-*/run-*.wandb")
    words = b"epoch/loss", b"epoch/psnr", b"latent_dim", b"rectangles.npy"
    deadline = time.monotonic() + 30  # another process writes the file
    while not all(word in written.read_bytes() for word in words):
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.filterwarnings("ignore")  # MLflow's own, of its stores
def test_mlflow(recipe, monkeypatch, tmp_path):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "mlruns").as_uri())
    gon_tf.train(recipe, "run", Options(logger="mlflow", pictures_every=0))
    (experiment,) = mlflow.search_experiments(filter_string=f"name = '{loggers.PROJECT}'")
    (run,) = mlflow.MlflowClient().search_runs([experiment.experiment_id])
    assert run.info.run_name == "run"
    assert run.info.status == "FINISHED"
    assert run.data.params["latent_dim"] == "4"
    assert {"loss", "sse", "psnr"} <= run.data.metrics.keys()


class Run(contextlib.AbstractContextManager):
    """What both packages call a run: it is told how it ended."""

    ended = "not"

    def __exit__(self, kind, *_):
        self.ended = kind


@pytest.fixture
def wandb(monkeypatch):
    """A module in the place of wandb, whose `init` returns `run`."""
    fake = types.ModuleType("wandb")
    fake.__spec__ = importlib.machinery.ModuleSpec("wandb", None)
    fake.Error, fake.run = RuntimeError, Run()
    fake.init = lambda **_: fake.run
    callbacks = types.ModuleType("wandb.integration.keras")
    callbacks.WandbMetricsLogger = keras.callbacks.Callback
    monkeypatch.setitem(sys.modules, "wandb", fake)
    monkeypatch.setitem(sys.modules, "wandb.integration", types.ModuleType("wandb.integration"))
    monkeypatch.setitem(sys.modules, "wandb.integration.keras", callbacks)
    return fake


def test_a_run_that_fails_is_marked_so(recipe, wandb):
    logged = loggers.logged("wandb", recipe, Path("run"))
    assert len(logged.__enter__()) == 1
    assert not logged.__exit__(OSError, OSError("full"), None)
    assert wandb.run.ended is OSError


def test_nobody_is_logged_in(recipe, wandb):
    def refuse(**_):
        raise RuntimeError("api_key not configured (no-tty).\nSee more")

    wandb.init = refuse
    with (
        pytest.raises(ValueError, match=r"no-tty\)\. \(`wandb login`, or WANDB_MODE=offline\)"),
        loggers.logged("wandb", recipe, Path("run")),
    ):
        pass


def test_a_training_that_cannot_be_logged_leaves_the_folder_free(recipe, wandb):
    def refuse(**_):
        raise RuntimeError("no")

    wandb.init = refuse
    with pytest.raises(ValueError, match="wandb cannot begin a run: no"):
        gon_tf.train(recipe, "run", Options(logger="wandb"))
    assert not [path for path in Path("run").iterdir() if path.name != ".lock"]


def test_no_logger(recipe):
    with loggers.logged(None, recipe, Path("run")) as callbacks:
        assert callbacks == []


def test_a_logger_that_is_not_installed(recipe, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r'--logger wandb needs .* "gon-tf\[wandb\]"'):
        gon_tf.train(recipe, "run", Options(logger="wandb"))

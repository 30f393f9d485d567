"""Loggers of others for `gon-tf train --logger`: the run and the callback that each brings."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gon_tf.files import first_line
from gon_tf.training.recipe import Recipe

if TYPE_CHECKING:
    import keras

PROJECT = "gon-tf"  # where a run goes, unless the logger's own environment says otherwise


@contextlib.contextmanager
def logged(
    logger: str | None, recipe: Recipe, folder: Path
) -> Iterator[list[keras.callbacks.Callback]]:
    """A run of a logger with the recipe as its settings, called as the folder; its callbacks.

    A run that fails or is stopped is marked so. Where it goes, who is logged in and whether there
    is a network, the logger's own environment variables say (`WANDB_MODE`, `MLFLOW_TRACKING_URI`).

    Args:
        logger: one of `gon_tf.training.recipe.LOGGERS`, or None for no run and no callback.
        recipe: of the training.
        folder: of the training.

    Raises:
        ValueError: if the logger cannot begin, for want of a login for example.
    """
    if logger is None:
        yield []
        return
    begin = {"wandb": wandb_run, "mlflow": mlflow_run}[logger]
    with begin(recipe, folder.absolute().name) as callback:
        yield [callback]


@contextlib.contextmanager
def wandb_run(recipe: Recipe, name: str) -> Iterator[keras.callbacks.Callback]:
    """A run of Weights & Biases."""
    import wandb
    from wandb.integration.keras import WandbMetricsLogger

    project = os.environ.get("WANDB_PROJECT", PROJECT)
    try:
        run = wandb.init(project=project, name=name, config=recipe.to_json())
    except wandb.Error as error:
        raise ValueError(
            f"wandb cannot begin a run: {first_line(error)} (`wandb login`, or WANDB_MODE=offline)"
        ) from error
    with run:  # its end says whether there was an error
        yield WandbMetricsLogger()


@contextlib.contextmanager
def mlflow_run(recipe: Recipe, name: str) -> Iterator[keras.callbacks.Callback]:
    """A run of MLflow."""
    import mlflow
    import mlflow.keras

    try:
        if not os.environ.get("MLFLOW_EXPERIMENT_NAME"):
            mlflow.set_experiment(PROJECT)
        run = mlflow.start_run(run_name=name)
        mlflow.log_params(recipe.to_json())
    except mlflow.MlflowException as error:
        raise ValueError(
            f"MLflow cannot begin a run: {first_line(error)} (MLFLOW_TRACKING_URI says where)"
        ) from error
    with run:  # its end says whether there was an error
        yield mlflow.keras.MlflowCallback()
        mlflow.flush_async_logging()

import importlib.util
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from gon_tf.data import Images
from gon_tf.training import Options, Recipe, build

SMALL = {"image_size": 8, "latent_dim": 2, "filters": 2, "batch_size": 4}


def test_what_is_made_ready(folder):
    recipe = Recipe("conv", str(folder), validation_split=0.25, **SMALL)
    job = build.prepare(recipe, Options())
    assert (len(job.images), len(job.validation), job.steps_per_epoch) == (9, 3, 2)
    assert (job.recipe.channels, job.recipe.damping) == (1, 0.01)
    assert job.dataset["images"] == 9
    assert job.model.image_shape == (8, 8, 1)
    plan = build.preview(recipe, Options())
    assert plan["steps"] == 200  # two in an epoch
    assert plan["parameters"] == job.model.count_params() - sum(
        np.prod(weight.shape) for weight in job.model.non_trainable_weights
    )


@pytest.mark.parametrize(
    ("settings", "epochs", "drawn_every"),
    [({}, 100, 2), ({"epochs": 3}, 3, 1), ({"epochs": 101}, 101, 3)],
)
def test_few_images_are_seen_more_often(folder, monkeypatch, settings, epochs, drawn_every):
    job = build.prepare(Recipe("conv", str(folder), **{**SMALL, **settings}), Options())
    assert (job.epochs, job.pictures_every) == (epochs, drawn_every)
    for enough, epochs in ((5, 10), (31, 11)):  # three steps in an epoch
        monkeypatch.setattr(build, "ENOUGH_STEPS", enough)
        assert build.prepare(Recipe("conv", str(folder), **SMALL), Options()).epochs == epochs


def test_what_is_measured_at_once_is_what_the_model_can_hold():
    def measured_at_once(fits, replicas):
        strategy = SimpleNamespace(num_replicas_in_sync=replicas)
        model: Any = SimpleNamespace(images_at_once=fits, distribute_strategy=strategy)
        nothing: Any = None
        rest = 5 * [nothing]
        return build.Job(Recipe("implicit", "a"), Options(), model, *rest).measured_at_once

    assert [measured_at_once(*each) for each in ((256, 1), (4, 1), (4, 2))] == [64, 4, 8]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"components": 30}, "at least 60 images for 30 --components. Received: 12"),
        ({"batch_size": 13}, "fewer images .12. than a batch"),
        ({"validation_split": 0.01}, "is not one to validate on"),
    ],
)
def test_too_few_images(folder, changes, message):
    with pytest.raises(ValueError, match=message):
        build.prepare(Recipe("conv", str(folder), **{**SMALL, **changes}), Options())


def test_labels_that_no_prior_takes_are_refused_before_training(folder):
    (folder / ("x" * 201)).mkdir()
    (folder / "a").mkdir()
    for i, path in enumerate(sorted(folder.glob("*.png"))):
        path.rename(folder / ("a" if i else "x" * 201) / path.name)
    recipe = Recipe("conv", str(folder), labels=True, **SMALL)
    with pytest.raises(ValueError, match="A label has 1 to 200 letters. Received: one of 201"):
        build.prepare(recipe, Options())


def test_more_memory_than_a_number_of_bytes_can_say(folder):
    assert build.preview(Recipe("conv", str(folder), **SMALL), Options(memory=1e308))["memory_gb"]


def test_one_image_is_enough_for_a_prior(tmp_path):
    np.save(tmp_path / "one.npy", np.zeros((1, 8, 8), np.uint8))
    recipe = {**SMALL, "batch_size": 1}
    with pytest.raises(ValueError, match="at least 2 images"):
        build.prepare(Recipe("conv", str(tmp_path / "one.npy"), components=1, **recipe), Options())
    build.prepare(Recipe("conv", str(tmp_path / "one.npy"), **recipe), Options())


def test_a_package_is_missing(folder, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"--components 3 .*gon-tf\[mixture\]"):
        build.check_packages(Recipe("conv", "mnist", components=3), Options())
    with pytest.raises(ImportError, match=r"--tensorboard .*gon-tf\[tensorboard\]"):
        build.check_packages(Recipe("conv", "mnist"), Options(tensorboard=True))
    build.check_packages(Recipe("conv", "mnist", components=1), Options())


@pytest.mark.parametrize(
    ("steps", "given", "near"),
    [(937, 10, "1 or 937"), (12, 5, "3 or 4 or 6 or 12"), (3, 7, "1 or 3")],
)
def test_executions_that_do_not_fit_an_epoch(steps, given, near):
    with pytest.raises(ValueError, match=f"the {steps} steps of an epoch, as {near} does. Recei"):
        build.check_execution(Options(steps_per_execution=given), steps)


def test_executions_that_fit_an_epoch(folder):
    build.prepare(Recipe("conv", str(folder), **SMALL), Options(steps_per_execution=3))
    for make in (build.prepare, build.preview):
        with pytest.raises(ValueError, match="3 steps of an epoch, as 1 or 3 does. Received: 2"):
            make(Recipe("conv", str(folder), **SMALL), Options(steps_per_execution=2))


def test_split_takes_evenly():
    images = Images(np.arange(10, dtype=np.uint8).reshape(10, 1, 1, 1))
    rest, held = build.split(images, 0.3)
    assert held.first(9).ravel().tolist() == [3, 6, 9]
    assert rest.first(9).ravel().tolist() == [0, 1, 2, 4, 5, 7, 8]

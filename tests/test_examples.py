"""The examples of docstrings (`>>>`) are run, each in a folder with a few small files of its own.

What an example prints counts where the docstring shows it: nobody wants to read the progress of
`fit` there. Of what an example does not make itself it finds here: the usual modules, `images`,
`test`, a small `model`, a folder `photos`, and a small data set that is called mnist.
"""

import doctest
import math
import re
import types
from importlib import import_module
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image

import gon_tf
from gon_tf import zoo

FOLDERS = {package.__name__: Path(package.__path__[0]) for package in (gon_tf, zoo)}
NETWORK = Path(__file__).parent / "fixtures" / "conv_step.npz"  # of 32 latents


def sources():
    """(module, text) of all files that have examples, of the package and of the zoo's folder."""
    for package, folder in FOLDERS.items():
        for path in sorted(folder.rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            if ">>> " in text:
                parts = path.relative_to(folder).with_suffix("").parts
                yield ".".join([package, *parts]).removesuffix(".__init__"), text


def docstrings():
    """The docstrings with examples, by their full names."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    found = [test for module, _ in sources() for test in finder.find(import_module(module))]
    return {test.name: test for test in found if test.examples}


DOCSTRINGS = docstrings()


class WhatIsShown(doctest.OutputChecker):
    """Lets an example print what its docstring does not show."""

    def check_output(self, want, got, optionflags):
        return not want or super().check_output(want, got, optionflags)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """A data set of TFDS that is called mnist."""
    root = tmp_path_factory.mktemp("tensorflow_datasets")
    tfds.disable_progress_bar()
    coarse = np.random.default_rng(0).integers(0, 256, (64, 4, 4, 1), np.uint8)
    digits = np.kron(coarse, np.ones((1, 7, 7, 1), np.uint8))  # of noise a training diverges
    examples = [(number, {"image": digit, "label": 7}) for number, digit in enumerate(digits)]
    tfds.dataset_builders.store_as_tfds_dataset(
        name="mnist",
        version="3.0.1",
        features=tfds.features.FeaturesDict(
            {"image": tfds.features.Image(shape=(28, 28, 1)), "label": np.int64}
        ),
        split_datasets={"train": examples, "test": examples[:20]},
        data_dir=root,
        disable_shuffling=True,
    )
    return root


@pytest.fixture
def _folder(tmp_path, monkeypatch, data_dir):
    """A working folder with photos, and data sets in another."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TFDS_DATA_DIR", str(data_dir))
    (tmp_path / "photos" / "dogs").mkdir(parents=True)
    (tmp_path / "run").mkdir()
    Image.effect_noise((640, 480), 50).convert("RGB").save("photos/cat.jpg")
    Image.effect_noise((60, 80), 50).convert("RGB").save("photos/dogs/rex.png")


@pytest.fixture(scope="module")
def names():
    """What an example need not make itself. What it does to the model, others may see."""
    with np.load(NETWORK) as step:
        published = {
            name.removeprefix("before/"): value
            for name, value in step.items()
            if name.startswith("before/")
        }
    model = gon_tf.GON(gon_tf.ConvDecoder((32, 32, 1), latent_dim=8, filters=2))
    model.compile(keras.optimizers.Adam(1e-3))
    images = np.random.default_rng(0).integers(0, 256, (16, 32, 32, 1), np.uint8)
    model.fit_latents(images)
    return {
        "gon_tf": gon_tf,
        "images": images,
        "keras": keras,
        "labels": np.arange(16) % 2 + 7,
        "math": math,
        "model": model,
        "np": np,
        "Path": Path,
        "test": images[:8],
        "tf": tf,
        "torch": types.SimpleNamespace(load=lambda *_, **__: published),
    }


@pytest.mark.usefixtures("_folder")
@pytest.mark.parametrize("name", DOCSTRINGS)
def test_example(name, names):
    example, report = DOCSTRINGS[name], []
    example.globs = example.globs | names
    runner = doctest.DocTestRunner(
        WhatIsShown(), optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    )
    if runner.run(example, out=report.append).failed:
        pytest.fail("".join(report), pytrace=False)


def test_all_examples_are_found():
    written = sum(len(re.findall("^ *>>> ", text, re.MULTILINE)) for _, text in sources())
    assert sum(len(test.examples) for test in DOCSTRINGS.values()) == written


@pytest.mark.parametrize("name", sorted(set(gon_tf._HOMES) - set(gon_tf._NAMES["gon_tf"])))
def test_what_the_package_offers_has_an_example(name):
    assert ">>> " in getattr(gon_tf, name).__doc__

import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import gon_tf
from gon_tf.cli import main

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def root():
    """Folder of the checkout."""
    return ROOT


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run `gon-tf` with some arguments, in this process and an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GON_TF_DEBUG", raising=False)

    def invoke(*arguments, stdin=None):
        arguments = [str(argument) for argument in arguments]
        return CliRunner().invoke(main, arguments, prog_name="gon-tf", input=stdin)

    return invoke


def make_preset(folder, channels):
    keras.utils.set_random_seed(0)
    decoder = gon_tf.ConvDecoder((8, 8, channels), latent_dim=4, filters=2)
    model = gon_tf.GON(decoder)
    images = np.random.default_rng(0).integers(0, 256, (8, 8, 8, channels), dtype=np.uint8)
    model.fit_latents(images)
    model.save_to_preset(folder, metadata={"metrics": {"sse": 12.5, "psnr": 7.25}})
    return folder


@pytest.fixture(scope="session")
def grey_model(tmp_path_factory):
    """Folder of a model of 8x8 grey pictures."""
    return make_preset(tmp_path_factory.mktemp("presets") / "tiny-conv", channels=1)


@pytest.fixture(scope="session")
def rgb_model(tmp_path_factory):
    """Folder of a model of 8x8 RGB pictures."""
    return make_preset(tmp_path_factory.mktemp("presets") / "colour-conv", channels=3)


@pytest.fixture(scope="session")
def implicit_model(tmp_path_factory):
    """Folder of an implicit model of 8x8 grey pictures."""
    keras.utils.set_random_seed(0)
    decoder = gon_tf.ImplicitDecoder(channels=1, latent_dim=4, width=8, depth=2)
    folder = tmp_path_factory.mktemp("presets") / "tiny-implicit"
    gon_tf.ImplicitGON(decoder, (8, 8, 1)).save_to_preset(folder)
    return folder


@pytest.fixture(scope="session")
def pixels():
    """Read a picture file, or its bytes."""

    def read(file):
        with Image.open(io.BytesIO(file) if isinstance(file, bytes) else file) as image:
            return np.asarray(image)

    return read


@pytest.fixture
def zoo(tmp_path, monkeypatch, grey_model):
    """The zoo with one model, `tiny-conv`."""
    from gon_tf import zoo

    root = tmp_path / "zoo"
    shutil.copytree(grey_model, root / "tiny-conv")
    zoo.index(root)
    monkeypatch.setenv("GON_TF_ZOO", str(root))
    return root


@pytest.fixture
def pictures(tmp_path):
    """Folder of twelve 8x8 grey pictures, 00.png to 11.png."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    pixels = np.random.default_rng(1).integers(0, 256, (12, 8, 8), dtype=np.uint8)
    for i, picture in enumerate(pixels):
        Image.fromarray(picture).save(folder / f"{i:02}.png")
    return folder


@pytest.fixture
def process(tmp_path):
    """Start `gon-tf` with some arguments as a process of its own, in an empty folder."""
    environment = {name: value for name, value in os.environ.items() if name != "GON_TF_DEBUG"}
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)

    def start(*arguments, text=True, **options):
        return subprocess.Popen(
            [sys.executable, ROOT / "cli.py", *map(str, arguments)],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=text,
            **options,
        )

    return start

"""What README.md tells to type does what it says, with a small data set called mnist."""

import re
import shlex
import shutil

import numpy as np
import pytest
import tensorflow_datasets as tfds
from click.testing import CliRunner

from docs.generate.pages import CHECKOUT
from gon_tf.cli import main

README = (CHECKOUT / "README.md").read_text()
COMMANDS = re.findall(r"^    (?:pip install \. && )?gon-tf (.+)$", README, re.MULTILINE)


@pytest.fixture
def _mnist(tmp_path, monkeypatch):
    """A folder to work in, and 64 digits that are noise."""
    root = tmp_path / "tensorflow_datasets"
    tfds.disable_progress_bar()
    digits = np.random.default_rng(0).integers(0, 256, (64, 28, 28, 1), np.uint8)
    examples = [(i, {"image": digit, "label": 7}) for i, digit in enumerate(digits)]
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
    monkeypatch.setenv("TFDS_DATA_DIR", str(root))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(CHECKOUT / "examples")


def test_the_first_command_does_the_main_job_and_the_second_runs_the_tests():
    first, second = re.findall(r"^    (pip install .+)$", README, re.MULTILINE)
    assert first.startswith("pip install . && gon-tf reconstruct mnist-conv examples/images")
    assert second == 'pip install -e ".[dev]" && pytest'


@pytest.mark.slow
@pytest.mark.usefixtures("_mnist")
def test_the_python_of_the_page(tmp_path):
    (code,) = re.findall(r"```python\n(.+?)```", README, re.DOTALL)
    exec(code.replace("latent_dim=256", "latent_dim=4, filters=2"), {})
    assert (tmp_path / "my-gon" / "config.json").is_file()


@pytest.mark.slow
@pytest.mark.usefixtures("_mnist")
@pytest.mark.parametrize("command", [line for line in COMMANDS if not line.startswith("train")])
def test_the_commands_of_the_page(command, tmp_path):
    arguments = shlex.split(command)
    result = CliRunner().invoke(main, arguments, prog_name="gon-tf")
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / arguments[-1]).exists()


@pytest.mark.usefixtures("_mnist")
def test_the_training_of_the_page_is_one(tmp_path):
    (command,) = [line for line in COMMANDS if line.startswith("train")]
    photos = tmp_path / "photos"
    photos.mkdir()
    for i in range(100):
        picture = CHECKOUT / "examples" / "images" / f"mnist-test-{i % 8}.png"
        shutil.copy(picture, photos / f"{i}.png")
    result = CliRunner().invoke(main, [*shlex.split(command), "--dry-run"], prog_name="gon-tf")
    assert result.exit_code == 0, result.stderr

"""What README.md and the pages for the first hour tell to type does what it says, on little."""

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
# What a small training takes for what the pages write.
LESS = {
    "latent_dim=256": "latent_dim=4, filters=2",
    "image_size=64, epochs=200": "image_size=8, epochs=1, latent_dim=4, filters=2, batch_size=16",
    "n_components=16": "n_components=2, epochs=1",
}
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
@pytest.mark.usefixtures("_mnist", "_photos")
@pytest.mark.parametrize(
    ("page", "results"),
    [
        ("README.md", {"my-gon"}),
        ("docs/start.md", set()),
        ("docs/train-in-python.md", {"my-gon", "photo-gon"}),
        ("docs/tools.md", set()),
    ],
)
def test_the_python_of_a_page(page, results, tmp_path):
    known = {}
    for code in re.findall(r"```python\n(.+?)```", (CHECKOUT / page).read_text(), re.DOTALL):
        if "hf://" not in code:  # needs the hub
            for name, less in LESS.items():
                code = code.replace(name, less)
            exec(code, known)
    assert {path.parent.name for path in tmp_path.glob("*/config.json")} == results


@pytest.mark.slow
@pytest.mark.usefixtures("_mnist")
@pytest.mark.parametrize("command", [line for line in COMMANDS if not line.startswith("train")])
def test_the_commands_of_the_page(command, tmp_path):
    arguments = shlex.split(command)
    result = CliRunner().invoke(main, arguments, prog_name="gon-tf")
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / arguments[-1]).exists()


@pytest.fixture
def _photos(tmp_path):
    """A folder of 100 pictures where the work is done."""
    (tmp_path / "photos").mkdir()
    for i in range(100):
        picture = CHECKOUT / "examples" / "images" / f"mnist-test-{i % 8}.png"
        shutil.copy(picture, tmp_path / "photos" / f"{i}.png")


@pytest.mark.usefixtures("_mnist", "_photos")
def test_the_training_of_the_page_is_one():
    (command,) = [line for line in COMMANDS if line.startswith("train")]
    result = CliRunner().invoke(main, [*shlex.split(command), "--dry-run"], prog_name="gon-tf")
    assert result.exit_code == 0, result.stderr

"""The help texts under docs/cli are those of the commands, and docs/cli.md shows each command."""

import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from docs.generate import help_texts as generated
from gon_tf.cli import main

AGAIN = "run: python -m docs.generate.help_texts"


@pytest.fixture
def root():
    return Path(__file__).resolve().parents[2]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run `gon-tf` with some arguments, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(
        main, list(map(str, arguments)), prog_name="gon-tf"
    )


@pytest.fixture
def pixels():
    """Read a picture file."""
    return lambda file: np.asarray(Image.open(file))


@pytest.fixture
def generator():
    return vars(generated)


@pytest.fixture
def help_texts(generator):
    return generator["help_texts"]()


def test_help_texts(root, help_texts):
    files = {file.name: file.read_text() for file in (root / "docs" / "cli").glob("*.txt")}
    assert files == help_texts, AGAIN


def test_help_texts_are_what_the_commands_print(run, help_texts):
    for name in ("gon-tf", "gon-tf-sample", "gon-tf-zoo-list"):
        printed = run(*name.split("-")[2:], "--help").stdout
        assert printed == help_texts[f"{name}.txt"]


def test_every_command_is_shown(root, help_texts):
    page = (root / "docs" / "cli.md").read_text()
    for name in help_texts:
        assert f"(cli/{name})" in page
        command = name.removesuffix(".txt").replace("-", " ").replace(" ", "-", 1)
        assert f"{command} " in page or f"{command}\n" in page


def test_figures_of_the_page_exist(root):
    page = (root / "docs" / "cli.md").read_text()
    for figure in re.findall(r'src="([^"]+)"', page):
        assert (root / "docs" / figure).is_file(), figure


def test_commands_make_the_figures_of_the_page(run, root, generator, tmp_path, pixels):
    (tmp_path / "examples").symlink_to(root / "examples")
    figures = {path.name: pixels(path) for path in generator["FIGURES"].iterdir()}
    for arguments in generator["picture_commands"]():
        result = run(*arguments)
        assert result.exit_code == 0, result.stderr
    made = {path.name: pixels(path) for path in tmp_path.glob("*.png")}
    assert made.keys() == figures.keys()
    for name, picture in made.items():
        assert np.abs(picture.astype(int) - figures[name]).max() <= 2, f"{name}: {AGAIN}"

"""The commands of docs/your-pictures.md, on a small folder and on emoji where those are."""

import re
import shlex

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from docs.generate.pages import CHECKOUT
from gon_tf.cli import main

EMOJI = CHECKOUT.parent / "shared" / "data" / "noto-emoji"
# Of a training: an option that is given twice counts as given last.
SMALL = (
    "--batch-size",
    "16",
    "--image-size",
    "16",
    "--epochs",
    "2",
    "--latent-dim",
    "8",
    "--filters",
    "2",
)


def commands():
    """The commands of the page, as arguments."""
    page = (CHECKOUT / "docs" / "your-pictures.md").read_text()
    return [shlex.split(line) for line in re.findall(r"^    gon-tf (.+)$", page, re.MULTILINE)]


def follow(folder, monkeypatch, options):
    """Run all commands in a folder that has photos."""
    monkeypatch.chdir(folder)
    for arguments in commands():
        more = options if arguments[0] == "train" else ()
        result = CliRunner().invoke(main, [*arguments, *more], prog_name="gon-tf")
        assert result.exit_code == 0, f"{arguments}: {result.stderr}"
    assert {"reconstructions.png", "samples.png", "latents.npz"} <= set(
        path.name for path in folder.iterdir()
    )
    assert (folder / "my-page" / "index.html").is_file()
    assert (folder / "my-onnx" / "encode.onnx").is_file()
    assert (folder / "my-gon" / "loss.png").is_file()
    assert not (folder / "my-gon-2").exists()


@pytest.mark.slow
def test_commands_of_the_page(tmp_path, monkeypatch):
    photos = tmp_path / "photos"
    photos.mkdir()
    generator = np.random.default_rng(0)
    for i in range(60):
        low = Image.fromarray(generator.integers(0, 256, (4, 4, 3), np.uint8))
        low.resize((24, 20), Image.Resampling.BICUBIC).save(photos / f"{i}.png")
    follow(tmp_path, monkeypatch, SMALL)


@pytest.mark.slow
def test_commands_of_the_page_with_emoji(tmp_path, monkeypatch):
    if not EMOJI.is_dir():
        pytest.skip(f"needs pictures in {EMOJI}")
    photos = tmp_path / "photos"
    photos.mkdir()
    for path in sorted(EMOJI.glob("*.png"))[::12]:
        (photos / path.name).symlink_to(path)
    follow(tmp_path, monkeypatch, ("--epochs", "2", "--latent-dim", "16", "--filters", "4"))

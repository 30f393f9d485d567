"""Default settings at every size, on small pictures."""

import numpy as np
import pytest

from benchmarks import sizes
from gon_tf import files
from gon_tf.pictures import write
from gon_tf.training import Recipe


@pytest.fixture
def pictures(tmp_path):
    """A folder of ten pictures."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (10, 8, 8, 1), np.uint8)
    for i, picture in enumerate(noise):
        write(folder / f"{i}.png", picture)
    return str(folder)


def test_a_run_and_its_pca(pictures, tmp_path):
    small = {"image_size": (8, 8), "latent_dim": 3, "filters": 2, "batch_size": 5, "epochs": 2}
    recipe = Recipe("conv", pictures, evaluate=pictures, **small)
    row = sizes.run(recipe, None, tmp_path / "model")
    assert row["diverged"] == (bool(row["rises"]) or row["last_loss"] >= row["first_loss"])
    assert min(row["sse"], row["cpu_seconds_per_step"], row["peak_gb"]) > 0
    assert (row["image_shape"], row["latent_dim"]) == ([8, 8, 1], 3)

    few, most = (sizes.pca(pictures, pictures, (8, 8, 1), n, None) for n in (3, 64))
    assert (few["components"], most["components"]) == (3, 9)
    assert few["sse"] > 1 > 1e-3 > most["sse"]  # nine components know all of ten pictures


def test_epochs_have_as_many_steps_as_their_size_is_given():
    pictures = sizes.SETS["emoji-48x64"]
    assert sizes.epochs(pictures) * (pictures.count // sizes.BATCH) == sizes.STEPS[64]
    assert sizes.epochs(sizes.SETS["emoji-64"]) == sizes.FEWEST_EPOCHS


def test_the_record_is_in_the_order_of_the_tables():
    rows = files.read_json(sizes.FILE)["runs"]
    assert rows == sorted(rows, key=sizes.key)

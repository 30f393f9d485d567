"""The registry, and the models that it promises."""

import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest

import gon_tf
from gon_tf import files, zoo

NAMES = zoo.list_models()


def test_names_are_sorted_and_found():
    assert sorted(NAMES) == NAMES
    assert "mnist-conv" in NAMES
    assert zoo.find("mnist-conv").latent_dim == 256


def test_list_by_data_set_and_variant():
    assert gon_tf.list_models(dataset="mnist", variant="conv") == ["mnist-conv"]
    assert gon_tf.list_models(dataset="no such data set") == []


def test_registry_is_what_the_presets_say(tmp_path):
    for name in NAMES:
        shutil.copytree(zoo.ROOT / name, tmp_path / name)
    zoo.index(tmp_path)
    registry = (zoo.ROOT / zoo.REGISTRY).read_text()
    assert json.loads((tmp_path / zoo.REGISTRY).read_text()) == json.loads(registry)


@pytest.mark.parametrize("name", NAMES)
def test_every_model_loads_and_works(name):
    entry, model = zoo.find(name), gon_tf.load(name)
    assert list(model.image_shape) == entry.image_shape
    assert model.latent_dim == entry.latent_dim
    pictures = np.clip(model.sample(4), 0, 1)  # implicit models draw beyond, too
    assert pictures.shape == (4, *entry.image_shape)
    assert np.ptp(pictures) > 0.5
    # What the prior of a variational model draws may be unlike anything that it was trained on.
    assert np.sum((model.reconstruct(pictures) - pictures) ** 2) < 0.2 * np.sum(pictures**2)


@pytest.mark.parametrize("name", NAMES)
def test_every_model_says_where_it_comes_from(name):
    metadata = json.loads((zoo.folder(name) / "metadata.json").read_text())
    for key in ("description", "dataset", "preprocessing", "recipe", "seed", "licence", "paper"):
        assert metadata[key] or metadata[key] == 0
    assert metadata["metrics"]["count"] > 0
    assert "test" not in metadata["recipe"]["dataset"]


def test_misspelt_name_suggests_the_nearest():
    with pytest.raises(zoo.UnknownModelError, match="did you mean 'mnist-conv'"):
        gon_tf.load("mnist-cnov")
    with pytest.raises(zoo.UnknownModelError, match="there are .*mnist-conv"):
        gon_tf.load("xyz")


@pytest.fixture
def copied(tmp_path, monkeypatch):
    shutil.copytree(zoo.ROOT / "mnist-conv", tmp_path / "mnist-conv")
    shutil.copy(zoo.ROOT / zoo.REGISTRY, tmp_path)
    monkeypatch.setenv("GON_TF_ZOO", str(tmp_path))
    return tmp_path / "mnist-conv"


def test_altered_file_is_refused_before_it_is_opened(copied):
    weights = bytearray((copied / "model.weights.h5").read_bytes())
    weights[len(weights) // 2] ^= 1
    (copied / "model.weights.h5").write_bytes(weights)
    with pytest.raises(ValueError, match="sha256 differs"):
        gon_tf.load("mnist-conv")


def test_missing_file(copied):
    (copied / "config.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"has no config.json: publish the model again"):
        gon_tf.load("mnist-conv")


def test_link_to_a_preset_is_refused(copied, tmp_path):
    copied.rename(tmp_path / "elsewhere")
    copied.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="is a link; a zoo holds the folders themselves"):
        gon_tf.load("mnist-conv")


def test_link_to_a_registry_is_refused(copied, tmp_path):
    (tmp_path / "registry.json").rename(tmp_path / "elsewhere")
    (tmp_path / "registry.json").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match=r"registry.json is a link"):
        gon_tf.load("mnist-conv")


def test_folder_as_url(copied):
    assert zoo.folder(copied.as_uri()) == copied


def test_folder_that_is_no_zoo(tmp_path, monkeypatch):
    monkeypatch.setenv("GON_TF_ZOO", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"is not a zoo: it has no registry.json"):
        zoo.list_models()


FILES = zoo.find("mnist-conv").files
WRONG = {
    "name": ["../mnist-conv", "/etc", "a/b", "a\\b", ".hidden", "a..b", "", "A", "-a", None, ["a"]],
    "parameters": ["many", True, 1.5],
    "image_shape": [32, ["32"], None, [1] * 1_000_000],
    "dataset": [1, "x" * 1_000_000],
    "metrics": [[]],
    "files": [
        [],
        {},
        {**FILES, "../evil.py": FILES["config.json"]},
        {**FILES, "config.json": None},
        {**FILES, "config.json": {"sha256": "0" * 64, "bytes": 2**20 + 1}},
        {**FILES, "config.json": {"sha256": "0" * 64, "bytes": -1}},
        {**FILES, "config.json": {"sha256": "x" * 64, "bytes": 1}},
        {**FILES, "config.json": {"sha256": "0" * 64, "bytes": 1, "path": "/etc"}},
    ],
}


@pytest.mark.parametrize(("field", "value"), [(f, v) for f in WRONG for v in WRONG[f]])
def test_hostile_registry(copied, field, value):
    path = copied.parent / "registry.json"
    registry = json.loads(path.read_text())
    registry["models"][0][field] = value
    path.write_text(json.dumps(registry))
    with pytest.raises(ValueError, match=r"registry.json is damaged: ") as caught:
        zoo.folder("mnist-conv")
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"[]", b"\xff", b"{}", b'{"format": 2, "models": []}'),
        *(b'{"format": 1, "models": [1]}', b'{"format": 1, "models": 1' + b"0" * 400 + b"}"),
        b'{"format": 1, "models": ' + b"[" * 600 + b"]" * 600 + b"}",
    ],
)
def test_broken_registry(copied, content):
    (copied.parent / "registry.json").write_bytes(content)
    with pytest.raises(ValueError, match="is not a|is damaged"):
        zoo.list_models()


def test_registry_that_names_a_model_twice(copied):
    path = copied.parent / "registry.json"
    registry = json.loads(path.read_text())
    registry["models"] *= 2
    path.write_text(json.dumps(registry))
    with pytest.raises(ValueError, match="names a model twice"):
        zoo.list_models()


def test_a_folder_that_hides_a_model(copied, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.warns(UserWarning, match="The folder mnist-conv is taken, not the zoo model"):
        assert zoo.locate("mnist-conv") == Path("mnist-conv")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert zoo.locate("./mnist-conv") == Path("mnist-conv")
        copied.rename(tmp_path / "mine")
        assert zoo.locate("mine") == Path("mine")


def test_home_and_paths(copied, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path.parent))
    monkeypatch.setenv("GON_TF_ZOO", f"~/{tmp_path.name}")
    assert zoo.folder("mnist-conv") == copied
    assert zoo.locate(f"~/{tmp_path.name}/mnist-conv") == copied
    assert zoo.at(tmp_path).entries == zoo.entries()


def test_a_preset_that_is_swapped_while_it_is_verified(copied, monkeypatch):
    """The bytes that were verified are those that are used."""
    read_plain = files.read_plain

    def then_swapped(path, most_bytes):
        content = read_plain(path, most_bytes)
        if path.parent.name == "mnist-conv":
            path.write_bytes(b"hostile")
        return content

    monkeypatch.setattr(files, "read_plain", then_swapped)
    assert gon_tf.load("mnist-conv").latent_dim == 256
    with pytest.raises(ValueError, match="sha256 differs"):
        gon_tf.load("mnist-conv")

"""`gon-tf --import`: models with decoders and losses of one's own, in every command."""

import json
import shutil
import sys

import keras
import numpy as np
import pytest

import gon_tf

MODULE = """
import keras
import numpy as np

@keras.saving.register_keras_serializable("mine")
class Plain(keras.Model):
    def __init__(self, image_shape, latent_dim, **options):
        super().__init__(**options)
        self.image_shape, self.latent_dim = image_shape, latent_dim
        self.dense = keras.layers.Dense(int(np.prod(image_shape)), activation="sigmoid")
        self(np.zeros((1, latent_dim)))

    def call(self, latents):
        return keras.ops.reshape(self.dense(latents), (-1, *self.image_shape))

    def get_config(self):
        return {"image_shape": self.image_shape, "latent_dim": self.latent_dim}

@keras.saving.register_keras_serializable("mine")
def error(images, pictures):
    return keras.ops.square(pictures - images)
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Folder of a model whose decoder and loss are known to `my_decoders.py` beside it alone."""
    (tmp_path / "my_decoders.py").write_text(MODULE)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    known = {}
    exec(MODULE, known)
    keras.utils.set_random_seed(0)
    model = gon_tf.GON(known["Plain"]((8, 8, 1), 3), loss=known["error"])
    model.fit_latents(np.random.default_rng(0).random((8, 8, 8, 1), np.float32))
    model.save_to_preset(tmp_path / "my-gon", {"metrics": {"sse": 1.0}})
    forget()
    yield tmp_path / "my-gon"
    forget()


def forget():
    sys.modules.pop("my_decoders", None)
    for name in ("mine>Plain", "mine>error"):
        keras.saving.get_custom_objects().pop(name, None)


def test_commands_know_what_is_imported(run, own, pictures, tmp_path):
    said = ("--licence", "MIT", "--description", "Noise", "--dataset", "noise")
    for command in (
        ("sample", own, "-n", "2", "-o", "samples.png"),
        ("reconstruct", own, pictures, "-o", "grid.png"),
        ("evaluate", own, pictures),
        ("zoo", "publish", own, "www", *said),
        ("sample", tmp_path / "www" / "my-gon", "-o", "again.png"),
    ):
        result = run("--import", "my_decoders", *command)
        assert result.exit_code == 0, result.output
        sys.modules.pop("my_decoders")
    assert (tmp_path / "samples.png").exists()
    config = json.loads((tmp_path / "www" / "my-gon" / "config.json").read_text())
    assert config["arguments"]["decoder"]["class"] == "mine>Plain"
    assert config["arguments"]["loss"] == "mine>error"


def test_without_it_the_error_says_how(run, own):
    result = run("sample", own, "-o", "samples.png")
    assert result.exit_code == 1
    assert "gon-tf --import MODULE. Received: 'mine>Plain'" in result.stderr
    assert result.stderr.count("\n") == 1
    assert "my_decoders" not in sys.modules


def test_a_preset_imports_nothing(run, own, tmp_path):
    """Neither a module beside it, nor one that it names, nor one in it."""
    trap = "import pathlib\npathlib.Path('trapped').touch()"
    for place in (tmp_path, own):
        (place / "mine.py").write_text(trap)
    shutil.copy(tmp_path / "my_decoders.py", own)
    assert run("sample", own, "-o", "samples.png").exit_code == 1
    assert not (tmp_path / "trapped").exists()


@pytest.mark.parametrize(
    ("name", "content", "status", "message"),
    [
        ("nowhere", None, 2, "There is no module nowhere, neither in"),
        ("nowhere.below", None, 2, "There is no module nowhere.below, neither in"),
        ("my_decoders.py", "", 2, "'my_decoders.py' is not a module; my_decoders.py is my_dec"),
        ("./my_decoders", "", 2, "'./my_decoders' is not a module; my_decoders.py is my_decoders."),
        ("", "", 2, "'' is not a module"),
        ("my_decoders", "import nowhere", 1, "failed: ModuleNotFoundError: No module named 'now"),
        ("my_decoders", "x = 1 / 0", 1, "--import my_decoders failed: ZeroDivisionError: division"),
        ("my_decoders", "x = ", 1, "--import my_decoders failed: SyntaxError: invalid syntax"),
    ],
)
def test_what_cannot_be_imported(run, tmp_path, monkeypatch, name, content, status, message):
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    if content is not None:
        (tmp_path / "my_decoders.py").write_text(content)
    result = run("--import", name, "zoo", "list")
    sys.modules.pop("my_decoders", None)
    assert result.exit_code == status
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_what_is_here_takes_no_ones_place(run, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "zoneinfo.py").write_text("1 / 0")
    (tmp_path / "graphlib.py").write_text("1 / 0")
    for name in ("zoneinfo", "graphlib"):
        monkeypatch.delitem(sys.modules, name, raising=False)
        assert run("--import", name, "zoo", "list").exit_code == 0

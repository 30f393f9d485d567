import json
import os

import h5py
import keras
import numpy as np
import pytest

import gon_tf
from gon_tf import files, presets


@pytest.fixture
def model():
    return gon_tf.GON(gon_tf.ConvDecoder((8, 8, 1), 3, filters=2), damping=0.02, components=1)


@pytest.fixture
def preset(model, tmp_path):
    model.save_to_preset(tmp_path / "preset", {"description": "a test"})
    return tmp_path / "preset"


def test_folder_holds_plain_files(preset, model):
    assert {path.name for path in preset.iterdir()} == {
        "config.json",
        "metadata.json",
        "model.weights.h5",
    }
    config = json.loads((preset / "config.json").read_text())
    assert config["class"] == "GON"
    assert config["arguments"]["damping"] == 0.02
    assert config["arguments"]["decoder"]["class"] == "ConvDecoder"
    assert config["arguments"]["decoder"]["arguments"]["filters"] == 2
    assert config["versions"]["keras"] == keras.__version__
    metadata = json.loads((preset / "metadata.json").read_text())
    assert metadata == {
        "image_shape": [8, 8, 1],
        "latent_dim": 3,
        "parameters": sum(np.prod(weight.shape) for weight in model.trainable_weights),
        "description": "a test",
    }


def test_nothing_but_the_preset_is_left_behind(preset):
    assert [path.name for path in preset.parent.iterdir()] == ["preset"]


def test_weights_that_training_left_are_those_that_load(preset, model):
    for one, other in zip(model.get_weights(), gon_tf.load(preset).get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_existing_folder_is_kept(preset, model):
    before = (preset / "model.weights.h5").read_bytes()
    with pytest.raises(FileExistsError, match="exists already: choose another folder, or over"):
        model.save_to_preset(preset)
    assert (preset / "model.weights.h5").read_bytes() == before


def test_overwrite_replaces_the_preset_and_keeps_other_files(preset, model):
    (preset / "log.csv").write_text("epoch,loss")
    model.prior.means.assign([[1.0, 2.0, 3.0]])
    model.save_to_preset(preset, overwrite=True)
    np.testing.assert_array_equal(gon_tf.load(preset).prior.means, [[1.0, 2.0, 3.0]])
    assert (preset / "log.csv").read_text() == "epoch,loss"


def test_failure_leaves_nothing(model, tmp_path):
    with pytest.raises(TypeError):
        model.save_to_preset(tmp_path / "preset", {"not JSON": object()})
    assert list(tmp_path.iterdir()) == []


def test_no_parent_folder(model, tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        model.save_to_preset(tmp_path / "a" / "b")


def test_decoder_of_another_class(tmp_path):
    network = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(16, "sigmoid"), keras.layers.Reshape((4, 4, 1))]
    )
    with pytest.raises(ValueError, match=r"Received: Sequential; save this model with model.save"):
        gon_tf.GON(network).save_to_preset(tmp_path / "preset")
    assert list(tmp_path.iterdir()) == []


def test_folder_that_is_no_preset(tmp_path):
    with pytest.raises(ValueError, match="not a preset: it has no config.json"):
        gon_tf.load(tmp_path)


def test_unknown_model():
    with pytest.raises(ValueError, match="neither a preset folder nor a zoo model"):
        gon_tf.load("no-such-model")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not a JSON object"),
        (b"[1]", "is not a JSON object"),
        (b"\xff\xfe", "is not a JSON object"),
        (b'{"class": ' + b"[" * 100_000, "is not a JSON object"),
        (b'{"class": ' + b"1" * 5000 + b"}", "is not a JSON object"),
        (b"{}", "names no registered class of a model"),
        (b'{"class": "os.system", "arguments": {}}', "names no registered class"),
        (b'{"class": ["GON"], "arguments": {}}', "names no registered class"),
        (b'{"class": "ConvDecoder", "arguments": {}}', "names no registered class of a model"),
        (b'{"class": "GON", "arguments": []}', "gives no arguments"),
        (b'{"class": "GON", "arguments": {}}', "does not describe a model: .*decoder"),
        (b" " * 2**20 + b"{}", "is too large: 1,048,578 bytes"),
    ],
)
def test_damaged_config(preset, content, message):
    (preset / "config.json").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        gon_tf.load(preset)


def altered(preset, **arguments):
    """The preset, with other arguments of its decoder."""
    config = json.loads((preset / "config.json").read_text())
    config["arguments"]["decoder"]["arguments"].update(arguments)
    (preset / "config.json").write_text(json.dumps(config))
    return preset


KERAS_OBJECT = {"module": "os", "class_name": "system", "config": {"command": "touch here"}}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image_shape": [8, 8]}, "does not describe a model: .*three integers"),
        ({"image_shape": [2**20, 2**20, 1]}, "a value that no preset has"),
        ({"latent_dim": 10**39}, "a value that no preset has"),
        ({"latent_dim": 10**400}, "with integers of over 40 digits"),
        ({"activation": "x" * 201}, "a value that no preset has"),
        ({"name": "x" * 10_000}, "a value that no preset has"),
        ({"image_shape": [4096, 4096, 1]}, "a value that no preset has"),
        ({"latent_dim": 2**20}, "asks for a larger model than the weights are for"),
        ({"filters": 2**20}, "asks for a larger model than the weights are for"),
        ({"activation": KERAS_OBJECT}, r"a value that no preset has. Received: activation="),
        ({"dtype": {"class_name": "DTypePolicy"}}, "a value that no preset has"),
        ({"encoder": {"class": "GON", "arguments": {}}}, "no registered class of a layer"),
        ({"encoder": {"class": "Muon", "arguments": {}}}, "no registered class of a layer"),
        ({"nothing": 1}, "does not describe a model"),
        ({"x" * 201: 1}, "a value that no preset has"),
    ],
)
def test_config_that_asks_for_what_no_preset_has(preset, arguments, message):
    with pytest.raises(ValueError, match=message):
        gon_tf.load(altered(preset, **arguments))


def test_config_that_is_nested_deeply(preset):
    config = '{"class": "ConvDecoder", "arguments": {"decoder": ' * 400 + "1" + "}}" * 400
    config = '{"class": "GON", "arguments": {"decoder": ' + config + "}}"
    (preset / "config.json").write_text(config)
    with pytest.raises(ValueError, match="nested over 50 deep"):
        gon_tf.load(preset)


@pytest.mark.parametrize(
    ("decoder", "arguments"),
    [
        ({"depth": 2**31}, {}),
        ({"width": 2**31}, {}),
        ({"latent_dim": 2**31}, {}),
        ({}, {"components": 2**31}),
        ({}, {"inner_steps": 21}),
        ({}, {"image_shape": [2**16, 2**16, 1]}),
    ],
)
def test_implicit_config_that_asks_for_too_much(tmp_path, decoder, arguments):
    model = gon_tf.ImplicitGON(
        gon_tf.ImplicitDecoder(1, 2, width=4, depth=1), (4, 4, 1), components=1
    )
    model.save_to_preset(tmp_path / "preset")
    preset = altered(tmp_path / "preset", **decoder)
    config = json.loads((preset / "config.json").read_text())
    config["arguments"].update(arguments)
    (preset / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match="larger model than|no preset has"):
        gon_tf.load(preset)


def test_decoder_of_a_decoder(preset):
    config = json.loads((preset / "config.json").read_text())
    config["arguments"]["decoder"]["class"] = "GON"
    (preset / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match="registered class of a layer.*Received: 'GON'"):
        gon_tf.load(preset)


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5"])
def test_links_are_refused(preset, tmp_path, name):
    (preset / name).rename(tmp_path / "elsewhere")
    (preset / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match=f"{name} is a link"):
        gon_tf.load(preset)


def test_pipes_are_refused(preset):
    (preset / "model.weights.h5").unlink()
    os.mkfifo(preset / "model.weights.h5")
    with pytest.raises(ValueError, match=r"model.weights.h5 is not a plain file"):
        gon_tf.load(preset)


def test_missing_weights(preset):
    (preset / "model.weights.h5").unlink()
    with pytest.raises(FileNotFoundError, match=r"has no model.weights.h5"):
        gon_tf.load(preset)


def test_truncated_and_foreign_weights(preset):
    weights = preset / "model.weights.h5"
    content = weights.read_bytes()
    for damaged in (content[: len(content) // 2], b"", b"not an HDF5 file"):
        weights.write_bytes(damaged)
        with pytest.raises(ValueError, match="does not hold the weights of the model"):
            gon_tf.load(preset)


def test_weights_of_another_model(preset, tmp_path):
    other = gon_tf.GON(gon_tf.ConvDecoder((8, 8, 1), 5, filters=2), components=1)
    other.save_weights(tmp_path / "other.weights.h5")
    (tmp_path / "other.weights.h5").replace(preset / "model.weights.h5")
    with pytest.raises(ValueError, match="does not hold the weights of the model"):
        gon_tf.load(preset)


def test_weights_that_are_nan(preset):
    with h5py.File(preset / "model.weights.h5", "r+") as file:
        file["vars/0"][0] = np.nan
    with pytest.raises(ValueError, match="NaN or infinite"):
        gon_tf.load(preset)


def test_versions_name_what_made_the_weights():
    assert presets.versions()["gon_tf"] == gon_tf.__version__


def custom_decoder(package):
    """A decoder class of one's own, registered with Keras."""

    @keras.saving.register_keras_serializable(package)
    class Linear(keras.Model):
        def __init__(self, image_shape, latent_dim, **options):
            super().__init__(**options)
            self.image_shape, self.latent_dim = image_shape, latent_dim
            self.dense = keras.layers.Dense(int(np.prod(image_shape)), activation="sigmoid")
            self(np.zeros((1, latent_dim)))

        def call(self, latents):
            return keras.ops.reshape(self.dense(latents), (-1, *self.image_shape))

        def get_config(self):
            return {"image_shape": self.image_shape, "latent_dim": self.latent_dim}

    return Linear


def test_decoder_of_ones_own(tmp_path, images):
    cls = custom_decoder("mine")
    model = gon_tf.GON(cls((8, 8, 1), 3))
    model.save_to_preset(tmp_path / "preset")
    config = json.loads((tmp_path / "preset" / "config.json").read_text())
    assert config["arguments"]["decoder"]["class"] == "mine>Linear"
    loaded = gon_tf.load(tmp_path / "preset")
    np.testing.assert_array_equal(loaded.reconstruct(images), model.reconstruct(images))
    keras.saving.get_custom_objects().pop("mine>Linear")
    with pytest.raises(ValueError, match="imported first: .*--import MODULE.*'mine>Linear'"):
        gon_tf.load(tmp_path / "preset")


def test_no_other_class_is_called(preset):
    """Whatever else is registered, or a name that Keras knows itself."""
    called = []

    @keras.saving.register_keras_serializable("mine")
    def function(**_):
        called.append(1)

    for name in ("mine>function", "Lambda", "keras>Lambda", "Sequential", "Functional", "Muon"):
        config = json.loads((preset / "config.json").read_text())
        config["arguments"]["decoder"] = {"class": name, "arguments": {}}
        (preset / "config.json").write_text(json.dumps(config))
        with pytest.raises(ValueError, match="names no registered class of a layer"):
            gon_tf.load(preset)
    assert not called


def test_path_and_home(model, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    model.save_to_preset("~/preset")
    assert (tmp_path / "preset" / "config.json").is_file()
    assert gon_tf.load("~/preset").latent_dim == 3
    assert gon_tf.load(tmp_path / "preset").latent_dim == 3
    with pytest.raises(ValueError, match="must not be empty"):
        model.save_to_preset("")


def test_config_of_somebody_else_is_kept(model, tmp_path):
    (tmp_path / "config.json").write_text('{"mine": 1}')
    with pytest.raises(FileExistsError, match=r"config.json is not a preset's"):
        model.save_to_preset(tmp_path, overwrite=True)
    assert (tmp_path / "config.json").read_text() == '{"mine": 1}'


def test_preset_that_changes_while_it_is_read(preset, monkeypatch):
    """What was looked at is what is loaded, or nothing."""
    hostile = json.dumps({"class": "os.system", "arguments": {"command": "x"}}).encode()
    good = (preset / "config.json").read_bytes()
    read_plain = files.read_plain
    turns = iter([good, hostile] * 9)

    def swapping(path, most_bytes):
        if path.name == "config.json":
            path.write_bytes(next(turns))
        return read_plain(path, most_bytes)

    monkeypatch.setattr(files, "read_plain", swapping)
    with pytest.raises(ValueError, match="is being written; try again"):
        gon_tf.load(preset)


def test_what_could_not_be_loaded_is_not_saved(tmp_path):
    model = gon_tf.ImplicitGON(
        gon_tf.ImplicitDecoder(1, 2, width=4, depth=1), (4, 4, 1), inner_steps=21
    )
    with pytest.raises(ValueError, match="a value that no preset has. Received: inner_steps=21"):
        model.save_to_preset(tmp_path / "preset")
    assert not list(tmp_path.iterdir())

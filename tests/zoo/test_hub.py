"""Models on a stand-in for the Hugging Face hub: published, found, checked, read by Keras."""

import json

import keras
import numpy as np
import pytest
import yaml
from gon_tf.zoo import hub as client
from gon_tf.zoo.registry import fingerprint

import gon_tf
from gon_tf import zoo
from gon_tf.presets.card import card
from gon_tf.presets.publish import hub_files, prepare, publish
from tests.zoo.standin import serving

pytest.importorskip("huggingface_hub")
NAME = "somebody/Tiny.conv"
URL = f"hf://{NAME}"
KNOWN = {
    "description": "Ten rectangles",
    "dataset": {"name": "rectangles", "version": "1.0.0"},
    "metrics": {"sse": 12.5, "psnr": 7.25, "count": 10, "split": "rectangles:test"},
}


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A hub without repositories, and empty caches."""
    monkeypatch.setenv("GON_TF_CACHE", str(tmp_path / "cache"))
    with serving(monkeypatch, tmp_path / "hub") as server:
        yield server


@pytest.fixture
def hub(server):
    """The repositories of the hub."""
    return server.hub


@pytest.fixture(scope="module")
def model(rectangles):
    """A small model that knows what to draw samples from."""
    model = gon_tf.GON(gon_tf.ConvDecoder((8, 8, 1), latent_dim=4, filters=2))
    model.fit_latents(rectangles)
    return model


@pytest.fixture(scope="module")
def preset(model, tmp_path_factory):
    """The model as a preset that says all that it must but its licence."""
    folder = tmp_path_factory.mktemp("presets") / "tiny-conv"
    model.save_to_preset(folder, metadata=KNOWN)
    return folder


@pytest.fixture(scope="module")
def files(preset):
    """What is published of the model."""
    name, contents = prepare(preset, None, {"licence": "MIT"})
    return hub_files(URL, name, contents)[1]


@pytest.fixture
def published(hub, files):
    """The name of the repository, in which the model has been published."""
    hub.commit(NAME, files)


def test_what_is_published_is_loaded(hub, preset, model, images):
    entry = publish(preset, URL, licence="MIT")
    assert entry.name == "tiny-conv"
    commit, files = hub.at(NAME, "main")
    assert sorted(files) == [
        *("README.md", "config.json", "metadata.json", "model.weights.h5", "registry.json")
    ]
    loaded = gon_tf.load(URL)
    np.testing.assert_array_equal(loaded.encode(images), model.encode(images))
    np.testing.assert_array_equal(loaded.sample(2), model.sample(2))
    assert {path.split("/")[4] for _, path in hub.requests if "model.weights" in path} == {commit}


@pytest.mark.usefixtures("published")
def test_keras_loads_what_is_published(model, images):
    loaded = keras.saving.load_model(URL)
    assert type(loaded) is gon_tf.GON
    for weight, other in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, other)
    np.testing.assert_array_equal(loaded.encode(images), model.encode(images))


def test_the_card_says_what_the_hub_reads(files):
    text = files["README.md"].decode()
    _, head, body = text.split("---\n", 2)
    head = yaml.safe_load(head)
    assert head["library_name"] == "keras"
    assert head["license"] == "mit"
    assert head["datasets"] == ["rectangles"]
    assert head["metrics"] == ["sse", "psnr"]
    assert {"gon-tf", "gradient-origin-network", "conv"} <= set(head["tags"])
    (result,) = head["model-index"]
    assert result["results"][0]["metrics"][0]["value"] == 12.5
    assert f'gon_tf.load("{URL}")' in body
    assert "| PSNR in dB | 7.25 |" in body


def test_a_licence_that_the_hub_does_not_know(files):
    registry = json.loads(files["registry.json"])
    entry = zoo.Entry(**registry["models"][0])
    text = card(URL, entry, {**KNOWN, "licence": "Our own"})
    assert "license: other\nlicense_name: Our own" in text


@pytest.mark.usefixtures("published")
def test_revisions(hub, files):
    hub.tags["v1"] = hub.at(NAME, "main")[0]
    metadata = json.loads(files["metadata.json"]) | {"description": "Another"}
    newer = {**files, "metadata.json": json.dumps(metadata).encode()}
    registry = json.loads(files["registry.json"])
    registry["models"][0]["files"]["metadata.json"] = fingerprint(newer["metadata.json"])
    hub.commit(NAME, {**newer, "registry.json": json.dumps(registry).encode()})
    for pinned in (f"{URL}@v1", f"{URL}@{hub.tags['v1']}"):
        assert zoo.read(pinned)[1]["metadata.json"] == files["metadata.json"]
    assert zoo.read(URL)[1]["metadata.json"] == newer["metadata.json"]


@pytest.mark.usefixtures("published")
def test_what_is_there_is_not_replaced_unasked(hub, preset):
    with pytest.raises(FileExistsError, match=r"has a config\.json already; --overwrite"):
        publish(preset, URL, licence="MIT")
    publish(preset, URL, licence="MIT", overwrite=True)
    assert len(hub.commits[NAME]) == 2


@pytest.mark.usefixtures("published")
def test_without_a_network_what_was_read_is_there(monkeypatch):
    from huggingface_hub import constants

    zoo.read(URL)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert zoo.folder(URL).name == "tiny-conv"
    with pytest.raises(ConnectionError, match="somebody/else cannot be read"):
        zoo.folder("hf://somebody/else")


def change(hub, name, content):
    """Puts another content under a name, with the registry as it was."""
    hub.commit(NAME, {name: content})


@pytest.mark.usefixtures("published")
def test_files_are_held_to_the_registry(hub):
    weights = hub.at(NAME, "main")[1]["model.weights.h5"]
    change(hub, "model.weights.h5", weights[:-1] + b"?")
    with pytest.raises(ValueError, match=r"is not the file in the registry \(its sha256 differs\)"):
        gon_tf.load(URL)
    change(hub, "model.weights.h5", weights + b"more")
    with pytest.raises(ValueError, match=r"model\.weights\.h5 is too large"):
        gon_tf.load(URL)


@pytest.mark.usefixtures("published")
def test_a_file_that_is_too_large_is_not_downloaded(server):
    server.claimed = 2**40
    server.hub.requests.clear()
    with pytest.raises(ValueError, match=r"registry\.json is too large"):
        gon_tf.load(URL)
    assert {command for command, path in server.hub.requests if "resolve" in path} == {"HEAD"}


@pytest.mark.usefixtures("published")
def test_what_the_client_kept_damaged_is_downloaded_again(tmp_path):
    zoo.read(URL)
    zoo.mirror.files.remove(tmp_path / "cache")
    for path in (tmp_path / "hub").rglob("model.weights.h5"):
        path.resolve().write_bytes(b"?")
    zoo.read(URL)


@pytest.mark.parametrize(
    ("url", "kind", "message"),
    [
        ("hf://nobody/nothing", FileNotFoundError, "There is no model hf://nobody/nothing, or it"),
        (f"{URL}@v9", FileNotFoundError, f"{URL}@v9: there is no such revision."),
        ("hf://somebody/other", FileNotFoundError, "has no registry.json: `gon-tf zoo publish`"),
        ("hf://somebody", ValueError, "is hf://USER/MODEL, or hf://USER/MODEL@REVISION"),
        ("hf://a/b/c", ValueError, "Received: 'hf://a/b/c'"),
        ("hf://a/b@../../c", ValueError, "Received: 'hf://a/b@../../c'"),
    ],
)
@pytest.mark.usefixtures("published")
def test_what_is_not_there(hub, url, kind, message):
    hub.commit("somebody/other", {"model.safetensors": b"?"})
    with pytest.raises(kind) as raised:
        gon_tf.load(url)
    assert message in str(raised.value)


@pytest.mark.usefixtures("published")
def test_a_repository_of_several_models(hub):
    registry = json.loads(hub.at(NAME, "main")[1]["registry.json"])
    registry["models"] += [{**registry["models"][0], "name": "other-conv"}]
    change(hub, "registry.json", json.dumps(registry).encode())
    with pytest.raises(ValueError, match="must hold one model"):
        gon_tf.load(URL)


def test_without_the_client(monkeypatch):
    monkeypatch.setitem(client.client.__globals__["__builtins__"], "__import__", refuse)
    with pytest.raises(ImportError, match=r'pip install "gon-tf\[hub\]"'):
        client.read(URL, "config.json", 10)


def refuse(name, *arguments, **options):
    if name == "huggingface_hub":
        raise ModuleNotFoundError(name)
    return importing(name, *arguments, **options)


importing = __import__

"""`gon-tf zoo publish` of a model of one's own: what is asked, measured, told beforehand."""

import json
import shutil

import pytest

from tests.zoo.standin import serving

SAID = ("--licence", "MIT", "--description", "Noise", "--dataset", "noise")


@pytest.fixture
def own(tmp_path, grey_model):
    """A model that was saved in Python: it says nothing but its metrics."""
    return shutil.copytree(grey_model, tmp_path / "my-gon")


@pytest.fixture
def bare(own):
    """The same without metrics."""
    metadata = json.loads((own / "metadata.json").read_text())
    del metadata["metrics"]
    (own / "metadata.json").write_text(json.dumps(metadata))
    return own


def published(folder):
    return json.loads((folder / "my-gon" / "metadata.json").read_text())


def test_options_say_what_the_model_does_not(run, own, tmp_path):
    result = run("zoo", "publish", own, "www", *SAID)
    assert result.exit_code == 0, result.output
    metadata = published(tmp_path / "www")
    assert metadata["licence"] == "MIT"
    assert metadata["description"] == "Noise"
    assert metadata["dataset"] == {"name": "noise"}
    assert "licence" not in json.loads((own / "metadata.json").read_text())


def test_nobody_to_ask(run, bare, tmp_path):
    result = run("zoo", "publish", bare, "www", "--license", "MIT")
    assert result.exit_code == 1
    assert result.stderr == (
        f"Error: {bare}/metadata.json does not say what people must know: description, dataset, "
        "metrics. Give --description, --dataset, --evaluate.\n"
    )
    assert not (tmp_path / "www").exists()


def test_a_terminal_is_asked(run, own, tmp_path, monkeypatch):
    monkeypatch.setattr("gon_tf.cli.publish.is_asked", lambda: True)
    result = run("zoo", "publish", own, "www", "--dataset", "noise", stdin="MIT\nOnly noise\n")
    assert result.exit_code == 0, result.output
    assert "Licence of the weights: " in result.stderr
    assert published(tmp_path / "www")["description"] == "Only noise"


def test_what_is_missing_is_measured(run, bare, pictures, tmp_path):
    result = run("zoo", "publish", bare, "www", *SAID, "--evaluate", pictures)
    assert result.exit_code == 0, result.output
    metrics = published(tmp_path / "www")["metrics"]
    assert metrics["count"] == 12
    assert metrics["split"] == str(pictures)
    measured = json.loads(run("evaluate", bare, pictures, "--json").stdout)
    assert metrics["sse"] == pytest.approx(measured["sse"])


def test_dry_run_writes_nothing(run, own, tmp_path):
    result = run("zoo", "publish", own, "www", *SAID, "--dry-run", "--json")
    told = json.loads(result.stdout)
    assert told["licence"] == "MIT"
    assert told["metrics"] == {"sse": 12.5, "psnr": 7.25}
    assert set(told["bytes"]) == {"config.json", "metadata.json", "model.weights.h5"}
    assert not (tmp_path / "www").exists()


def test_to_the_hub_and_back(run, own, tmp_path, monkeypatch):
    pytest.importorskip("huggingface_hub")
    monkeypatch.setenv("GON_TF_CACHE", str(tmp_path / "cache"))
    with serving(monkeypatch, tmp_path / "hub") as server:
        told = run("zoo", "publish", own, "hf://me/my-gon", *SAID, "--dry-run", "--json")
        assert "README.md" in json.loads(told.stdout)["bytes"]
        assert not server.hub.commits
        result = run("zoo", "publish", own, "hf://me/my-gon", *SAID)
        assert result.exit_code == 0, result.output
        assert "hf://me/my-gon" in result.stdout
        sampled = run("sample", "hf://me/my-gon", "-o", "samples.png")
        assert sampled.exit_code == 0, sampled.output
        assert (tmp_path / "samples.png").is_file()
        again = run("zoo", "publish", own, "hf://me/my-gon", *SAID)
        assert again.exit_code == 1
        assert "already; --overwrite replaces it" in again.stderr


def test_places_that_take_no_models(run, own):
    for place in ("https://example.org/zoo", "gs://bucket/zoo", "hf://me"):
        result = run("zoo", "publish", own, place, *SAID)
        assert result.exit_code == 1
        assert "hf://USER/MODEL" in result.stderr

import json
import platform
import pwd

import keras
import pytest

import gon_tf


def test_info(run, zoo, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", "/data/tfds")
    result = run("info", "--json")
    assert result.exit_code == 0, result.stderr
    facts = json.loads(result.stdout)
    assert facts["gon_tf"] == gon_tf.__version__
    assert facts["python"] == platform.python_version()
    assert facts["keras"] == keras.__version__
    assert facts["data_folder"] == "/data/tfds"
    assert facts["zoo_models"] == ["tiny-conv"]
    assert facts["devices"][0].endswith("-core CPU")
    assert facts["zoo"] == str(zoo)
    assert facts["platform"] == platform.platform()
    assert "onnx" in facts["extras"]
    assert facts["cache_folder"]


def test_info_for_people(run, zoo):
    lines = run("info").stdout.splitlines()
    assert dict(line.split(maxsplit=1) for line in lines)["zoo_models"] == "tiny-conv"


@pytest.fixture
def nobody(monkeypatch):
    """A user without a home and an entry in /etc/passwd."""

    def unknown(_number):
        raise KeyError

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)


def test_a_user_without_a_home(run, zoo, pictures, nobody):
    result = run("info")
    assert result.exit_code == 0, result.stderr
    assert "~/tensorflow_datasets" in result.stdout
    assert run("evaluate", "tiny-conv", "pictures", "--json").exit_code == 0
    assert run("sample", "tiny-conv", "-o", "x.png").exit_code == 0

import json
import platform

import keras

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


def test_info_for_people(run, zoo):
    lines = run("info").stdout.splitlines()
    assert dict(line.split(maxsplit=1) for line in lines)["zoo_models"] == "tiny-conv"

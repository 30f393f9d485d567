import os
import subprocess
import sys
import tempfile

import pytest

from gon_tf import startup


def no_place(*_args):
    raise FileNotFoundError("No usable temporary directory found")


def test_what_c_prints_is_shown_when_something_fails(capfd):
    with startup.quiet():
        os.write(2, b"loud")
    assert capfd.readouterr().err == ""

    def fail(error):
        with startup.quiet():
            os.write(2, b"loud")
            raise error

    with pytest.raises(ZeroDivisionError):
        fail(ZeroDivisionError())
    assert capfd.readouterr().err == "loud"
    with pytest.raises(ValueError, match="for the user"):
        fail(ValueError("for the user"))
    assert capfd.readouterr().err == ""


def test_nothing_needs_to_be_written(monkeypatch):
    monkeypatch.delattr(os, "memfd_create", raising=False)
    monkeypatch.setattr(tempfile, "TemporaryFile", no_place)
    monkeypatch.setattr(tempfile, "gettempdir", no_place)
    monkeypatch.setattr(tempfile, "tempdir", None)
    startup.start_tensorflow()
    with startup.quiet():
        os.write(2, b"loud")


def test_a_closed_stderr(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    monkeypatch.setattr(os, "dup", no_place)
    with startup.quiet():
        pass


@pytest.mark.parametrize("use", ["gon_tf.GON", "gon_tf.load", "gon_tf.data"])
def test_keras_on_another_backend_is_refused(use):
    script = f"import gon_tf; gon_tf.zoo.list_models(); {use}"
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    run = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True
    )
    assert run.returncode == 1
    assert run.stderr.splitlines()[-1] == (
        "ImportError: gon_tf computes by TensorFlow: set KERAS_BACKEND=tensorflow, or the backend "
        "in keras.json, before Keras is imported. Received: 'jax'"
    )


def test_a_backend_that_keras_took_from_its_file_is_refused(monkeypatch):
    monkeypatch.setattr("keras.config.backend", lambda: "torch")
    with pytest.raises(ImportError, match="Received: 'torch'"):
        startup.start_tensorflow()


def test_a_command_says_so_in_one_line(monkeypatch):
    command = [sys.executable, "-m", "gon_tf", "sample", "mnist-conv", "-o", "nowhere.png"]
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert run.returncode == 1
    assert run.stderr.count("\n") == 1
    assert run.stderr.startswith("Error: gon_tf computes by TensorFlow")


@pytest.mark.parametrize(
    "first", ["import keras", "import tensorflow, keras", "look; import keras"]
)
def test_keras_knows_the_classes_as_soon_as_it_is_imported(first):
    # TensorFlow looks whether there is a Keras before it imports any.
    look = "import importlib.util; importlib.util.find_spec('keras')"
    code = f"import gon_tf\n{first.replace('look', look)}\n"
    code += "print(keras.saving.get_registered_object('gon_tf>GON'))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout == "<class 'gon_tf.models.gon.GON'>\n", result.stderr

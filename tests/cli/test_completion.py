"""What a shell offers when the user presses the tabulator key."""

import shutil
import subprocess
import sys

import pytest
from click.testing import CliRunner

from gon_tf.cli import main


def complete(*words):
    """Kinds and values that bash is told for a line that ends in the last of `words`."""
    line = ["gon-tf", *words]
    environment = {
        "_GON_TF_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(line),
        "COMP_CWORD": str(len(line) - 1),
    }
    result = CliRunner().invoke(main, [], prog_name="gon-tf", env=environment)
    return [tuple(line.split(",")) for line in result.stdout.splitlines()]


def test_commands():
    assert complete("s") == [("plain", "sample"), ("plain", "superres")]
    assert ("plain", "list") in complete("zoo", "")


def test_options():
    assert complete("sample", "--s") == [("plain", "--seeds")]
    assert [value for _, value in complete("reconstruct", "--fit", "")] == [
        "stretch",
        "pad",
        "crop",
    ]


@pytest.mark.parametrize("command", ["reconstruct", "sample", "interpolate", "evaluate"])
def test_models(zoo, command):
    assert complete(command, "tiny") == [("dir", "tiny"), ("plain", "tiny-conv")]
    assert complete(command, "./ti") == [("dir", "./ti")]


@pytest.mark.parametrize("words", [["train", "--recipe"], ["zoo", "show"], ["zoo", "verify"]])
def test_names_of_the_zoo(zoo, words):
    assert ("plain", "tiny-conv") in complete(*words, "tiny")


def test_a_zoo_that_cannot_be_read(monkeypatch, tmp_path):
    monkeypatch.setenv("GON_TF_ZOO", str(tmp_path))
    assert complete("sample", "tiny") == [("dir", "tiny")]
    assert complete("zoo", "verify", "tiny") == [("",)]


def test_files():
    assert complete("reconstruct", "tiny-conv", "dig") == [("file", "dig")]
    assert complete("inpaint", "m", "a.png", "--mask", "x") == [("file", "x")]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts(shell):
    environment = {"_GON_TF_COMPLETE": f"{shell}_source"}
    result = CliRunner().invoke(main, [], prog_name="gon-tf", env=environment)
    assert result.exit_code == 0
    assert "gon-tf" in result.stdout
    assert f"_GON_TF_COMPLETE={shell}_complete" in result.stdout


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
def test_bash(tmp_path):
    command = tmp_path / "gon-tf"
    command.write_text(
        f'#!/bin/sh\nexec "{sys.executable}" -c '
        '\'from gon_tf.cli import main; main(prog_name="gon-tf")\' "$@"\n'
    )
    command.chmod(0o755)
    program = """
PATH="$1:$PATH"
eval "$(_GON_TF_COMPLETE=bash_source gon-tf)"
COMP_WORDS=(gon-tf sample mnist-c) COMP_CWORD=2
compopt() { :; }
_gon_tf_completion gon-tf
echo "${COMPREPLY[@]}"
"""
    result = subprocess.run(
        ["bash", "-c", program, "bash", tmp_path], capture_output=True, text=True, check=True
    )
    assert (result.stdout, result.stderr) == ("mnist-conv\n", "")

import os

import click
import pytest

from gon_tf.cli import inputs
from gon_tf.pictures import Picture


def test_find(tmp_path):
    for name in ("b.png", "a.JPG", "sub/c.webp", "notes.txt", ".hidden.png", ".git/d.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    names = ["a.JPG", "b.png", "sub/c.webp"]
    with pytest.warns(UserWarning, match="Passed over"):
        assert inputs.find([tmp_path]) == [Picture(tmp_path / name) for name in names]
    assert inputs.find([tmp_path / "notes.txt"]) == [Picture(tmp_path / "notes.txt")]


def test_find_nothing(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file or folder"):
        inputs.find([tmp_path / "a.png"])
    with pytest.raises(FileNotFoundError, match="holds no pictures"):
        inputs.find([tmp_path])


def test_a_pipe_is_told_to_use_stdin(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(OSError, match="is a pipe or a device; write - to read"):
        inputs.find([tmp_path / "a.png"])


def test_a_closed_stdin(monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(click.UsageError, match="Stdin is closed"):
        inputs.find([inputs.STREAM])

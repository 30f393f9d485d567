import os
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

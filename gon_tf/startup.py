"""TensorFlow started quietly: imported by what needs it, without what its C++ parts print."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import BinaryIO


def start_tensorflow() -> None:
    """Import TensorFlow and Keras without the lines that their C++ parts print meanwhile."""
    if not debugging():
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with quiet():
        import keras  # noqa: F401
        import tensorflow  # noqa: F401


@contextlib.contextmanager
def quiet():
    """Swallow what C++ libraries print: they write straight to file descriptor 2.

    They do so before any log level counts. It is shown after all when something fails, but for
    errors that are meant for the user.
    """
    if sys.stderr is not None:
        sys.stderr.flush()  # what is still in Python's buffer belongs to the true stderr
    try:
        stderr = None if debugging() else os.dup(2)
    except OSError:  # closed
        stderr = None
    if stderr is None:
        yield
        return
    with nowhere() as caught:
        os.dup2(caught.fileno(), 2)
        try:
            yield
        except Exception as error:
            if not is_expected(error):
                caught.seek(0)
                os.write(stderr, caught.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def nowhere() -> BinaryIO:
    """A file without a name; one that keeps nothing where no file can be made."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("stderr"), "w+b")
    import tempfile

    try:
        return tempfile.TemporaryFile()
    except OSError:
        return open(os.devnull, "r+b")


def debugging() -> bool:
    """Whether the user asked for tracebacks and TensorFlow's messages."""
    return os.environ.get("GON_TF_DEBUG") == "1"


def is_expected(error: BaseException) -> bool:
    """Whether an error is meant for the user.

    So is one that says which extra to install. Python's own errors of an import name a module.
    """
    if isinstance(error, ImportError):
        return error.name is None
    return isinstance(error, (ValueError, OSError))

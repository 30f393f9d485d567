"""TensorFlow started quietly: imported by what needs it, without what its C++ parts print."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
from collections.abc import Iterator
from importlib import metadata
from typing import BinaryIO

PACKAGES = ("tensorflow", "keras", "numpy", "tensorflow-datasets", "pillow")
OF_EXTRAS = (
    *("ai-edge-litert", "apache-beam", "huggingface_hub", "keras-tuner", "lmdb", "matplotlib"),
    *("mlflow-skinny", "onnx", "onnxruntime", "ray", "scikit-learn", "tensorboard", "tf2onnx"),
    *("torch", "wandb"),
)


def start_tensorflow() -> None:
    """Import TensorFlow and Keras without the lines that their C++ parts print meanwhile.

    Raises:
        ImportError: if Keras computes by another library.
    """
    check_backend()
    if not debugging():
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tempfile

    try:
        tempfile.gettempdir()
    except FileNotFoundError:  # a container that is read-only; TensorFlow asks, but writes nothing
        tempfile.tempdir = os.sep
    with quiet():
        import keras  # noqa: F401
        import tensorflow  # noqa: F401
    check_backend()


def check_backend() -> None:
    """Raise ImportError if Keras computes, or is to compute, by something else than TensorFlow."""
    backend = os.environ.get("KERAS_BACKEND") or "tensorflow"
    if keras := sys.modules.get("keras"):  # which also reads keras.json
        backend = keras.config.backend()
    if backend != "tensorflow":
        raise ImportError(
            "gon_tf computes by TensorFlow: set KERAS_BACKEND=tensorflow, or the backend in "
            f"keras.json, before Keras is imported. Received: {backend!r}"
        )


@contextlib.contextmanager
def quiet() -> Iterator[None]:
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


def versions() -> dict[str, str]:
    """Versions of this project, of Python and of the packages that matter to a result."""
    from gon_tf import __version__

    own = {"gon_tf": __version__, "python": platform.python_version()}
    return own | {package: metadata.version(package) for package in PACKAGES}


def optional_versions() -> dict[str, str]:
    """Versions of the packages of extras that are installed."""
    found = {}
    for package in OF_EXTRAS:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return found


def devices() -> list[str]:
    """What TensorFlow computes on: `2-core CPU`, and the name of each GPU."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    names = [tf.config.experimental.get_device_details(gpu).get("device_name") for gpu in gpus]
    return [f"{cores()}-core CPU", *(name or "GPU" for name in names)]


def threads() -> list[int]:
    """Threads that TensorFlow computes with: within an operation, and operations side by side."""
    import tensorflow as tf

    within = tf.config.threading.get_intra_op_parallelism_threads()
    beside = tf.config.threading.get_inter_op_parallelism_threads()
    named = "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"
    given = (os.environ.get(name, "") for name in named)
    return [
        chosen or int(number if number.isdecimal() else 0) or cores()
        for chosen, number in zip((within, beside), given, strict=True)
    ]


def cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

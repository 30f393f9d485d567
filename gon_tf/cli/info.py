"""`gon-tf info`: versions, devices and folders, for a bug report."""

from __future__ import annotations

import os
import platform
from importlib import metadata

import click

import gon_tf
from gon_tf.cli import arguments, report
from gon_tf.startup import start_tensorflow

PACKAGES = ("tensorflow", "keras", "numpy", "tensorflow-datasets", "pillow")


@click.command(epilog=arguments.examples("gon-tf info", "gon-tf info --json"))
@arguments.as_json
def info(as_json) -> None:
    """Show versions, devices, folders and pretrained arguments."""
    from gon_tf import zoo

    start_tensorflow()
    # `~` stays where nobody knows a home, as in a container.
    data_dir = os.environ.get("TFDS_DATA_DIR") or os.path.expanduser("~/tensorflow_datasets")
    facts = {
        **versions(),
        "devices": devices(),
        "data_folder": str(data_dir),
        "zoo_models": zoo.list_models(),
    }
    if as_json:
        report.echo_json(facts)
    else:
        report.echo_pairs(facts)


def versions() -> dict[str, str]:
    """Versions of this project, of Python and of the packages that matter to a result."""
    own = {"gon_tf": gon_tf.__version__, "python": platform.python_version()}
    return own | {package: metadata.version(package) for package in PACKAGES}


def devices() -> list[str]:
    """What TensorFlow computes on: `2-core CPU`, and the name of each GPU."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    names = [tf.config.experimental.get_device_details(gpu).get("device_name") for gpu in gpus]
    return [f"{cores()}-core CPU", *(name or "GPU" for name in names)]


def cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

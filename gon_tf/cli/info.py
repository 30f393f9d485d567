"""`gon-tf info`: versions, devices and folders, for a bug report."""

from __future__ import annotations

import contextlib
import os
import platform

import click

from gon_tf.cli import arguments, report
from gon_tf.startup import devices, optional_versions, start_tensorflow, versions


@click.command(epilog=arguments.examples("gon-tf info", "gon-tf info --json"))
@arguments.as_json
def info(as_json) -> None:
    """Show versions, devices, folders and pretrained models: what a bug report needs."""
    from gon_tf import zoo
    from gon_tf.zoo.mirror import cache

    start_tensorflow()
    # `~` stays where nobody knows a home, as in a container.
    data_dir = os.environ.get("TFDS_DATA_DIR") or os.path.expanduser("~/tensorflow_datasets")
    cache_dir = None
    with contextlib.suppress(FileNotFoundError):  # nobody knows a home
        cache_dir = str(cache())
    facts = {
        **versions(),
        "platform": platform.platform(),
        "devices": devices(),
        "extras": optional_versions(),
        "data_folder": str(data_dir),
        "cache_folder": cache_dir,
        "zoo": str(zoo.at()),
        "zoo_models": zoo.list_models(),
    }
    if as_json:
        report.echo_json(facts)
    else:
        facts["extras"] = [f"{name} {version}" for name, version in facts["extras"].items()]
        report.echo_pairs(facts)

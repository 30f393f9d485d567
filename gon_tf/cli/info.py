"""`gon-tf info`: versions, devices and folders, for a bug report."""

from __future__ import annotations

import os

import click

from gon_tf.cli import arguments, report
from gon_tf.startup import devices, start_tensorflow, versions


@click.command(epilog=arguments.examples("gon-tf info", "gon-tf info --json"))
@arguments.as_json
def info(as_json) -> None:
    """Show versions, devices, folders and pretrained models."""
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

"""`gon-tf info`: versions, devices and folders, for a bug report."""

from __future__ import annotations

import os
from pathlib import Path

import click

from gon_tf.cli import options, report
from gon_tf.startup import devices, start_tensorflow, versions


@click.command(epilog=options.examples("gon-tf info", "gon-tf info --json"))
@options.as_json
def info(as_json) -> None:
    """Show versions, devices, folders and pretrained models."""
    from gon_tf import zoo

    start_tensorflow()
    data_dir = os.environ.get("TFDS_DATA_DIR") or Path.home() / "tensorflow_datasets"
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

"""The command `gon-tf`. Every command is a module; TensorFlow is imported when one runs."""

from __future__ import annotations

from importlib import import_module

import click

import gon_tf
from gon_tf.cli import arguments
from gon_tf.cli.app import Commands
from gon_tf.cli.imports import import_modules

# Each is a module of that name, in the order of what a user does first.
COMMANDS = (
    *("reconstruct", "sample", "interpolate", "superres", "inpaint", "encode", "decode"),
    *("train", "evaluate", "explore", "export", "zoo", "info", "bench"),
)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=arguments.examples(
        "gon-tf reconstruct mnist-conv digits/*.png -o grid.png",
        "gon-tf sample mnist-conv -n 64 -o samples.png",
        "gon-tf train conv mnist:train -o my-gon",
        "gon-tf --import my_decoders sample my-gon -o samples.png",
    ),
)
@click.option(
    "--import",
    metavar="MODULE",
    multiple=True,
    expose_value=False,
    callback=import_modules,
    help="Import a Python module first, of the current folder or installed: for a MODEL with a "
    "decoder or a loss of your own, which MODULE registers with Keras. May be repeated.",
)
@click.version_option(gon_tf.__version__, prog_name="gon-tf")
def main() -> None:
    """Gradient Origin Networks: autoencoders without an encoder.

    MODEL is the name of a pretrained model (see `gon-tf zoo list`), a folder that `gon-tf train`
    made, or the URL of a model. Results go to stdout, messages to stderr. GON_TF_DEBUG=1 shows
    tracebacks.
    """


for name in COMMANDS:
    main.add_command(getattr(import_module(f"gon_tf.cli.{name}"), name))

__all__ = ["main"]

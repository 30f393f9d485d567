"""The command `gon-tf`. Every noun is a small module; TensorFlow is imported when one runs."""

from __future__ import annotations

import click

import gon_tf
from gon_tf.cli import arguments
from gon_tf.cli.app import Commands
from gon_tf.cli.bench import bench
from gon_tf.cli.decode import decode
from gon_tf.cli.encode import encode
from gon_tf.cli.evaluate import evaluate
from gon_tf.cli.export import export
from gon_tf.cli.info import info
from gon_tf.cli.inpaint import inpaint
from gon_tf.cli.interpolate import interpolate
from gon_tf.cli.reconstruct import reconstruct
from gon_tf.cli.sample import sample
from gon_tf.cli.superres import superres
from gon_tf.cli.train import train
from gon_tf.cli.zoo import zoo


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=arguments.examples(
        "gon-tf reconstruct mnist-conv digits/*.png -o grid.png",
        "gon-tf sample mnist-conv -n 64 -o samples.png",
        "gon-tf train conv mnist:train -o my-gon",
    ),
)
@click.version_option(gon_tf.__version__, prog_name="gon-tf")
def main() -> None:
    """Gradient Origin Networks: autoencoders without an encoder.

    MODEL is the name of a pretrained model (see `gon-tf zoo list`), a folder that `gon-tf train`
    made, or the URL of a model. Results go to stdout, messages to stderr. GON_TF_DEBUG=1 shows
    tracebacks.
    """


for command in (
    reconstruct,
    sample,
    interpolate,
    superres,
    inpaint,
    encode,
    decode,
    train,
    evaluate,
    export,
    zoo,
    info,
    bench,
):
    main.add_command(command)

__all__ = ["main"]

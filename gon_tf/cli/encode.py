"""`gon-tf encode`: pictures, or a data set of any size, as latents."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from gon_tf.cli import arguments, inputs, outputs, report

OTHER_FILES = frozenset({".csv", ".h5", ".json", ".npy", ".png", ".tfrecord", ".txt"})
OF_FOLDERS = ("shard", "shard_size")


class Shard(click.ParamType):
    """One of N machines, `I/N`. Becomes (I, N)."""

    name = "shard"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse `value`."""
        if isinstance(value, tuple):
            return value
        parts = value.split("/")
        if len(parts) != 2 or not all(part.isdecimal() for part in parts):
            self.fail(f"{value!r} is not a shard; write 1/4 for the first of four.", param, ctx)
        index, machines = map(int, parts)
        if not 1 <= index <= machines:
            self.fail(f"{value!r} is not one of the shards 1/{machines or 1} to N/N.", param, ctx)
        return index, machines


@click.command(
    epilog=arguments.examples(
        "gon-tf encode mnist-conv digits/ -o latents.npz",
        "gon-tf encode mnist-conv mnist:test -o latents.npz",
        "gon-tf encode ./my-gon photos/ -o latents/ --shard 1/4",
        "gon-tf encode mnist-conv - -o latents.npz < digit.png",
    )
)
@arguments.model
@click.argument("images", nargs=-1, required=True, metavar="IMAGES...")
@arguments.output("A .npz file, or a folder for a file every SHARD_SIZE images.")
@click.option(
    "--shard-size",
    metavar="N",
    type=click.IntRange(min=1),
    default=10_000,
    show_default=True,
    help="Images in a file of the folder.",
)
@click.option(
    "--shard",
    metavar="I/N",
    type=Shard(),
    default=(1, 1),
    help="Encode the I-th of N equal parts, on one of N machines. Default: all.",
)
@arguments.fit
@arguments.data_dir
@arguments.as_json
@arguments.overwrite
@click.pass_context
def encode(
    ctx, model, images, output, shard_size, shard, fit, data_dir, as_json, overwrite
) -> None:
    """Encode IMAGES with MODEL: save their latents.

    IMAGES are files or folders of pictures, - for stdin, or one data set with a split such as
    mnist:test. The .npz file holds the arrays latents [images, latent_dim], numbers, names and
    model.

    A folder as OUT takes a data set of any size. Its files appear when they are whole; the same
    command goes on after an interruption. Broken picture files are then left out with a warning.
    """
    check_usage(ctx, output, overwrite)
    one_file = is_file(output)
    arguments.folder(model)
    found = inputs.find_source(images, data_dir)
    if isinstance(found, str) and is_given(ctx, "fit"):
        raise click.UsageError(f"--fit is for pictures; a data set is stretched. Received: {found}")
    if one_file:
        files = [] if isinstance(found, str) else found
        named = [*map(Path, images), *(picture.path for picture in files)]
        outputs.check([output], overwrite=overwrite, inputs=named)
        inputs.check(files)
    else:
        outputs.check_folder(output)

    network = arguments.load(model)
    source = inputs.open_source(found, data_dir, strict=one_file, fit=fit)
    from gon_tf import latent_files

    if one_file:
        results = {"images": latent_files.encode_to_file(network, source, output)}
    else:
        results = latent_files.encode_to_folder(
            network, source, output, shard=shard, shard_size=shard_size, on_file=show_file
        )
    results = {"model": model, **results, "latent_dim": network.latent_dim, "output": str(output)}
    report.echo_json(results) if as_json else report.echo_pairs(results)


def is_file(output: Path) -> bool:
    """Whether OUT is one file rather than a folder.

    Raises:
        click.UsageError: if it looks like a file of another kind.
    """
    if output.suffix.lower() in OTHER_FILES or output == inputs.STREAM:
        raise click.UsageError(f"OUT is a .npz file or a folder. Received: {output}")
    return output.suffix.lower() == ".npz"


def check_usage(ctx, output: Path, overwrite: bool) -> None:
    """Raise click.UsageError for options that do not go with OUT."""
    if not is_file(output) and overwrite:
        raise click.UsageError(
            "--overwrite is for a .npz file; a folder is continued, or deleted by you."
        )
    for name in OF_FOLDERS:
        if is_file(output) and is_given(ctx, name):
            option = "--" + name.replace("_", "-")
            raise click.UsageError(f"{option} is for a folder as OUT. Received: {output}")


def is_given(ctx, name: str) -> bool:
    """Whether the user wrote the option `name`."""
    return ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE


def show_file(path: Path, number: int, count: int) -> None:
    """Say on a terminal that a file of a folder is whole."""
    if sys.stderr.isatty():
        click.echo(f"{path}  {number}/{count}", err=True)

"""`gon-tf encode`: pictures, or a data set of any size, as latents."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from gon_tf.cli import fitting, image_sources, models, options, outputs, pictures, report, shards

if TYPE_CHECKING:
    from gon_tf.latent_files import Latents

OTHER_FILES = frozenset({".csv", ".h5", ".json", ".npy", ".png", ".tfrecord", ".txt"})
OF_FOLDERS = ("shard", "shard_size", "format")


class Shard(click.ParamType):
    """One of N machines, `I/N`. Becomes (I, N)."""

    name = "shard"

    def convert(self, value, param, ctx):
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
    epilog=options.examples(
        "gon-tf encode mnist-conv digits/ -o latents.npz",
        "gon-tf encode mnist-conv mnist:test -o latents.npz",
        "gon-tf encode ./my-gon photos/ -o latents/ --shard 1/4",
        "gon-tf encode mnist-conv - -o latents.npz < digit.png",
    )
)
@models.argument
@click.argument("images", nargs=-1, required=True, metavar="IMAGES...")
@options.output("A .npz file, or a folder for a file every SHARD_SIZE images.")
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
@click.option(
    "--format",
    type=click.Choice(["npz", "tfrecord"]),
    default="npz",
    show_default=True,
    help="Kind of the files in the folder.",
)
@fitting.option
@options.data_dir
@options.as_json
@options.overwrite
@click.pass_context
def encode(
    ctx, model, images, output, shard_size, shard, format, fit, data_dir, as_json, overwrite
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
    models.folder(model)
    found = image_sources.find(images, data_dir, strict=one_file, fit=fit)
    if isinstance(found, str) and is_given(ctx, "fit"):
        raise click.UsageError(f"--fit is for pictures; a data set is stretched. Received: {found}")
    if one_file:
        check_inputs(found, output, overwrite)
    else:
        outputs.check_folder(output)

    network = models.load(model)
    source = image_sources.open_source(found, data_dir)
    if one_file:
        results = encode_to_file(network, source, output)
    else:
        plan = shards.Plan(output, source.count, shard, shard_size, format)
        results = encode_to_folder(network, source, plan)
    results = {"model": model, **results, "latent_dim": network.latent_dim, "output": str(output)}
    if as_json:
        report.echo_json(results)
    else:
        report.echo_pairs(results)


def is_file(output: Path) -> bool:
    """Whether OUT is one file rather than a folder.

    Raises:
        click.UsageError: if it looks like a file of another kind.
    """
    if output.suffix.lower() in OTHER_FILES:
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


def check_inputs(found, output: Path, overwrite: bool) -> None:
    """Raise OSError now if a picture is broken or OUT could not be written."""
    paths = found.paths if isinstance(found, image_sources.Pictures) else []
    outputs.check([output], overwrite=overwrite, inputs=paths)
    for path in paths:
        pictures.check(path)


def encoded(network, source, numbers: range) -> Iterator[Latents]:
    """The latents of some images of a source, batch by batch."""
    from gon_tf.latent_files import Latents, fingerprint
    from gon_tf.models.base import in_chunks

    model = fingerprint(network)
    encoder = network.batch_encoder(len(numbers))  # one for all batches: it may take a fold
    for batch in source.batches(numbers, network.image_shape):
        yield Latents(in_chunks(encoder, batch.images), batch.numbers, batch.names, model)


def encode_to_file(network, source, output: Path) -> dict:
    """Encode all images of a source into one `.npz` file."""
    from gon_tf import latent_files

    parts = list(encoded(network, source, range(source.count)))
    content = latent_files.joined(parts, like=parts[0])
    with outputs.replacing(output) as temporary:
        latent_files.write_npz(temporary, content)
    return {"images": len(content)}


def encode_to_folder(network, source, plan: shards.Plan) -> dict:
    """Encode a machine's share of a source into the files of a folder, those that are missing."""
    from gon_tf.latent_files import fingerprint

    if not plan.files:
        raise ValueError(
            f"Shard {plan.shard[0]}/{plan.shard[1]} is empty: there are {source.count} images."
        )
    shards.claim(plan, {"model": fingerprint(network), "data": source.description})
    shards.clear(plan)
    todo = shards.missing(plan, network.latent_dim)
    images = 0
    if todo:
        images = shards.make(plan, todo, encoded(network, source, plan.from_file(todo[0])))
    return {"images": images, "files": len(todo), "kept_files": len(plan.files) - len(todo)}

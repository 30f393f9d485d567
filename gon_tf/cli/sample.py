"""`gon-tf sample`: new pictures from a model."""

from __future__ import annotations

from collections.abc import Iterator

import click
from click.core import ParameterSource

from gon_tf import pictures
from gon_tf.cli import arguments, outputs, report

BLOCK = 64


@click.command(
    epilog=arguments.examples(
        "gon-tf sample mnist-conv -o samples.png",
        "gon-tf sample mnist-conv --seeds 3,7,10-12 -o samples/",
        "gon-tf sample mnist-conv --label 7 -o sevens.png",
    )
)
@arguments.model
@click.option(
    "-n",
    "--number",
    metavar="N",
    type=click.IntRange(1, arguments.MOST_SEEDS),
    default=64,
    show_default=True,
    help="Number of pictures, those of the seeds 0 to N - 1.",
)
@click.option(
    "--seeds",
    metavar="SEEDS",
    type=arguments.Seeds(),
    help=f"Which pictures, e.g. 0-63 or 3,7,10-12; 0 to {arguments.Seeds.highest}.",
)
@click.option(
    "--label",
    metavar="LABEL",
    help="Only pictures of this label; `gon-tf zoo show MODEL` lists those that MODEL knows.",
)
@click.option(
    "--prior",
    type=click.Choice(["fitted", "normal"]),
    default="fitted",
    show_default=True,
    help="What latents are drawn from: what was fitted to those of the training images, or N(0, I) "
    "for a variational MODEL.",
)
@arguments.output(arguments.OUT.format(" for a grid"))
@click.option("--grid", is_flag=True, help="With a folder as OUT, add grid.png to it.")
@arguments.zoom
@arguments.as_json
@arguments.overwrite
@click.pass_context
def sample(ctx, model, number, seeds, label, prior, output, grid, zoom, as_json, overwrite) -> None:
    """Draw new pictures from MODEL.

    A picture belongs to its seed: seed 17 gives the same one whatever else is asked for. Prints
    the names of the files that were written.
    """
    if seeds and ctx.get_parameter_source("number") is ParameterSource.COMMANDLINE:
        raise click.UsageError("Give -n or --seeds, not both.")
    seeds = seeds or tuple(range(number))
    arguments.folder(model)
    names = (f"sample-{seed:05d}" for seed in seeds)
    plan = outputs.plan(output, names, grid=grid, as_json=as_json, zoom=zoom)
    plan.check(overwrite=overwrite)

    files, kept = dict(zip(seeds, plan.files, strict=False)), {}
    network = arguments.load(model)
    if plan.grid:
        outputs.check_grid(len(seeds), network.image_shape, zoom)
    drawn = draw(network, sorted(seeds), label, None if prior == "fitted" else prior)
    for seed, picture in report.progress(drawn, len(seeds), "Sampling"):
        if plan.files:
            outputs.write(files[seed], picture)
        if plan.grid:
            kept[seed] = picture
    if plan.grid:
        plan.write_grid([kept[seed] for seed in seeds])
    plan.report(as_json, model=model, seeds=seeds)


def draw(network, seeds, label: str | None = None, prior: str | None = None) -> Iterator[tuple]:
    """Each of the ascending `seeds` with its picture, uint8.

    A seed is always drawn at its place in the same block of seeds, because the last bit of a
    picture may depend on the size of the batch that it was computed in.
    """
    block, images = -1, []
    for seed in seeds:
        if seed // BLOCK != block:
            block = seed // BLOCK
            drawn = network.sample(BLOCK, block * BLOCK, label, prior)
            images = pictures.to_uint8(drawn)
        yield seed, images[seed % BLOCK]

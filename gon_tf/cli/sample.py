"""`gon-tf sample`: new pictures from a model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
from click.core import ParameterSource

from gon_tf.cli import models, options, outputs, pictures, report

BLOCK = 64


@click.command(
    epilog=options.examples(
        "gon-tf sample mnist-conv -o samples.png",
        "gon-tf sample mnist-conv --seeds 3,7,10-12 -o samples/",
    )
)
@models.argument
@click.option(
    "-n",
    "--number",
    metavar="N",
    type=click.IntRange(1, options.MOST_SEEDS),
    default=64,
    show_default=True,
    help="Number of pictures, those of the seeds 0 to N - 1.",
)
@click.option(
    "--seeds", metavar="SEEDS", type=options.Seeds(), help="Which pictures, e.g. 0-63 or 3,7,10-12."
)
@options.output("A .png file for a grid, or a folder for one PNG per seed.")
@click.option("--grid", is_flag=True, help="With a folder as OUT, add grid.png to it.")
@options.as_json
@options.overwrite
@click.pass_context
def sample(ctx, model, number, seeds, output, grid, as_json, overwrite) -> None:
    """Draw new pictures from MODEL.

    A picture belongs to its seed: seed 17 gives the same one whatever else is asked for. Prints
    the names of the files that were written.
    """
    if seeds and ctx.get_parameter_source("number") is ParameterSource.COMMANDLINE:
        raise click.UsageError("Give -n or --seeds, not both.")
    seeds = seeds or tuple(range(number))
    models.folder(model)
    targets, grid_target = plan(seeds, output, grid)
    written = [*targets, *([grid_target] if grid_target else [])]
    outputs.check(written, overwrite=overwrite)

    drawn = dict(draw(models.load(model), sorted(seeds)))
    for seed, target in zip(seeds, targets, strict=False):
        pictures.write(target, drawn[seed])
    if grid_target:
        pictures.write(grid_target, pictures.square([drawn[seed] for seed in seeds]))
    if as_json:
        report.echo_json({"model": model, "seeds": seeds, "files": written})
        return
    for file in written:
        click.echo(file)


def plan(seeds, output: Path, grid: bool) -> tuple[list[Path], Path | None]:
    """The file of each seed's picture (none beside a lone grid), and the file of the grid."""
    if outputs.is_picture(output):
        return [], output
    targets = [output / f"sample-{seed:05d}.png" for seed in seeds]
    return targets, output / "grid.png" if grid else None


def draw(network, seeds) -> Iterator[tuple]:
    """Each of the ascending `seeds` with its picture, uint8.

    A seed is always drawn at its place in the same block of seeds, because the last bit of a
    picture may depend on the size of the batch that it was computed in.
    """
    block, images = -1, []
    for seed in seeds:
        if seed // BLOCK != block:
            block = seed // BLOCK
            images = pictures.to_uint8(network.sample(BLOCK, seed=block * BLOCK))
        yield seed, images[seed % BLOCK]

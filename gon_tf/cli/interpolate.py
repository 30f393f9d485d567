"""`gon-tf interpolate`: the pictures between two."""

from __future__ import annotations

from pathlib import Path

import click

from gon_tf.cli import fitting, models, options, outputs, pictures, report


@click.command(
    epilog=options.examples(
        "gon-tf interpolate mnist-conv three.png eight.png -o between.png",
        "gon-tf interpolate mnist-conv three.png eight.png --steps 30 -o frames/",
    )
)
@models.argument
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
@click.option(
    "--steps",
    metavar="N",
    type=click.IntRange(2, 1000),
    default=9,
    show_default=True,
    help="Number of pictures, both ends included.",
)
@options.output(options.OUT.format(" for all in a row (ten at most)"))
@fitting.option
@click.option("--grid", is_flag=True, help="With a folder as OUT, add grid.png to it.")
@options.as_json
@options.overwrite
def interpolate(model, a, b, steps, output, fit, grid, as_json, overwrite) -> None:
    """Go from picture A to picture B through the latents of MODEL.

    The first and last picture are the reconstructions of A and B; the latents between them lie on
    an arc. One of A and B may be - for stdin. Prints the names of the files that were written.
    """
    models.folder(model)
    inputs = pictures.single([a, b])
    names = (f"step-{step:0{len(str(steps))}d}" for step in range(1, steps + 1))
    plan = outputs.plan(output, names, grid=grid, as_json=as_json)
    outputs.check(plan.written, overwrite=overwrite, inputs=inputs)
    for path in inputs:
        pictures.check(path)

    network = models.load(model)
    ends = fitting.read_all(inputs, network.image_shape, fit)
    between = pictures.to_uint8(network.interpolate(*ends, steps=steps))
    pictures.write_all(plan, between, lambda: pictures.row(between))
    if as_json:
        report.echo_json({"model": model, "a": a, "b": b, "steps": steps, "files": plan.written})
    else:
        report.echo_lines(plan.written)

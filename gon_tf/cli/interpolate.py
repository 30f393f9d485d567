"""`gon-tf interpolate`: the pictures between two."""

from __future__ import annotations

import click

from gon_tf import files, pictures
from gon_tf.cli import arguments, inputs, outputs


@click.command(
    epilog=arguments.examples(
        "gon-tf interpolate mnist-conv three.png eight.png -o between.png",
        "gon-tf interpolate mnist-conv three.png eight.png -o between.gif",
        "gon-tf interpolate mnist-conv three.png eight.png --steps 30 -o frames/",
    )
)
@arguments.model
@click.argument("a", type=arguments.Place())
@click.argument("b", type=arguments.Place())
@click.option(
    "--steps",
    metavar="N",
    type=click.IntRange(2, 1000),
    help="Number of pictures, both ends included; 9 by default, 30 in an animation.",
)
@arguments.output(
    "A .gif or .webp file for an animation, a .png or .jpg file for all in a row (ten at most), "
    "a folder for one PNG per picture, or - for a PNG on stdout."
)
@arguments.fit
@click.option("--grid", is_flag=True, help="With a folder as OUT, add grid.png to it.")
@arguments.zoom
@arguments.as_json
@arguments.overwrite
def interpolate(model, a, b, steps, output, fit, grid, zoom, as_json, overwrite) -> None:
    """Go from picture A to picture B through the latents of MODEL.

    The first and last picture are the reconstructions of A and B; the latents between them lie on
    an arc. One of A and B may be - for stdin. Prints the names of the files that were written.
    """
    arguments.folder(model)
    ends = inputs.single([a, b])
    animated = output.suffix.lower() in pictures.ANIMATIONS
    steps = steps or (30 if animated else 9)
    if animated:
        plan = outputs.Plan([], output)
    else:
        names = (f"step-{step:0{len(str(steps))}d}" for step in range(1, steps + 1))
        plan = outputs.plan(output, names, grid=grid, as_json=as_json, zoom=zoom)
    plan.check(overwrite=overwrite, inputs=[a, b])
    inputs.check(ends)

    network = arguments.load(model)
    if plan.grid:
        outputs.check_grid(steps, network.image_shape, zoom)
    from gon_tf.data import fitting

    first, last = fitting.read_all(ends, network.image_shape, fit)
    between = pictures.to_uint8(network.interpolate(first, last, steps=steps))
    if animated:
        zoom = zoom or pictures.zoom_of(between[0], pictures.VISIBLE_FRAME)
        frames = [pictures.zoomed(picture, zoom) for picture in between]
        files.write(output, pictures.animation(frames, output.suffix))
    else:
        plan.write(between, pictures.row)
    plan.report(as_json, model=model, a=a, b=b, steps=steps)

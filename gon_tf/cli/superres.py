"""`gon-tf superres`: pictures at another resolution."""

from __future__ import annotations

import click

from gon_tf.cli import fitting, models, options, outputs, pictures, report, streams


@click.command(
    epilog=options.examples(
        "gon-tf superres mnist-implicit digit.png -o large.png",
        "gon-tf superres mnist-implicit digits/ --size 100x200 -o large/",
    )
)
@models.argument
@options.images
@click.option(
    "--size",
    metavar="SIZE",
    type=options.Size(),
    default="256",
    show_default=True,
    help=options.Size.meaning,
)
@options.output(options.OUT.format(" (several IMAGES make a grid)"))
@fitting.option
@click.option("--grid", is_flag=True, help="Show the originals, enlarged, above the results.")
@options.as_json
@options.overwrite
def superres(model, images, size, output, fit, grid, as_json, overwrite) -> None:
    """Draw IMAGES at another resolution with an implicit MODEL.

    IMAGES are pictures, folders of pictures, or - for stdin. They are brought to the model's size,
    and drawn from their latents at any size. With a folder as OUT, --grid adds grid.png to it.
    Prints the names of the files that were written.
    """
    models.check_implicit(model, "draw pictures at another resolution")
    inputs = pictures.find(images)
    plan = outputs.plan(output, map(streams.stem, inputs), grid=grid, as_json=as_json)
    outputs.check(plan.written, overwrite=overwrite, inputs=inputs)
    if plan.grid:
        pictures.check_grid((1 + grid) * len(inputs), size)
    for path in inputs:
        pictures.check(path)

    network = models.load(model)
    originals = fitting.read_all(inputs, network.image_shape, fit)
    latents, drawn = network.encode(originals), []
    for number in report.progress(range(len(inputs)), len(inputs), "Drawing"):
        picture = pictures.to_uint8(network.decode(latents[number : number + 1], size=size)[0])
        if plan.files:
            pictures.write(plan.files[number], picture)
        if plan.grid:
            drawn.append(picture)
    if plan.grid:
        small = [pictures.enlarged(picture, size) for picture in originals] if grid else []
        whole = pictures.pairs(small, drawn) if grid else pictures.square(drawn)
        pictures.write(plan.grid, whole)
    if as_json:
        files = [
            {"image": path, "output": plan.target(number)} for number, path in enumerate(inputs)
        ]
        report.echo_json({"model": model, "size": size, "images": files, "files": plan.written})
    else:
        report.echo_lines(plan.written)

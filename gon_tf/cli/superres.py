"""`gon-tf superres`: pictures at another resolution."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gon_tf import pictures
from gon_tf.cli import arguments, inputs, outputs, report

if TYPE_CHECKING:
    import numpy as np


@click.command(
    epilog=arguments.examples(
        "gon-tf superres mnist-implicit digit.png -o large.png",
        "gon-tf superres mnist-implicit digits/ --size 100x200 -o large/",
    )
)
@arguments.model
@arguments.images
@arguments.size(arguments.Size.meaning, default="256")
@arguments.output(arguments.OUT.format(" (several IMAGES make a grid)"))
@arguments.fit
@click.option("--grid", is_flag=True, help="Show the originals, enlarged, above the results.")
@arguments.as_json
@arguments.overwrite
def superres(model, images, size, output, fit, grid, as_json, overwrite) -> None:
    """Draw IMAGES at another resolution with an implicit MODEL.

    IMAGES are pictures, folders of pictures, or - for stdin. They are brought to the model's size,
    and drawn from their latents at any size. With a folder as OUT, --grid adds grid.png to it.
    Prints the names of the files that were written.
    """
    arguments.check_implicit(model, "draw pictures at another resolution")
    found = inputs.find(images)
    plan = outputs.plan(output, (p.stem for p in found), grid=grid, as_json=as_json)
    plan.check(overwrite=overwrite, inputs=[p.path for p in found], named=images)
    if plan.grid:
        outputs.check_grid((1 + grid) * len(found), size)
    inputs.check(found)

    network = arguments.load(model)
    from gon_tf.data import fitting

    originals = fitting.read_all(found, network.image_shape, fit)
    latents = network.encode(originals)
    drawn = (
        pictures.to_uint8(network.decode(latents[number : number + 1], size=size)[0])
        for number in report.progress(range(len(found)), len(found), "Drawing")
    )

    def pairs(below: list) -> np.ndarray:
        return pictures.pairs([pictures.enlarged(image, size) for image in originals], below)

    plan.write(drawn, pairs if grid else pictures.square)
    images = [{"image": p.path, "output": plan.target(i)} for i, p in enumerate(found)]
    plan.report(as_json, model=model, size=size, images=images)

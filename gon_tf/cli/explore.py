"""`gon-tf explore`: what the latents of a model are about."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gon_tf.cli import arguments, outputs

if TYPE_CHECKING:
    import numpy as np

MOST_POINTS = 5000  # of a map


@click.command(
    epilog=arguments.examples(
        "gon-tf explore mnist-conv -o directions.png",
        "gon-tf explore mnist-conv mnist:test -o map.png",
        "gon-tf explore ./my-gon photos/ --directions 4 -o map.png",
    )
)
@arguments.model
@click.argument("dataset", required=False)
@click.option(
    "--directions",
    metavar="N",
    type=click.IntRange(1, 64),
    default=6,
    show_default=True,
    help="Number of directions to show.",
)
@arguments.output("A .png, .jpg or .webp file, or - for a PNG on stdout.")
@arguments.zoom
@arguments.data_dir
@arguments.as_json
@arguments.overwrite
def explore(model, dataset, directions, output, zoom, data_dir, as_json, overwrite) -> None:
    """Draw what the latents of MODEL are about.

    A row of pictures for each of the first principal directions, those that change pictures most:
    from -3 to 3 standard deviations, from the middle of the latents.

    With DATASET, a data set with a split (mnist:test) or a folder of images, a map of its images
    follows (5,000 of them at the most): how far each lies along the first two directions. It is
    coloured by the labels of the data set, or of a folder by the names of its subfolders.
    """
    preset = arguments.folder(model)
    if not outputs.is_picture(output, as_json=as_json):
        raise click.UsageError(f"OUT is a .png, .jpg or .webp file, or -. Received: {output}")
    plan = outputs.Plan([], output)
    plan.check(overwrite=overwrite)
    crop = arguments.was_cropped(preset) if dataset else False

    network = arguments.load(model)
    from gon_tf import exploration

    outputs.check_grid(directions * exploration.COLUMNS, network.image_shape, zoom)
    images, labels = read(dataset, network.image_shape, data_dir, crop) if dataset else ([], None)
    known = network.principal_directions(network.latent_dim)
    mean = exploration.middle(network)
    drawn = exploration.traverse(network, known[:directions], mean)
    picture = exploration.traversal(drawn, zoom)
    if dataset:
        points = exploration.coordinates_of(network.encode(images), known, mean)
        picture = exploration.stacked(picture, exploration.latent_map(points, labels))
    outputs.write(output, picture)
    facts = {"directions": len(drawn), "images": len(images), "labels": sorted(set(labels or []))}
    plan.report(as_json, model=model, dataset=dataset, **facts)


def read(
    dataset: str, image_shape: tuple, data_dir: Path | None, crop: bool
) -> tuple[np.ndarray, list[str] | None]:
    """At most `MOST_POINTS` images of a data set, taken evenly, and their labels if it has some."""
    import numpy as np

    from gon_tf import data

    options = {"data_dir": data_dir, "crop": crop, "max_broken": 0}
    pixels = data.open_images(dataset, image_shape, **options).pixels
    rows = np.linspace(0, len(pixels) - 1, min(MOST_POINTS, len(pixels))).astype(int)
    source = data.open_source(dataset, data_dir)
    if not all(part.read_labels for part in source.parts or (source,)):
        return pixels[rows], None
    return pixels[rows], np.asarray(source.labels)[rows].tolist()

"""`gon-tf reconstruct`: pictures through a model and back."""

from __future__ import annotations

from typing import Any

import click

from gon_tf import anomaly, pictures
from gon_tf.cli import arguments, inputs, outputs, report

BATCH = 64


@click.command(
    epilog=arguments.examples(
        "gon-tf reconstruct mnist-conv digit.png -o reconstruction.png",
        "gon-tf reconstruct mnist-conv digits/ -o grid.png",
        "gon-tf reconstruct ./my-gon photos/ --fit crop -o reconstructions/ --json",
        "gon-tf reconstruct mnist-conv - -o - < digit.png > reconstruction.png",
    )
)
@arguments.model
@arguments.images
@arguments.output(arguments.OUT.format(" (several IMAGES make a grid)"))
@arguments.fit
@click.option("--grid", is_flag=True, help="Show the originals above their reconstructions.")
@arguments.zoom
@arguments.as_json
@arguments.overwrite
def reconstruct(model, images, output, fit, grid, zoom, as_json, overwrite) -> None:
    """Reconstruct IMAGES with MODEL.

    IMAGES are pictures, folders of pictures, or - for stdin; grey, in colour, of any size. They
    are brought to the model's size. Prints the squared error summed over each picture (SSE,
    pixels in 0..1) and the PSNR in dB. With a folder as OUT, --grid adds grid.png to it.
    """
    arguments.folder(model)
    found = inputs.find(images)
    names = (picture.stem for picture in found)
    plan = outputs.plan(output, names, grid=grid, as_json=as_json, zoom=zoom)
    plan.check(overwrite=overwrite, inputs=[p.path for p in found], named=images)
    inputs.check(found)

    network = arguments.load(model)
    if plan.grid:
        outputs.check_grid(2 * len(found), network.image_shape, zoom)
    originals, reconstructions, errors = run(network, found, fit)
    one = len(found) == 1 and plan.grid == output and not grid
    plan.write(reconstructions, lambda below: below[0] if one else pictures.pairs(originals, below))
    results = summary(found, plan, errors)
    if as_json:
        report.echo_json({"model": model, **results, "grid": None if one else plan.grid})
    else:
        show(results, err=output == inputs.STREAM)


def run(network: Any, found: list, fit: str) -> tuple[Any, Any, dict[str, list[float]]]:
    """Pictures and reconstructions as uint8, {"sse": [...], "psnr": [...]} of the exact ones."""
    import numpy as np

    from gon_tf.data import fitting

    originals = np.empty((len(found), *network.image_shape), "uint8")
    reconstructions = np.empty_like(originals)
    errors: dict[str, list[float]] = {"sse": [], "psnr": []}
    starts = range(0, len(found), BATCH)
    for start in report.progress(starts, len(starts), "Reconstructing"):
        part = slice(start, start + BATCH)
        originals[part] = fitting.read_all(found[part], network.image_shape, fit)
        exact = network.reconstruct(originals[part])
        reconstructions[part] = pictures.to_uint8(exact)
        for name, values in anomaly.measure(originals[part], exact).items():
            errors[name] += values.tolist()
    return originals, reconstructions, errors


def summary(found, plan: outputs.Plan, errors) -> dict:
    """The errors of each picture with its files, and the mean errors."""
    images = [
        {"image": str(picture.path), "output": str(plan.target(number))}
        for number, picture in enumerate(found)
    ]
    for name, values in errors.items():
        for image, value in zip(images, values, strict=True):
            image[name] = value
    mean = {name: sum(values) / len(values) for name, values in errors.items()}
    return {"images": images, "mean": mean}


def show(results: dict, *, err: bool) -> None:
    """Print a line for each picture, and one for the mean if there are several."""
    lines = results["images"]
    if len(lines) > 1:
        lines = [*lines, {"image": "mean", "output": "", **results["mean"]}]
    rows = [(line["image"], line["sse"], line["psnr"], line["output"]) for line in lines]
    report.echo_table(("image", "SSE", "PSNR", "output"), rows, err=err)

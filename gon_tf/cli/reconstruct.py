"""`gon-tf reconstruct`: pictures through a model and back."""

from __future__ import annotations

from pathlib import Path

import click

from gon_tf.cli import models, options, outputs, pictures, report


@click.command(
    epilog=options.examples(
        "gon-tf reconstruct mnist-conv digit.png -o reconstruction.png",
        "gon-tf reconstruct mnist-conv digits/ -o grid.png",
        "gon-tf reconstruct ./my-gon digits/ -o reconstructions/ --json",
    )
)
@models.argument
@click.argument(
    "images", nargs=-1, required=True, metavar="IMAGES...", type=click.Path(path_type=Path)
)
@options.output("A .png file (several IMAGES make a grid), or a folder for one PNG per image.")
@click.option("--grid", is_flag=True, help="Show the originals above their reconstructions.")
@options.as_json
@options.overwrite
def reconstruct(model, images, output, grid, as_json, overwrite) -> None:
    """Reconstruct IMAGES, files or folders of pictures, with MODEL.

    Pictures are resized to the model's size. Prints the squared error summed over each picture
    (SSE, pixels in 0..1) and the PSNR in dB. With a folder as OUT, --grid adds grid.png to it.
    """
    models.folder(model)
    inputs = pictures.find(images)
    targets, grid_target = plan(inputs, output, grid)
    written = {*targets, grid_target} - {None}
    outputs.check(sorted(written), overwrite=overwrite, inputs=inputs)
    for path in inputs:
        pictures.check(path)

    network = models.load(model)
    originals = read_all(inputs, network.image_shape)
    reconstructions, errors = run(network, originals)
    if grid_target:
        pictures.write(grid_target, pictures.pairs(originals, reconstructions))
    for target, picture in zip(targets, reconstructions, strict=True):
        if target != grid_target:
            pictures.write(target, picture)
    results = summary(inputs, targets, errors)
    if as_json:
        report.echo_json({"model": model, **results, "grid": grid_target})
    else:
        show(results)


def plan(inputs, output: Path, grid: bool) -> tuple[list[Path], Path | None]:
    """The file of each reconstruction, and the file of the grid if there is one."""
    if outputs.is_picture(output):
        return [output] * len(inputs), output if grid or len(inputs) > 1 else None
    names = outputs.different_names((path.stem for path in inputs), taken=["grid"] if grid else [])
    return [output / f"{name}.png" for name in names], output / "grid.png" if grid else None


def read_all(inputs, image_shape):
    """The pictures at the model's size, uint8 [len(inputs), height, width, channels]."""
    import numpy as np

    from gon_tf import data

    height, width, channels = image_shape
    originals = np.empty((len(inputs), *image_shape), "uint8")
    for i, path in enumerate(inputs):
        picture = data.to_channels(data.read_image(path), channels)
        originals[i] = data.resize(picture, (height, width))
    return originals


def run(network, originals):
    """Reconstructions as uint8, and {"sse": [...], "psnr": [...]} of the exact ones."""
    import numpy as np

    from gon_tf import metrics

    exact = network.reconstruct(originals)
    images = originals.astype("float32") / 255
    sse = metrics.squared_error_of_images(images, exact)
    psnr = metrics.peak_signal_to_noise_of_images(images, exact)
    errors = {"sse": np.asarray(sse).tolist(), "psnr": np.asarray(psnr).tolist()}
    return pictures.to_uint8(exact), errors


def summary(inputs, targets, errors) -> dict:
    """The errors of each picture with its files, and the mean errors."""
    files = zip(inputs, targets, strict=True)
    images = [{"image": str(path), "output": str(target)} for path, target in files]
    for name, values in errors.items():
        for image, value in zip(images, values, strict=True):
            image[name] = value
    mean = {name: sum(values) / len(values) for name, values in errors.items()}
    return {"images": images, "mean": mean}


def show(results: dict) -> None:
    """Print a line for each picture, and one for the mean if there are several."""
    lines = results["images"]
    if len(lines) > 1:
        lines = [*lines, {"image": "mean", "output": "", **results["mean"]}]
    rows = [(line["image"], line["sse"], line["psnr"], line["output"]) for line in lines]
    report.echo_table(("image", "SSE", "PSNR", "output"), rows)

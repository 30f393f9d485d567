"""`gon-tf decode`: latents as pictures."""

from __future__ import annotations

import re
from pathlib import Path

import click

from gon_tf.cli import models, options, outputs, pictures, report

BLOCK = 64  # pictures in memory, unless a grid needs them all


@click.command(
    epilog=options.examples(
        "gon-tf decode mnist-conv latents.npz -o pictures/",
        "gon-tf decode mnist-implicit latents.npz --size 256 -o grid.png",
    )
)
@models.argument
@click.argument("latents", type=click.Path(path_type=Path))
@options.output(options.OUT.format(" (several latents make a grid)"))
@click.option(
    "--size",
    metavar="SIZE",
    type=options.Size(),
    help=f"{options.Size.meaning} Implicit models only; by default the model's own.",
)
@options.as_json
@options.overwrite
def decode(model, latents, output, size, as_json, overwrite) -> None:
    """Decode LATENTS to pictures with MODEL.

    LATENTS is a .npz file of `gon-tf encode`, or any with an array latents [images, latent_dim].
    Pictures are named after those that were encoded, or numbered. Prints the names of the files
    that were written.
    """
    models.folder(model)
    if size:
        models.check_implicit(model, "draw pictures of another size")
    if not latents.is_file():
        raise FileNotFoundError(f"There is no file {latents}.")
    outputs.plan(output, [], grid=False, as_json=as_json)  # refuses what cannot be an OUT

    network = models.load(model)
    found = read(network, model, latents)
    plan = outputs.plan(output, stems(found), grid=False, as_json=as_json)
    outputs.check(plan.written, overwrite=overwrite, inputs=[latents])
    if plan.grid:
        pictures.check_grid(len(found), size or network.image_shape)
    write(network, found.latents, plan, size)
    if as_json:
        report.echo_json({"model": model, "images": len(found), "files": plan.written})
    else:
        report.echo_lines(plan.written)


def read(network, model: str, path: Path):
    """The latents in a file, those of this model as far as it says.

    Raises:
        ValueError: if they are not.
    """
    from gon_tf import latent_files

    found = latent_files.read_npz(path, network.latent_dim)
    if len(found) == 0:
        raise ValueError(f"{path} holds no latents.")
    if found.model and found.model != latent_files.fingerprint(network):
        raise ValueError(
            f"{path} was encoded by another model than {model}; latents mean something to the "
            "model that made them only."
        )
    return found


def stems(found) -> list[str]:
    """The name of each picture's file, which cannot lead out of a folder."""
    return [
        safe(str(name)) or f"{number:05d}"
        for name, number in zip(found.names, found.numbers, strict=True)
    ]


def safe(name: str) -> str:
    """The stem of a file's name from outside, without what has a meaning in a path."""
    stem = Path(name.replace("\\", "/")).stem
    return re.sub(r"[^\w.() +-]", "_", stem)[:100].strip(". ")


def write(network, latents, plan: outputs.Plan, size) -> None:
    """Decode latents to a picture each, or all to one."""
    at = {"size": size} if size else {}
    if plan.grid:
        images = pictures.to_uint8(network.decode(latents, **at))
        pictures.write(plan.grid, pictures.square(images))
    for start in range(0, len(plan.files), BLOCK):
        images = pictures.to_uint8(network.decode(latents[start : start + BLOCK], **at))
        for target, image in zip(plan.files[start : start + BLOCK], images, strict=True):
            pictures.write(target, image)

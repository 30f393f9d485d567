"""`gon-tf decode`: latents as pictures."""

from __future__ import annotations

import re
from pathlib import Path

import click

from gon_tf.cli import models, options, outputs, pictures, report

BLOCK = 64  # pictures in memory, unless a grid needs them all
MOST_PIXELS = 64_000_000  # of a grid


@click.command(
    epilog=options.examples(
        "gon-tf decode mnist-conv latents.npz -o pictures/",
        "gon-tf decode mnist-implicit latents.npz --size 256 -o grid.png",
    )
)
@models.argument
@click.argument("latents", type=click.Path(path_type=Path))
@options.output("A .png file (a grid for several latents), or a folder for one PNG each.")
@click.option(
    "--size",
    metavar="SIZE",
    type=options.Size(),
    help="Pixels, 256 or 48x64 (height x width); implicit models only.",
)
@options.as_json
@options.overwrite
def decode(model, latents, output, size, as_json, overwrite) -> None:
    """Decode LATENTS, a .npz file of `gon-tf encode`, to pictures with MODEL.

    Any .npz file with an array latents [images, latent_dim] will do. Pictures are named after those
    that were encoded, or numbered. Prints the names of the files that were written.
    """
    models.folder(model)
    single = outputs.is_picture(output)
    if not latents.is_file():
        raise FileNotFoundError(f"There is no file {latents}.")
    if single:
        outputs.check([output], overwrite=overwrite, inputs=[latents])

    network = models.load(model)
    found = read(network, model, latents)
    if size:
        check_size(network, model)
    if single:
        check_grid(len(found), size or network.image_shape)
    targets = [output] if single else plan(found, output)
    if not single:
        outputs.check(targets, overwrite=overwrite, inputs=[latents])
    write(network, found.latents, targets, size)
    if as_json:
        report.echo_json({"model": model, "images": len(found), "files": targets})
        return
    for target in targets:
        click.echo(target)


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


def check_size(network, model: str) -> None:
    """Raise ValueError unless the model draws pictures of any size."""
    import gon_tf

    if isinstance(network, gon_tf.ImplicitGON):
        return
    able = ", ".join(gon_tf.list_models(variant="implicit"))
    there_is = f"the zoo has {able}" if able else "the zoo has none, gon_tf.ImplicitGON is one"
    raise ValueError(
        f"{model} is a {type(network).__name__} and has one size only; implicit models draw any: "
        f"{there_is}."
    )


def check_grid(count: int, size) -> None:
    """Raise ValueError if a grid of `count` pictures is too large."""
    if count * size[0] * size[1] > MOST_PIXELS:
        raise ValueError(
            f"{count} pictures of {size[0]}x{size[1]} are too many for one; give a folder as OUT."
        )


def plan(found, output: Path) -> list[Path]:
    """The file of each picture, in the folder and nowhere else."""
    stems = [
        safe(str(name)) or f"{number:05d}"
        for name, number in zip(found.names, found.numbers, strict=True)
    ]
    return [output / f"{name}.png" for name in outputs.different_names(stems)]


def safe(name: str) -> str:
    """The stem of a file's name from outside, without what has a meaning in a path."""
    stem = Path(name.replace("\\", "/")).stem
    return re.sub(r"[^\w.() +-]", "_", stem)[:100].strip(". ")


def write(network, latents, targets: list[Path], size) -> None:
    """Decode latents to a picture each, or all to one."""
    at = {"size": size} if size else {}
    if len(targets) == 1:
        images = pictures.to_uint8(network.decode(latents, **at))
        pictures.write(targets[0], pictures.square(images))
        return
    for start in range(0, len(targets), BLOCK):
        images = pictures.to_uint8(network.decode(latents[start : start + BLOCK], **at))
        for target, image in zip(targets[start : start + BLOCK], images, strict=True):
            pictures.write(target, image)

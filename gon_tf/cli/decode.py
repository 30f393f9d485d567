"""`gon-tf decode`: latents as pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gon_tf import pictures
from gon_tf.cli import arguments, outputs

if TYPE_CHECKING:
    import numpy as np

    from gon_tf.latent_files import Latents

BLOCK = 64  # latents that are decoded together


@click.command(
    epilog=arguments.examples(
        "gon-tf decode mnist-conv latents.npz -o pictures/",
        "gon-tf decode mnist-implicit latents.npz --size 256 -o grid.png",
    )
)
@arguments.model
@click.argument("latents", type=arguments.Place())
@arguments.output(arguments.OUT.format(" (several latents make a grid)"))
@arguments.size(f"{arguments.Size.meaning} Implicit models only; by default the model's own.")
@arguments.as_json
@arguments.overwrite
def decode(model, latents, output, size, as_json, overwrite) -> None:
    """Decode LATENTS to pictures with MODEL.

    LATENTS is a .npz file of `gon-tf encode`, or any with an array latents [images, latent_dim].
    Pictures are named after those that were encoded, or numbered. Prints the names of the files
    that were written.
    """
    arguments.folder(model)
    if size:
        arguments.check_implicit(model, "draw pictures of another size")
    if not latents.is_file():
        raise FileNotFoundError(f"There is no file {latents}.")
    outputs.is_picture(output, as_json=as_json)  # refuses what cannot be an OUT

    network = arguments.load(model)
    content = read(network, model, latents)
    plan = outputs.plan(output, stems(content), grid=False, as_json=as_json)
    plan.check(overwrite=overwrite, inputs=[latents, *originals(content, latents.parent)])
    if plan.grid:
        outputs.check_grid(len(content), size or network.image_shape)
    plan.write(decoded(network, content.latents, size))
    plan.report(as_json, model=model, images=len(content))


def read(network, model: str, path: Path) -> Latents:
    """The latents in a file, those of this model as far as it says.

    Raises:
        ValueError: if they are not.
    """
    from gon_tf import latent_files

    content = latent_files.read(path, network.latent_dim)
    if len(content) == 0:
        raise ValueError(f"{path} holds no latents.")
    if content.model and content.model != latent_files.fingerprint(network):
        raise ValueError(
            f"{path} was encoded by another model than {model}; latents mean something to the "
            "model that made them only."
        )
    return content


def originals(content: Latents, folder: Path) -> list[Path]:
    """The pictures that were encoded, seen from here and from the folder of the latents."""
    names = [str(name) for name in content.names if name and "\0" not in str(name)]
    return [place / name for name in names for place in (Path(), folder)]


def stems(content: Latents) -> list[str]:
    """The name of each picture's file, which cannot lead out of a folder."""
    return [
        safe(str(name)) or f"{number:05d}"
        for name, number in zip(content.names, content.numbers, strict=True)
    ]


def safe(name: str) -> str:
    """The stem of a file's name from outside, without what has a meaning in a path."""
    stem = Path(name.replace("\\", "/")).stem
    return re.sub(r"[^\w.() +-]", "_", stem)[:100].strip(". ")


def decoded(network, latents: np.ndarray, size: tuple[int, int] | None) -> Iterator[np.ndarray]:
    """The picture of each of the latents, uint8."""
    at = {"size": size} if size else {}
    for start in range(0, len(latents), BLOCK):
        yield from pictures.to_uint8(network.decode(latents[start : start + BLOCK], **at))

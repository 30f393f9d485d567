"""`gon-tf inpaint`: what is missing of a picture, from the rest of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gon_tf import anomaly, pictures
from gon_tf.cli import arguments, inputs, outputs, report

if TYPE_CHECKING:
    import numpy as np

WHITE = 127  # brighter is missing
GREY = 128  # shown for what is missing


@click.command(
    epilog=arguments.examples(
        "gon-tf inpaint mnist-implicit digit.png --mask mask.png -o whole.png",
        "gon-tf inpaint mnist-implicit digit.png --mask mask.png --grid -o pair.png",
    )
)
@arguments.model
@click.argument("image", type=arguments.Place())
@click.option(
    "--mask",
    metavar="MASK",
    type=arguments.Place(),
    required=True,
    help="Picture as large as IMAGE: white where IMAGE is missing, black where it is known.",
)
@arguments.output("A .png, .jpg or .webp file, or - for a PNG on stdout.")
@arguments.fit
@click.option("--grid", is_flag=True, help="Show the known part of IMAGE above the result.")
@arguments.as_json
@arguments.overwrite
def inpaint(model, image, mask, output, fit, grid, as_json, overwrite) -> None:
    """Fill in what is missing of IMAGE with an implicit MODEL.

    White pixels of MASK (above half brightness) are missing, black ones are known. IMAGE or MASK
    may be - for stdin. The latents come from the known pixels alone, at the model's size; they
    stay as they are in the result, and the model paints the others. Prints the number of known
    and missing pixels, and SSE and PSNR of the model on the known ones.
    """
    arguments.check_implicit(model, "fill in what is missing")
    both = inputs.single([image, mask])
    if not outputs.is_picture(output):
        raise click.UsageError(f"OUT is a .png, .jpg or .webp file, or -. Received: {output}")
    plan = outputs.plan(output, [], grid=grid, as_json=as_json)
    plan.check(overwrite=overwrite, inputs=[image, mask])
    inputs.check(both)

    network = arguments.load(model)
    from gon_tf.data import fitting

    *size, channels = network.image_shape
    picture = fitting.read(both[0], channels)
    picture, known = fitted(picture, read_known(both[1], picture), size, fit)
    exact = network.decode(network.encode(picture[None], mask=known))[0]
    painted = pictures.to_uint8(exact)
    painted[known] = picture[known]
    holey = picture.copy()
    holey[~known] = GREY
    outputs.write(output, pictures.pairs([holey], [painted]) if grid else painted)
    results = {"output": str(output), **describe(picture, exact, known)}
    if as_json:
        report.echo_json({"model": model, "image": image, "mask": mask, **results})
    else:
        report.echo_pairs(results, err=output == inputs.STREAM)


def read_known(mask: pictures.Picture, picture) -> np.ndarray:
    """True where the picture is known, `[height, width]`.

    Raises:
        ValueError: if the mask is not as large as the picture, or all or nothing is missing.
    """
    from gon_tf.data import fitting

    pixels = fitting.read(mask, channels=1)[..., 0]
    if pixels.shape != picture.shape[:2]:
        sizes = [f"{height}x{width}" for height, width in (pixels.shape, picture.shape[:2])]
        raise ValueError(
            "MASK must be as large as IMAGE. "
            f"Received: a mask of {sizes[0]} and an image of {sizes[1]} pixels (height x width)"
        )
    known = pixels <= WHITE
    if not known.any():
        raise ValueError(f"All of the mask {mask.path} is white: nothing of the image is known.")
    if known.all():
        raise ValueError(
            f"Nothing of the mask {mask.path} is white: nothing of the image is missing."
        )
    return known


def fitted(picture, known, size, fit: str) -> tuple[np.ndarray, np.ndarray]:
    """The picture at `size` by a way of `fitting.FITS`, and where it is known.

    What `pad` adds is known: to the model it is a part of the picture, as for other commands.
    """
    import numpy as np

    from gon_tf.data import fitting

    def resize_both(layers, size):
        return joined(*resize(layers[..., :-1], layers[..., -1] == 0, size))

    def joined(picture, known):
        return np.dstack([picture, np.where(known, 0, 255).astype("uint8")])

    layers = fitting.FITS[fit](joined(picture, known), size, resize_both)
    return layers[..., :-1], layers[..., -1] == 0


def resize(picture, known, size) -> tuple[np.ndarray, np.ndarray]:
    """The picture at `size`, made of its known pixels alone, and where they make up most of it.

    Raises:
        ValueError: if that is nowhere.
    """
    import numpy as np
    import tensorflow as tf

    weights = known[..., None].astype("float32")
    share = tf.image.resize(weights, size, antialias=True).numpy()
    total = tf.image.resize(weights * picture, size, antialias=True).numpy()
    small = total / np.maximum(share, 1e-6)
    known = share[..., 0] >= 0.5
    if not known.any():
        raise ValueError(
            f"Too little of the image is known: nothing is left of it at the model's "
            f"{size[0]}x{size[1]} pixels."
        )
    return np.rint(np.clip(small, 0, 255)).astype("uint8"), known


def describe(picture, exact, known) -> dict:
    """Numbers of known and missing pixels, and the model's errors at the known ones."""
    errors = anomaly.measure(picture[known][None], exact[known][None])
    return {
        "known": int(known.sum()),
        "missing": int((~known).sum()),
        **{name: float(values[0]) for name, values in errors.items()},
    }

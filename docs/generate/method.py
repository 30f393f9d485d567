"""The figures of docs/how-it-works.md: `python -m docs.generate.method` writes docs/figures/method.

All are made from models of the zoo and the digits in examples/images. Prints the numbers that the
page gives with them.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import gon_tf
from docs.generate.pages import CHECKOUT
from gon_tf.pictures import enlarged, to_uint8

FOLDER = CHECKOUT / "docs" / "figures" / "method"
DIGITS = CHECKOUT / "examples" / "images"
SCALE, GAP, LABEL, WIDTH = (
    3,
    4,
    14,
    150,
)  # pixels: times a side, between tiles, letters, left column
BELOW_ZERO, ABOVE_ZERO = np.array([33, 102, 172]), np.array([178, 24, 43])  # blue, red

Row = tuple[str, np.ndarray]


def signed(pictures: np.ndarray) -> np.ndarray:
    """Numbers `[n, height, width, 1]` as colours: white for 0, red above, blue below.

    The strongest colour of a picture is its largest absolute number.
    """
    largest = np.abs(pictures).max(axis=(1, 2, 3), keepdims=True)
    share = pictures / np.maximum(largest, 1e-12)
    colour = np.where(share > 0, ABOVE_ZERO, BELOW_ZERO)
    return np.rint(255 + np.abs(share) * (colour - 255)).astype(np.uint8)


def figure(rows: Sequence[Row], scale: int = SCALE) -> np.ndarray:
    """Rows of pictures, each with what it shows at its left."""
    height, width = (scale * side for side in rows[0][1].shape[1:3])
    columns = max(len(pictures) for _, pictures in rows)
    shape = len(rows) * (height + GAP) - GAP, WIDTH + columns * (width + GAP) - GAP, 3
    canvas = np.full(shape, 255, np.uint8)
    for i, (_, pictures) in enumerate(rows):
        for j, picture in enumerate(pictures):
            top, left = i * (height + GAP), WIDTH + j * (width + GAP)
            canvas[top : top + height, left : left + width] = enlarged(picture, (height, width))
    image = Image.fromarray(canvas)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(LABEL)
    for i, (label, _) in enumerate(rows):
        place = 0, i * (height + GAP) + height // 2
        draw.multiline_text(place, label, (60, 60, 60), font, anchor="lm", spacing=3)
    return np.asarray(image)


def write(name: str, *rows: Row, scale: int = SCALE) -> None:
    """Writes a figure."""
    picture = Image.fromarray(figure(rows, scale)).quantize(256)
    picture.save(FOLDER / f"{name}.png", optimize=True)


class Linear:
    """What a model of one step does, as arrays: F(0), J and the encoder z = Wx + b.

    Attributes:
        outputs: F(0), `[1, height, width, 1]`.
        jacobian: pictures `[latent_dim, height, width, 1]`, the change of F(0) with each latent.
        matrix: W, `[latent_dim, pixels]`.
        bias: b, `[latent_dim]`.
        directions: orthonormal, of latents, as columns; those that change the picture most first.
        strengths: how much: the singular values of J.
    """

    def __init__(self, model):
        network = model.network()
        outputs, jacobian = network.jacobian(model.start())
        self.outputs = np.reshape(outputs, (1, *model.image_shape))
        self.jacobian = np.reshape(jacobian, (-1, *model.image_shape))
        kernel, bias = map(np.asarray, model.folded())
        self.matrix, self.bias = kernel.T, bias
        rows = self.jacobian.reshape(len(self.jacobian), -1)
        self.directions, self.strengths, _ = np.linalg.svd(rows, full_matrices=False)

    def prediction(self, latents: np.ndarray) -> np.ndarray:
        """F(0) + Jz: the pictures, if the decoder were linear."""
        return self.outputs + np.tensordot(latents, self.jacobian, 1)


def digits(model) -> np.ndarray:
    """The digits of examples/images in a model's size, in [0, 1]."""
    (pictures,) = gon_tf.data.load(str(DIGITS), model.image_shape, batch_size=8)
    return np.asarray(pictures, np.float32) / 255


def grey(pictures: np.ndarray) -> np.ndarray:
    """Pictures of one channel in three."""
    return np.repeat(to_uint8(pictures), 3, axis=-1)


def error(found: np.ndarray, images: np.ndarray) -> float:
    """Squared error of a picture, the mean over some."""
    return float(np.mean(np.sum((found - images) ** 2, axis=(1, 2, 3))))


def draw_step(model) -> None:
    """The origin, the residual, the step and what it gives."""
    linear, images = Linear(model), digits(model)
    latents = model.encode(images)
    start = np.repeat(linear.outputs, len(images), axis=0)
    write(
        "step",
        ("image x", grey(images)),
        ("picture of\nthe origin, F(0)", grey(start)),
        ("what is missing,\nx - F(0)", signed(images - start)),
        ("one step:\nF(z(x))", grey(model.decode(latents))),
    )
    parts = np.linspace(0, 1, len(images), dtype=np.float32)[:, None]
    ways = [(f"way of a {n}", grey(model.decode(parts * latents[n]))) for n in (3, 4, 7)]
    write("way", *ways)
    straight = linear.prediction(latents)
    write(
        "linear",
        ("image x", grey(images)),
        ("if F were linear:\nF(0) + J z", grey(straight)),
        ("F(z)", grey(model.decode(latents))),
    )
    print(f"error of F(0) {error(start, images):.1f}, of F(0) + Jz {error(straight, images):.1f}")
    print(f"of F(z) {error(model.decode(latents), images):.2f}; ", end="")
    print(f"variance of a digit {error(images.mean(0), images):.1f}")
    strong, weak = linear.strengths[[0, -1]] ** 2
    print(f"curvature, strongest over weakest direction: {strong / weak:,.0f}")


def draw_jacobian(model) -> None:
    """The columns of J, of single latents and of the directions that change the picture most."""
    linear = Linear(model)
    turned = np.tensordot(linear.directions.T, linear.jacobian, 1)
    write(
        "jacobian",
        ("J: eight latents", signed(linear.jacobian[:8])),
        ("J: strongest\ndirections 1 to 8", signed(turned[:8])),
        ("directions\n9 to 16", signed(turned[8:16])),
        ("the weakest", signed(turned[-8:])),
    )


def draw_encoder(name: str, model) -> None:
    """The rows of W, as they are and turned to the directions of J."""
    linear = Linear(model)
    rows = linear.matrix.reshape(-1, *model.image_shape)
    turned = np.tensordot(linear.directions.T, rows, 1)
    write(
        f"encoder-{name}",
        ("W: rows 1 to 8", signed(rows[:8])),
        ("W: rows 9 to 16", signed(rows[8:16])),
        ("turned to J's\ndirections 1 to 8", signed(turned[:8])),
        ("directions\n9 to 16", signed(turned[8:16])),
    )
    images = digits(model)
    product = images.reshape(len(images), -1) @ linear.matrix.T + linear.bias
    difference = np.abs(product - model.encode(images)).max() / np.abs(product).max()
    print(f"{name}: Wx + b and encode differ by {difference:.0e} of the largest latent")


def draw_further_steps(model) -> None:
    """The pictures after one, two and three steps of a model that was trained with three."""
    images, rows = digits(model), []
    for steps in (1, 2, 3):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that this is not how the model was trained
            model.inner_steps = steps
        fresh = model.encode(images)
        found = model.decode(fresh)
        rows.append((f"after step {steps}:\nerror {error(found, images):.2f}", grey(found)))
    write("further-steps", ("image x", grey(images)), *rows)


def draw_prior(model) -> None:
    """Pictures of draws from the fitted prior, and from one Gaussian of its mean and covariance."""
    drawn = model.sample_latents(range(4000))
    noise = np.random.default_rng(0).multivariate_normal(drawn.mean(0), np.cov(drawn.T), 16)
    gaussian, fitted = (model.decode(z.astype(np.float32)) for z in (noise, drawn[:16]))
    write(
        "prior",
        ("one Gaussian", grey(gaussian[:8])),
        ("", grey(gaussian[8:])),
        ("the fitted prior", grey(fitted[:8])),
        ("", grey(fitted[8:])),
    )


def draw_points(model) -> None:
    """The same latents of an implicit model on grids of more and more points."""
    images = digits(model)[2:7]
    latents, side = model.encode(images), 112
    rows = [
        (f"{size} x {size}\npoints", grey(model.decode(latents, size=(size, size))))
        for size in (14, 28, side)
    ]
    shown = [
        (label, np.stack([enlarged(picture, (side, side)) for picture in pictures]))
        for label, pictures in rows
    ]
    write("points", *shown, scale=1)


def main() -> None:
    """Draws all figures."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    conv, implicit = gon_tf.load("mnist-conv"), gon_tf.load("mnist-implicit")
    draw_step(conv)
    draw_jacobian(conv)
    draw_encoder("conv", conv)
    draw_encoder("implicit", implicit)
    draw_further_steps(gon_tf.load("mnist-variational"))
    draw_prior(implicit)
    draw_points(implicit)


if __name__ == "__main__":
    main()

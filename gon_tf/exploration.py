"""Pictures of a model's latents: what its directions do, and where the images of a data set lie."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gon_tf import pictures

if TYPE_CHECKING:
    import keras

FURTHEST, COLUMNS = 3.0, 9  # standard deviations to either side, and pictures in a row
SIDE, DOT = 640, 5  # pixels of a map, of the dot of an image
MARGIN, LETTERS, NAMES = 44, 15, 22  # pixels around what is drawn, of the height of letters
MOST_NAMED = 20  # labels that a legend has room for
PALETTE = (
    *("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#4d4d4d"),
    *("#bcbd22", "#17becf"),
)


def middle(model: keras.Model) -> np.ndarray:
    """The mean of the latents that a model draws samples from, `[latent_dim]`."""
    mean, _ = model.drawn_prior().gaussians().moments()
    return mean


def traverse(model: keras.Model, directions: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Pictures along directions of latents, from -3 to 3 times each.

    Args:
        model: what decodes them.
        directions: `[n, latent_dim]`, each one standard deviation long.
        mean: where they cross, `[latent_dim]`.

    Returns:
        uint8 `[n, 9, height, width, channels]`.
    """
    steps = np.linspace(-FURTHEST, FURTHEST, COLUMNS)[:, None]
    latents = np.concatenate([mean + steps * direction for direction in directions])
    drawn = pictures.to_uint8(model.decode(latents.astype(np.float32)))
    return drawn.reshape(len(directions), COLUMNS, *drawn.shape[1:])


def coordinates_of(latents: np.ndarray, directions: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """How far latents lie along each of all directions, in standard deviations, `[n, kept]`."""
    return (latents - mean) @ np.linalg.pinv(directions.astype(np.float64))


def traversal(drawn: np.ndarray, zoom: int | None = None) -> np.ndarray:
    """The picture of `traverse`'s pictures: a row for each direction, with its number.

    Args:
        drawn: uint8 `[n, columns, height, width, channels]`.
        zoom: how many times to enlarge them; None for as many as make them easy to see.
    """
    rows, columns = drawn.shape[:2]
    grid = pictures.grid(drawn.reshape(-1, *drawn.shape[2:]), columns)
    zoom = zoom or pictures.zoom_of(grid)
    grid = pictures.zoomed(grid, zoom)
    height, width = grid.shape[:2]
    canvas, draw, font = blank(width + 2 * MARGIN, height + 2 * MARGIN)
    paste(canvas, grid, (MARGIN, MARGIN))
    step = [zoom * (side + pictures.GAP) for side in drawn.shape[2:4]]
    middle = [zoom * side / 2 for side in drawn.shape[2:4]]
    for row in range(rows):
        place = (MARGIN - 12, MARGIN + row * step[0] + middle[0])
        draw.text(place, str(row + 1), "black", font, anchor="rm")
    for column, value in enumerate(np.linspace(-FURTHEST, FURTHEST, columns)):
        place = (MARGIN + column * step[1] + middle[1], MARGIN - 10)
        draw.text(place, signed(value), "black", font, anchor="mb")
    words = "the first principal directions of the latents, in standard deviations"
    draw.text((MARGIN, MARGIN + height + 10), words, "black", font)
    return np.asarray(canvas)


def latent_map(points: np.ndarray, labels: Sequence[str] | None = None) -> np.ndarray:
    """The picture of points in a plane, coloured by their labels, with the labels' names.

    Args:
        points: `[n, 2 or more]`, in standard deviations; the first two count.
        labels: the name of each point's label; None for points of one colour.
    """
    points = np.pad(points, ((0, 0), (0, max(0, 2 - points.shape[1]))))[:, :2]
    names = sorted(set(labels or [""]), key=natural)
    number = {name: i for i, name in enumerate(names)}
    of_point = np.array([number[name] for name in (labels or [""] * len(points))])
    reach = float(np.clip(np.ceil(np.quantile(np.abs(points), 0.999)), 3, 10))
    colours = palette(len(names))
    wide = max((len(name) for name in names[:MOST_NAMED]), default=0) * LETTERS * 0.6 + 40
    canvas, draw, font = blank(SIDE + 2 * MARGIN + int(wide if labels else 0), SIDE + 2 * MARGIN)
    paste(canvas, plane(points, of_point, colours, reach), (MARGIN, MARGIN))
    frame = (MARGIN - 1, MARGIN - 1, MARGIN + SIDE, MARGIN + SIDE)
    draw.rectangle(frame, outline="grey")
    for value in range(-int(reach), int(reach) + 1):
        at = MARGIN + (value + reach) / (2 * reach) * SIDE
        draw.text((at, MARGIN + SIDE + 6), signed(value), "black", font, anchor="mt")
        draw.text((MARGIN - 6, MARGIN + SIDE - (at - MARGIN)), signed(value), "black", font, "rm")
    middle, beside = MARGIN + SIDE / 2, MARGIN + SIDE + 26
    words = "along the first principal direction; upwards, the second"
    draw.text((middle, beside - 2), words, "black", font, anchor="mt")
    if labels:
        legend(draw, font, names, colours, (MARGIN + SIDE + 20, MARGIN))
        middles = [np.median(points[of_point == i], axis=0) for i in range(len(names))]
        places = [(middle + x, middle - y) for x, y in np.array(middles) / (2 * reach) * SIDE]
        write_names(draw, font.font_variant(size=NAMES), names, colours, places)
    return np.asarray(canvas)


def plane(points: np.ndarray, of_point: np.ndarray, colours: list, reach: float) -> np.ndarray:
    """The dots of a map, on lines for whole numbers."""
    from PIL import Image, ImageDraw

    fine = 3  # drawn so many times larger, so that dots are round
    canvas = Image.new("RGB", (SIDE * fine, SIDE * fine), "white")
    draw = ImageDraw.Draw(canvas)
    for value in range(-int(reach), int(reach) + 1):
        at = (value + reach) / (2 * reach) * SIDE * fine
        for line in ([(at, 0), (at, SIDE * fine)], [(0, at), (SIDE * fine, at)]):
            draw.line(line, "gainsboro" if value else "darkgrey", width=fine)
    size = DOT if len(points) < 1000 else DOT - 2
    # None on top of all others: in an order that has nothing to do with labels.
    for i in np.random.default_rng(0).permutation(len(points)):
        x, y = (points[i] * [1, -1] + reach) / (2 * reach) * SIDE * fine
        r = size * fine / 2
        draw.ellipse((x - r, y - r, x + r, y + r), colours[of_point[i]])
    return np.asarray(canvas.reduce(fine))


def legend(draw: Any, font: Any, names: list[str], colours: list, corner: tuple) -> None:
    """The names of labels in their colours, from a corner downwards."""
    x, y = corner
    for i, name in enumerate(names[:MOST_NAMED]):
        top = y + i * (LETTERS + 10)
        draw.ellipse((x, top + 2, x + 12, top + 14), colours[i])
        draw.text((x + 20, top), name, "black", font)
    if len(names) > MOST_NAMED:
        below = y + MOST_NAMED * (LETTERS + 10)
        draw.text((x, below), f"and {len(names) - MOST_NAMED} more", "black", font)


def write_names(draw: Any, font: Any, names: list[str], colours: list, places: list) -> None:
    """The names of labels where their points are, but none over another."""
    taken: list[tuple] = []
    for i, name in enumerate(names[:MOST_NAMED]):
        box = draw.textbbox(places[i], name, font, anchor="mm")
        if any(
            box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3]
            for other in taken
        ):
            continue
        taken.append(box)
        style = {"anchor": "mm", "stroke_width": 3, "stroke_fill": "white"}
        draw.text(places[i], name, colours[i], font, **style)


def stacked(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """One picture of two, RGB, on white."""
    width = max(above.shape[1], below.shape[1])
    parts = [
        np.pad(part, ((0, 0), (0, width - part.shape[1]), (0, 0)), constant_values=255)
        for part in (above, below)
    ]
    return np.concatenate(parts)


def palette(count: int) -> list:
    """So many colours that differ as far as they can."""
    if count <= len(PALETTE):
        return list(PALETTE[:count])
    colours = [
        colorsys.hsv_to_rgb(i / count, 0.9 if i % 2 else 0.6, 0.55 if i % 2 else 0.9)
        for i in range(count)
    ]
    return [tuple(round(255 * part) for part in colour) for colour in colours]


def blank(width: int, height: int) -> tuple[Any, Any, Any]:
    """A white picture, what draws on it, and letters."""
    from PIL import Image, ImageDraw, ImageFont

    canvas = Image.new("RGB", (width, height), "white")
    return canvas, ImageDraw.Draw(canvas), ImageFont.load_default(LETTERS)


def paste(canvas: Any, picture: np.ndarray, corner: tuple[int, int]) -> None:
    """Puts a picture, grey or RGB, on a canvas."""
    from PIL import Image

    rgb = np.repeat(picture, 3, axis=-1) if picture.shape[-1] == 1 else picture
    canvas.paste(Image.fromarray(rgb), corner)


def signed(value: float) -> str:
    """A number with its sign, as short as it can be."""
    return f"{value:+.3g}" if value else "0"


def natural(name: str) -> tuple:
    """Sorts numbers by their value, before all else."""
    return (0, int(name), "") if name.isdecimal() else (1, 0, name)

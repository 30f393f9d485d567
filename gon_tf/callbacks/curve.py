"""The curve of a training: its loss against the epoch, as a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

WIDTH, HEIGHT, MARGIN = 720, 400, 60  # pixels of a picture of curves
COLOURS = ((31, 119, 180), (214, 84, 20))  # blue, orange


def loss_curve(rows: Sequence[dict]) -> np.ndarray:
    """The loss, and the validation's if there is one, against the epoch.

    Args:
        rows: metrics of each epoch: "epoch", "loss" and perhaps "val_loss". Values that are not
            finite are left out. The scale is logarithmic if all values are positive.
    """
    import numpy as np
    from PIL import Image, ImageDraw, ImageFont

    curves = {
        name: [(row["epoch"], row[key]) for row in rows if math.isfinite(row.get(key, math.nan))]
        for name, key in {"training": "loss", "validation": "val_loss"}.items()
    }
    curves = {name: points for name, points in curves.items() if points}
    values = [value for points in curves.values() for _, value in points]
    logarithmic = bool(values) and min(values) > 0
    scale = math.log10 if logarithmic else float
    canvas = Image.new("RGB", (WIDTH, HEIGHT), "white")
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(14)
    frame = (MARGIN + 10, 30, WIDTH - 20, HEIGHT - MARGIN + 10)
    across = Axis([row["epoch"] for row in rows], frame[0], frame[2])
    up = Axis([scale(value) for value in values], frame[3], frame[1])
    draw.rectangle(frame, outline="grey")
    for tick in up.ticks(5):
        label = f"{10**tick if logarithmic else tick:.3g}"
        draw.text((frame[0] - 6, up(tick)), label, "black", font, anchor="rm")
        draw.line([(frame[0], up(tick)), (frame[2], up(tick))], "gainsboro")
    for tick in sorted({round(tick) for tick in across.ticks(6)}):
        draw.text((across(tick), frame[3] + 6), str(tick), "black", font, anchor="mt")
    draw.text(((frame[0] + frame[2]) / 2, HEIGHT - 8), "epoch", "black", font, anchor="mb")
    draw.text((frame[0], 8), "loss" + ", logarithmic" * logarithmic, "black", font)
    for number, (name, points) in enumerate(curves.items()):
        placed = [(across(epoch), up(scale(value))) for epoch, value in points]
        draw.line(placed, COLOURS[number], width=2)
        x, y = placed[-1]
        draw.ellipse((x - 3, y - 3, x + 3, y + 3), COLOURS[number])
        draw.text((frame[2] - 100 * number, 8), name, COLOURS[number], font, anchor="ra")
    return np.asarray(canvas)


class Axis:
    """A linear scale from the values of a curve to pixels."""

    def __init__(self, values: Sequence[float], first: float, last: float):
        self.low, self.high = min(values, default=0.0), max(values, default=1.0)
        if self.low == self.high:
            self.low, self.high = self.low - 0.5, self.high + 0.5
        self.first, self.last = first, last

    def __call__(self, value: float) -> float:
        """The pixel of a value."""
        return self.first + (value - self.low) / (self.high - self.low) * (self.last - self.first)

    def ticks(self, count: int) -> list[float]:
        """Values at equal distances from the lowest to the highest."""
        return [self.low + i * (self.high - self.low) / (count - 1) for i in range(count)]

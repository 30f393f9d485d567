"""Options and parameter types that several commands share."""

from __future__ import annotations

import math
from pathlib import Path

import click

MOST_SEEDS = 100_000


class Size(click.ParamType):
    """A picture's size: `32` (square) or `HEIGHTxWIDTH`. Becomes (height, width)."""

    name = "size"
    highest = 4096
    meaning = f"Pixels: N for a square, or HEIGHTxWIDTH; 1 to {highest} a side."

    def convert(self, value, param, ctx):
        """Parse `value`."""
        if isinstance(value, tuple):
            return value
        sides = value.lower().split("x")
        if len(sides) > 2 or not all(side.isdecimal() for side in sides):
            self.fail(
                f"{value!r} is not a size; write 32, or 48x64 for height x width.", param, ctx
            )
        height, width = int(sides[0]), int(sides[-1])
        if not (1 <= height <= self.highest and 1 <= width <= self.highest):
            self.fail(f"{value!r} is not between 1 and {self.highest} pixels a side.", param, ctx)
        return height, width


class Positive(click.FloatRange):
    """A number above 0, neither infinite nor NaN, which click would let pass."""

    def __init__(self):
        super().__init__(min=0, min_open=True)

    def convert(self, value, param, ctx):
        """Parse `value`."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


class Seeds(click.ParamType):
    """Seeds such as `0-63` or `3,7,10-12`. Becomes a tuple of different integers in that order."""

    name = "seeds"
    highest = 2**31 - 1

    def convert(self, value, param, ctx):
        """Parse `value`."""
        if isinstance(value, tuple):
            return value
        ranges = [self.parse_range(part, param, ctx) for part in value.split(",")]
        if sum(len(seeds) for seeds in ranges) > MOST_SEEDS:
            self.fail(f"{value!r} asks for more than {MOST_SEEDS:,} pictures.", param, ctx)
        return tuple(dict.fromkeys(seed for seeds in ranges for seed in seeds))

    def parse_range(self, text, param, ctx) -> range:
        """One seed or one `first-last`."""
        ends = text.strip().split("-")
        if len(ends) > 2 or not all(end.isdecimal() for end in ends):
            self.fail(f"{text!r} is not a seed or a range; write 3,7,10-12.", param, ctx)
        first, last = int(ends[0]), int(ends[-1])
        if last < first:
            self.fail(f"{text!r} runs backwards; write {last}-{first}.", param, ctx)
        if last > self.highest:
            self.fail(f"{last} is too large for a seed; the largest is {self.highest}.", param, ctx)
        return range(first, last + 1)


def examples(*lines: str) -> str:
    """The end of a command's help: `lines` as they are typed."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


OUT = "A .png, .jpg or .webp file{}, a folder for one PNG per picture, or - for a PNG on stdout."


def output(text: str, *, metavar="OUT", required=True):
    """The option `-o`, described by `text`."""
    return click.option(
        "-o",
        "--output",
        "output",
        metavar=metavar,
        type=click.Path(path_type=Path),
        required=required,
        help=text,
    )


images = click.argument(
    "images", nargs=-1, required=True, metavar="IMAGES...", type=click.Path(path_type=Path)
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
overwrite = click.option("--overwrite", is_flag=True, help="Replace outputs that exist already.")
data_dir = click.option(
    "--data-dir",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="TFDS_DATA_DIR",
    show_envvar=True,
    help="Folder of the TensorFlow Datasets.",
)

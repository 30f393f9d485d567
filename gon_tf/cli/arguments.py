"""What several commands take: the argument MODEL, options, types of parameters."""

from __future__ import annotations

import contextlib
import os
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from gon_tf import files
from gon_tf.startup import start_tensorflow

if TYPE_CHECKING:
    import keras

MOST_SEEDS = 100_000


class Place(click.Path):
    """A file or folder. Becomes a Path; `~` is the user's home wherever the shell leaves it."""

    def __init__(self, **options: Any):
        super().__init__(path_type=Path, **options)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse `value`."""
        if not os.fspath(value):  # an unset variable; to Path it is the current folder
            self.fail("It is empty; write . for the current folder.", param, ctx)
        if "\0" in os.fspath(value):
            self.fail("A path cannot hold the character NUL.", param, ctx)
        try:
            files.check_local(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return super().convert(os.path.expanduser(value), param, ctx)


class Size(click.ParamType):
    """A picture's size: `32` (square) or `HEIGHTxWIDTH`. Becomes (height, width)."""

    name = "size"
    highest = 4096
    meaning = f"Pixels: N for a square, or HEIGHTxWIDTH; 1 to {highest} a side."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse `value`."""
        if isinstance(value, tuple):
            return value
        sides = re.fullmatch(r"(\d+)(?:x(\d+))?", value, re.ASCII | re.IGNORECASE)
        if not sides:
            self.fail(
                f"{value!r} is not a size; write 32, or 48x64 for height x width.", param, ctx
            )
        height, width = int(sides[1]), int(sides[2] or sides[1])
        if not (1 <= height <= self.highest and 1 <= width <= self.highest):
            self.fail(f"{value!r} is not between 1 and {self.highest} pixels a side.", param, ctx)
        return height, width


class Seeds(click.ParamType):
    """Seeds such as `0-63` or `3,7,10-12`. Becomes a tuple of different integers in that order."""

    name = "seeds"
    highest = 2**31 - 1

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse `value`."""
        if isinstance(value, tuple):
            return value
        seeds: dict[int, None] = {}  # a set that keeps its order
        for part in value.split(","):
            ends = re.fullmatch(r"(\d+)(?:-(\d+))?", part.strip(), re.ASCII)
            if not ends:
                self.fail(f"{part!r} is not a seed or a range; write 3,7,10-12.", param, ctx)
            first, last = int(ends[1]), int(ends[2] or ends[1])
            if last < first:
                self.fail(f"{part!r} runs backwards; write {last}-{first}.", param, ctx)
            if last > self.highest:
                self.fail(f"{last} is too large; the largest is {self.highest}.", param, ctx)
            if len(seeds) + last - first >= MOST_SEEDS:
                self.fail(f"{value!r} asks for more than {MOST_SEEDS:,} pictures.", param, ctx)
            seeds.update(dict.fromkeys(range(first, last + 1)))
        return tuple(seeds)


def examples(*lines: str) -> str:
    """The end of a command's help: `lines` as they are typed."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


OUT = "A .png, .jpg or .webp file{}, a folder for one PNG per picture, or - for a PNG on stdout."


def output(text: str, *, metavar: str = "OUT", required: bool = True) -> Callable:
    """The option `-o`, described by `text`."""
    return click.option(
        "-o", "--output", "output", metavar=metavar, type=Place(), required=required, help=text
    )


def size(text: str, default: str | None = None) -> Callable:
    """The option `--size`, described by `text`."""
    return click.option(
        "--size", metavar="SIZE", type=Size(), default=default, show_default=True, help=text
    )


images = click.argument("images", nargs=-1, required=True, metavar="IMAGES...", type=Place())
fit = click.option(
    "--fit",
    type=click.Choice(["stretch", "pad", "crop"]),
    default="stretch",
    show_default=True,
    help="How a picture of another shape gets the model's: stretched, padded with black, or "
    "cropped to its centre.",
)
zoom = click.option(
    "--zoom",
    metavar="N",
    type=click.IntRange(1, 64),
    help="Enlarge the picture that shows all N times, each pixel a square; by default so that "
    "its longer side has 600 pixels or more. Pictures in files of their own keep their size.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
overwrite = click.option("--overwrite", is_flag=True, help="Replace outputs that exist already.")
data_dir = click.option(
    "--data-dir",
    metavar="DIR",
    type=Place(file_okay=False),
    envvar="TFDS_DATA_DIR",
    show_envvar=True,
    help="Folder of the TensorFlow Datasets.",
)


def complete(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """What a shell offers for MODEL: folders and the zoo's names."""
    # Bash forgets the words before the one that asks for folders.
    folders = CompletionItem(incomplete, type="dir")
    return [folders, *complete_name(_context, _parameter, incomplete)]


def complete_name(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """What a shell offers where a model of the zoo is meant: the names, none without a zoo."""
    from gon_tf import zoo

    # A shell has no place for a message.
    with contextlib.suppress(OSError, ValueError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        names = [name for name in zoo.list_models() if name.startswith(incomplete)]
        return list(map(CompletionItem, names))
    return []


model = click.argument("model", shell_complete=complete)
model_of_zoo = click.argument("model", shell_complete=complete_name)


def folder(name: str) -> Path:
    """The preset folder of MODEL, found without TensorFlow (see `gon_tf.zoo.locate`)."""
    from gon_tf import zoo

    return zoo.locate(name)


def metadata(preset: Path) -> dict:
    """What a preset folder says of its model's making.

    Raises:
        OSError: if it says nothing.
        ValueError: if its metadata.json is damaged.
    """
    return files.read_json(preset / "metadata.json")


def was_cropped(preset: Path) -> bool:
    """Whether the training images were cut to the model's aspect (`gon-tf train --crop`)."""
    recipe = metadata(preset).get("recipe")
    return bool(isinstance(recipe, dict) and recipe.get("crop"))


def check_implicit(name: str, task: str) -> None:
    """Raise ValueError unless MODEL is implicit, which `task` needs; without TensorFlow."""
    from gon_tf import zoo

    kind = files.read_json(folder(name) / "config.json").get("class")
    if kind != "ImplicitGON":
        able = ", ".join(zoo.list_models(variant="implicit"))
        there_is = f"the zoo has {able}" if able else "the zoo has none, gon_tf.ImplicitGON is one"
        raise ValueError(f"{name} is a {kind} and cannot {task}; implicit models can: {there_is}.")


def load(name: str) -> keras.Model:
    """The model called `name`, with TensorFlow started.

    Raises:
        ValueError: if it is a model of something else than pictures.
    """
    start_tensorflow()
    import gon_tf

    network = gon_tf.load(name)
    if len(network.image_shape) != 3 or network.image_shape[-1] not in (1, 3):
        raise ValueError(
            f"{name} is no model of grey or RGB pictures. Received: a model of signals of the "
            f"shape {'x'.join(map(str, network.image_shape))}"
        )
    return network

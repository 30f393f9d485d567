"""`gon-tf train`: a model from a data set or from the recipe of another model."""

from __future__ import annotations

import codecs
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from gon_tf import files
from gon_tf.cli import arguments, report
from gon_tf.startup import start_tensorflow
from gon_tf.training import build, run, start, variants
from gon_tf.training import folder as folders
from gon_tf.training.recipe import Options, Range, Recipe


def options_of(settings: type[Recipe] | type[Options]) -> Callable:
    """An option for each field that has a help."""

    def add(command):
        for field in reversed(fields(settings)):
            if "help" in field.metadata:
                command = option(field, settings.kinds()[field.name])(command)
        return command

    return add


def option(field: Field, kinds: tuple[type, ...]) -> Callable:
    """The option that sets a field of one of the types `kinds`."""
    flag = field.metadata["flag"] or f"--{field.name.replace('_', '-')}"
    text = field.metadata["help"]
    text += defaults_of_variants(field.name)
    if bool in kinds:
        return click.option(flag, is_flag=True, help=text)
    kind, values, default = kinds[0], field.metadata["values"], field.default
    metavar = field.metadata["metavar"]
    if isinstance(default, (float, tuple)):
        default = report.text(default)
    if field.name == "image_size":
        kind = arguments.Size()
    elif isinstance(values, Range):
        ends: Any = (values.low, values.high, values.low_open, values.high_open)
        ranged, metavar = (click.IntRange, "N") if int in kinds else (click.FloatRange, "X")
        kind = ranged(*ends)
    elif values:
        kind = click.Choice(values)
    if field.name == "start":  # which says what the words before the options are
        return click.option(flag, field.name, metavar=metavar, is_eager=True, help=text)
    shown = {"metavar": metavar or None, "show_default": True, "help": text}
    return click.option(flag, type=kind, default=default, **shown)


def defaults_of_variants(name: str) -> str:
    """What the variants take for the recipe's field `name`, for the help; "" if all do the same."""
    by_default: dict[str, list[str]] = {}
    for variant, kind in variants.VARIANTS.items():
        if (default := kind.defaults.get(name)) is not None:
            by_default.setdefault(report.text(default), []).append(variant)
    return "".join(f"  [{', '.join(names)}: {value}]" for value, names in by_default.items())


class Variant(click.Choice):
    """The first word: with --from, which brings the variant, it is the data set."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """The name of a variant."""
        starts = ctx and isinstance(
            ctx.params.get("start"), str
        )  # not click's word for "not given"
        return value if starts else super().convert(value, param, ctx)


@click.command(
    epilog=arguments.examples(
        "gon-tf train conv mnist:train --evaluate mnist:test --epochs 12 -o my-gon",
        "gon-tf train conv photos/ --image-size 48x64 --latent-dim 128 -o photo-gon",
        "gon-tf train --recipe mnist-conv --seed 1 -o mnist-again",
        "gon-tf train --from mnist-conv digits/ --epochs 5 -o my-digits",
        "gon-tf train --resume -o my-gon",
    )
)
@click.argument("variant", metavar="VARIANT", type=Variant(list(variants.VARIANTS)), required=False)
@click.argument("dataset", metavar="DATASET", required=False)
@arguments.output(
    "Folder for the model, its log and its checkpoint.", metavar="DIR", required=False
)
@click.option(
    "--recipe", metavar="MODEL", shell_complete=arguments.complete, help="Train as MODEL was."
)
@click.option(
    "--config",
    "config_file",
    metavar="FILE",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help='JSON file of settings, e.g. {"epochs": 12}; wins over --recipe. Options given here win '
    "over both.",
)
@click.option(
    "--resume", is_flag=True, help="Go on with the training in DIR, or begin it if there is none."
)
@options_of(Recipe)
@arguments.data_dir
@options_of(Options)
@click.option("--dry-run", is_flag=True, help="Print the recipe and the model's size, and stop.")
@arguments.as_json
@arguments.overwrite
@click.pass_context
def train(ctx, output, resume, data_dir, dry_run, as_json, overwrite, **settings) -> None:
    """Train a GON on images.

    VARIANT is a GON (conv, variational, implicit) or a baseline with an encoder (autoencoder, vae).
    DATASET is a data set with a split (mnist:train, cifar10:train[:90%]) or a
    folder of images. Both may come from another model (--recipe) or a file (--config) instead.

    DIR becomes a MODEL for the other commands. While training it gets log.csv, loss.png, pictures
    of each epoch and checkpoints: after Ctrl-C, a crash or a power cut `--resume -o DIR` goes on
    and ends with the same weights, bit by bit. Progress goes to stderr.
    """
    if resume and overwrite:
        raise click.UsageError("--resume goes on with what --overwrite would replace: give one.")
    with as_usage_error():
        how = Options(**{field.name: settings.pop(field.name) for field in fields(Options)})
    former = folders.former(output) if resume and output else None
    chosen = chosen_recipe(ctx, former, **settings)
    with as_usage_error():
        build.check_packages(chosen, how)
    if not (output or dry_run):
        raise click.UsageError("Missing option '-o' / '--output': the folder for the model.")
    if dry_run:
        start_tensorflow()
        show(build.preview(chosen, how, data_dir), as_json)
        return
    given = [settings["config_file"]] if settings["config_file"] else []
    given += [arguments.folder(settings["recipe"])] if settings["recipe"] else []
    metadata = run.train(
        chosen, output, how, data_dir=data_dir, resume=resume, overwrite=overwrite, inputs=given
    )
    if metadata:
        summarize(output, metadata, as_json)


def chosen_recipe(ctx, former, *, variant, dataset, recipe, config_file, **settings) -> Recipe:
    """The recipe to train by: of a model or a former run, then of a file, then of options.

    Raises:
        click.UsageError: if it does not say what to train on what, or its parts do not fit.
        ValueError: if the model's recipe cannot be followed.
    """
    starts = settings["start"] is not None
    if starts:
        if recipe or dataset:
            raise click.UsageError("--from MODEL brings the variant: give DATASET alone.")
        variant, dataset = None, variant
    if recipe and variant:
        raise click.UsageError("Give VARIANT and DATASET, or --recipe MODEL.")
    values: dict[str, Any] = {}
    if recipe:
        values = vars(recipe_of(recipe))
    elif former and not (config_file or variant):
        values = vars(Recipe.from_json(former["recipe"]))
    if config_file:
        values = {**values, **from_file(config_file)}
    given = {
        name: value
        for name, value in {"variant": variant, "dataset": dataset, **settings}.items()
        if value is not None and ((starts and name == "dataset") or is_given(ctx, name))
    }
    if starts:
        if named := [name for name in (*start.NETWORK, *start.SHAPE) if name in given]:
            option = f"--{named[0].replace('_', '-')}"
            raise click.UsageError(f"--from keeps the network of MODEL: leave out {option}.")
        values["variant"] = start.variant_of(settings["start"])
    values = {**values, **given}
    if not (values.get("variant") and values.get("dataset")):
        raise click.UsageError("Give VARIANT and DATASET, or --recipe MODEL.")
    with as_usage_error():
        return Recipe(**values)


def is_given(ctx: click.Context, name: str) -> bool:
    """Whether a parameter is on the command line."""
    return ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE


@contextlib.contextmanager
def as_usage_error() -> Iterator[None]:
    """Let what is wrong with a recipe or its options be a mistake in the command line."""
    try:
        yield
    except (ValueError, ImportError) as error:
        raise click.UsageError(str(error)) from None


def from_file(path: Path) -> dict[str, Any]:
    """Fields of a recipe from a JSON file.

    Raises:
        click.UsageError: if it does not hold any, or one is out of range.
    """
    with as_usage_error():
        content = files.read_plain(path, most_bytes=2**20).removeprefix(codecs.BOM_UTF8)
        values = files.parse_json(content, path)
        try:
            return Recipe.part_from_json(values)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None


def recipe_of(model: str) -> Recipe:
    """The recipe that MODEL was trained by.

    Raises:
        ValueError: if the model does not say, or if its recipe is not one of this version's.
    """
    metadata = arguments.metadata(arguments.folder(model))
    if "recipe" not in metadata:
        raise ValueError(f"The metadata.json of {model} has no recipe to train by.")
    return Recipe.from_json(metadata["recipe"])


def summarize(folder: Path, metadata: dict[str, Any], as_json: bool) -> None:
    """Print what came out of a training: of its epochs, the one whose weights were kept."""
    epoch = "kept_epoch" if "kept_epoch" in metadata else "last_epoch"
    chosen = ("parameters", "epochs", "duration_seconds", epoch, "metrics")
    known = {key: metadata[key] for key in chosen if key in metadata}
    show({"model": str(folder), **known}, as_json)


def show(results: dict[str, Any], as_json: bool) -> None:
    """Print a nested dictionary as pairs or as JSON."""
    if as_json:
        report.echo_json(results)
    else:
        report.echo_pairs(dict(report.flatten(results)))

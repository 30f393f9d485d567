"""`gon-tf train`: a model from a data set or from the recipe of another model."""

from __future__ import annotations

import dataclasses

import click
from click.core import ParameterSource

from gon_tf.cli import models, options, outputs, report, training, variants
from gon_tf.cli.commands import start_tensorflow
from gon_tf.cli.recipe import Recipe

DEFAULTS = {field.name: field.default for field in dataclasses.fields(Recipe)}


def setting(declaration: str, kind, text: str):
    """The option that sets a field of the recipe; `declaration` is its flag and its metavar."""
    flag, _, metavar = declaration.partition(" ")
    name = flag.removeprefix("--").replace("-", "_")
    default = DEFAULTS[name]
    text += defaults_of_variants(name)
    return click.option(
        flag,
        metavar=metavar or None,
        type=kind,
        default=None if default is None else report.text(default),
        show_default=True,
        help=text,
    )


def defaults_of_variants(name: str) -> str:
    """What the variants take for the recipe's field `name`, for the help; "" if all do the same."""
    by_default: dict[str, list[str]] = {}
    for variant, kind in variants.VARIANTS.items():
        if (default := kind.defaults.get(name)) is not None:
            by_default.setdefault(report.text(default), []).append(variant)
    return "".join(f"  [{', '.join(names)}: {value}]" for value, names in by_default.items())


count = click.IntRange(min=1)
decay = click.FloatRange(0, 1, max_open=True)
positive = click.FloatRange(min=0, min_open=True)


@click.command(
    epilog=options.examples(
        "gon-tf train conv mnist:train --evaluate mnist:test --epochs 12 -o my-gon",
        "gon-tf train conv photos/ --image-size 48x64 --latent-dim 128 -o photo-gon",
        "gon-tf train --recipe mnist-conv --seed 1 -o mnist-again",
    )
)
@click.argument(
    "variant", metavar="VARIANT", type=click.Choice(list(variants.VARIANTS)), required=False
)
@click.argument("dataset", metavar="DATASET", required=False)
@options.output("Folder for the model, its log and its checkpoint.", metavar="DIR", required=False)
@click.option("--recipe", metavar="MODEL", help="Train as MODEL was; options given here win.")
@setting("--validation DATASET", str, "Data set to measure after each epoch, e.g. mnist:test.")
@setting("--evaluate DATASET", str, "Data set to measure at the end, for the model's card.")
@setting("--image-size SIZE", options.Size(), "Pixels: N for a square, or HEIGHTxWIDTH.")
@setting("--channels", click.Choice([1, 3]), "1 for grey, 3 for RGB; by default as the images.")
@setting("--latent-dim N", count, "Number of latents.")
@setting("--filters N", count, "Channels of the last hidden layer.")
@setting("--activation NAME", str, "Smooth activation: elu, selu, silu, softplus, gelu or tanh.")
@setting(
    "--normalization",
    click.Choice(["none", "instance", "group", "batch"]),
    "Normalisation of the hidden layers.",
)
@setting("--width N", count, "Units of each hidden layer of the SIREN.")
@setting("--depth N", count, "Hidden layers of the SIREN.")
@setting("--omega X", positive, "Frequency of the SIREN's sines.")
@setting("--loss", click.Choice(["squared_error", "cross_entropy"]), "Loss of a pixel.")
@setting("--step", click.Choice(["gauss-newton", "gradient"]), "Step from the origin.")
@setting("--step-size X", positive, "Fraction of the step that is taken.")
@setting("--damping X", positive, "Damping of the Gauss-Newton step.")
@setting("--points-per-step N", count, "Pixels, drawn anew, that a step of an implicit model sees.")
@setting("--components N", count, "Gaussians in the distribution that `sample` draws from.")
@setting("--epochs N", count, "Passes over the data.")
@setting("--batch-size N", count, "Images in a step.")
@setting("--optimizer", click.Choice(["adam", "adamw", "nadam", "lion", "sgd"]), "Optimizer.")
@setting("--learning-rate X", positive, "Highest learning rate.")
@setting("--beta-1 X", decay, "Decay of the optimizer's mean of the gradient.")
@setting("--beta-2 X", decay, "Decay of the optimizer's mean of the squared gradient.")
@setting("--schedule", click.Choice(["cosine", "constant"]), "Course of the learning rate.")
@setting("--warmup X", click.FloatRange(0, 1), "Part of the steps in which the rate rises from 0.")
@setting("--clipnorm X", positive, "Largest norm of a weight's gradient.")
@setting("--ema X", click.FloatRange(0, 1, max_open=True), "Momentum of the weights' average.")
@setting(
    "--precision",
    click.Choice(["float32", "mixed_bfloat16", "mixed_float16"]),
    "Type of numbers in the network.",
)
@setting("--seed N", click.IntRange(0, 2**32 - 1), "Seed of the weights and of the shuffling.")
@options.data_dir
@click.option("--dry-run", is_flag=True, help="Print the recipe and the model's size, and stop.")
@options.as_json
@options.overwrite
@click.pass_context
def train(ctx, variant, dataset, output, recipe, data_dir, dry_run, as_json, overwrite, **settings):
    """Train a GON on images.

    VARIANT is a GON (conv, variational, implicit) or a baseline with an encoder (autoencoder, vae).
    DATASET is a data set with a split (mnist:train, cifar10:train[:90%]) or a
    folder of images. With --recipe both come from another model. DIR becomes a MODEL for the other
    commands; it also holds a log and the last epoch's weights. Progress goes to stderr.
    """
    if bool(recipe) == bool(variant) or bool(variant) != bool(dataset):
        raise click.UsageError("Give VARIANT and DATASET, or --recipe MODEL.")
    if not (output or dry_run):
        raise click.UsageError("Missing option '-o' / '--output': the folder for the model.")
    given = {
        name: value
        for name, value in settings.items()
        if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE
    }
    base = recipe_of(recipe) if recipe else Recipe(variant, dataset)
    chosen = dataclasses.replace(base, **given)
    if output:
        outputs.check_new_folder(output, overwrite=overwrite)

    start_tensorflow()
    job = training.prepare(chosen, data_dir)
    parameters = training.count_parameters(job.model)
    if dry_run:
        show({"recipe": job.recipe.to_json(), "parameters": parameters}, as_json)
        return
    metadata = training.run(job, output)
    results = {key: metadata[key] for key in ("duration_seconds", "metrics")}
    show({"model": str(output), "parameters": parameters, **results}, as_json)


def recipe_of(model: str) -> Recipe:
    """The recipe that MODEL was trained by.

    Raises:
        ValueError: if the model does not say, or if its recipe is not one of this version's.
    """
    metadata = models.metadata(models.folder(model))
    if "recipe" not in metadata:
        raise ValueError(f"The metadata.json of {model} has no recipe to train by.")
    return Recipe.from_json(metadata["recipe"])


def show(results: dict, as_json: bool) -> None:
    """Print a nested dictionary as pairs or as JSON."""
    if as_json:
        report.echo_json(results)
    else:
        report.echo_pairs(dict(report.flatten(results)))

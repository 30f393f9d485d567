"""`gon-tf train`: a model from a data set or from the recipe of another model."""

from __future__ import annotations

import dataclasses
import importlib.util
from pathlib import Path

import click
from click.core import ParameterSource

from gon_tf.cli import arguments as models
from gon_tf.cli import arguments as options
from gon_tf.cli import config, outputs, report
from gon_tf.startup import start_tensorflow
from gon_tf.training import build as jobs
from gon_tf.training import distribute, schedules, variants
from gon_tf.training import folder as runs
from gon_tf.training import run as training
from gon_tf.training.recipe import Recipe

DEFAULTS = {field.name: field.default for field in dataclasses.fields(Recipe)}


def setting(declaration: str, kind, text: str):
    """The option that sets a field of the recipe; `declaration` is its flag and its metavar."""
    flag, _, metavar = declaration.partition(" ")
    name = flag.removeprefix("--").replace("-", "_")
    default = DEFAULTS[name]
    text += defaults_of_variants(name)
    if kind is bool:
        return click.option(flag, is_flag=True, help=text)
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
positive = options.Positive()


@click.command(
    epilog=options.examples(
        "gon-tf train conv mnist:train --evaluate mnist:test --epochs 12 -o my-gon",
        "gon-tf train conv photos/ --image-size 48x64 --latent-dim 128 -o photo-gon",
        "gon-tf train --recipe mnist-conv --seed 1 -o mnist-again",
        "gon-tf train --resume -o my-gon",
    )
)
@click.argument(
    "variant", metavar="VARIANT", type=click.Choice(list(variants.VARIANTS)), required=False
)
@click.argument("dataset", metavar="DATASET", required=False)
@options.output("Folder for the model, its log and its checkpoint.", metavar="DIR", required=False)
@click.option(
    "--recipe", metavar="MODEL", shell_complete=models.complete, help="Train as MODEL was."
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
@setting("--validation DATASET", str, "Data set to measure after each epoch, e.g. mnist:test.")
@setting(
    "--validation-split X",
    click.FloatRange(0, 0.5),
    "Part of the images to measure after each epoch instead of training on them.",
)
@setting("--evaluate DATASET", str, "Data set to measure at the end, for the model's card.")
@setting("--image-size SIZE", options.Size(), options.Size.meaning)
@setting("--crop", bool, "Cut images of another shape to SIZE's aspect instead of stretching them.")
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
@setting("--inner-steps N", count, "Steps from the origin: 2 cost about 1.5 times the time of 1.")
@setting("--step-size X", positive, "Fraction of the step that is taken.")
@setting("--damping X", positive, "Damping of the Gauss-Newton step.")
@setting("--points-per-step N", count, "Pixels, drawn anew, that a step of an implicit model sees.")
@setting("--components N", count, "Gaussians in the distribution that `sample` draws from.")
@setting("--epochs N", count, "Passes over the data.")
@setting("--batch-size N", count, "Images in a step.")
@setting("--optimizer", click.Choice(schedules.OPTIMIZERS), "Optimizer.")
@setting("--learning-rate X", positive, "Highest learning rate.")
@setting("--beta-1 X", decay, "Decay of the optimizer's mean of the gradient.")
@setting("--beta-2 X", decay, "Decay of the optimizer's mean of the squared gradient.")
@setting("--schedule", click.Choice(schedules.SCHEDULES), "Course of the learning rate.")
@setting("--warmup X", click.FloatRange(0, 1), "Part of the steps in which the rate rises from 0.")
@setting("--patience N", count, "Epochs without a better validation loss after which to stop.")
@setting("--clipnorm X", positive, "Largest norm of a weight's gradient.")
@setting("--ema X", click.FloatRange(0, 1, max_open=True), "Momentum of the weights' average.")
@setting(
    "--precision",
    click.Choice(["float32", "mixed_bfloat16", "mixed_float16"]),
    "Type of numbers in the network.",
)
@setting("--seed N", click.IntRange(0, 2**32 - 1), "Seed of the weights and of the shuffling.")
@options.data_dir
@click.option(
    "--strategy",
    type=click.Choice(distribute.STRATEGIES),
    default="single",
    show_default=True,
    help="One device, all GPUs of this machine, or the machines in TF_CONFIG.",
)
@click.option(
    "--steps-per-execution",
    metavar="N",
    type=count,
    default=1,
    show_default=True,
    help="Steps that run without a look at them: faster for small models.",
)
@click.option(
    "--checkpoint-every",
    metavar="N",
    type=count,
    default=1000,
    show_default=True,
    help="Steps from one checkpoint to the next, within an epoch.",
)
@click.option(
    "--pictures-every",
    metavar="N",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="Epochs from one grid of reconstructions and samples to the next; 0 for none.",
)
@click.option("--tensorboard", is_flag=True, help="Write for TensorBoard, to DIR/tensorboard.")
@click.option("--dry-run", is_flag=True, help="Print the recipe and the model's size, and stop.")
@options.as_json
@options.overwrite
@click.pass_context
def train(ctx, output, resume, data_dir, dry_run, as_json, overwrite, **settings):
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
    carried_out = jobs.Options(
        **{field.name: settings.pop(field.name) for field in dataclasses.fields(jobs.Options)}
    )
    check_options(carried_out)
    worker = distribute.worker(carried_out.strategy)
    former = runs.read_record(output) if resume and output else None
    chosen = chosen_recipe(ctx, former, **settings)
    if not (output or dry_run):
        raise click.UsageError("Missing option '-o' / '--output': the folder for the model.")
    if former:
        runs.check_same(former, variants.complete(chosen), carried_out)
        if former["finished"]:
            click.echo(f"The training in {output} is done already.", err=True)
            summarize(output, models.metadata(output), as_json)
            return
    elif output and worker.is_chief:
        outputs.check_new_folder(output, overwrite=overwrite or resume)

    start_tensorflow()
    if dry_run:
        show(jobs.preview(chosen, carried_out, data_dir), as_json)
        return
    job = jobs.prepare(chosen, carried_out, data_dir)
    metadata = training.run(job, output, former)
    if worker.is_chief:
        summarize(output, {**metadata, "parameters": job.parameters}, as_json)


def chosen_recipe(ctx, former, *, variant, dataset, recipe, config_file, **settings) -> Recipe:
    """The recipe to train by: of a model or a former run, then of a file, then of options.

    Raises:
        click.UsageError: if it does not say what to train on what, or its parts do not fit.
        ValueError: if the model's recipe cannot be followed.
    """
    if recipe and variant:
        raise click.UsageError("Give VARIANT and DATASET, or --recipe MODEL.")
    values = {}
    if recipe:
        values = vars(recipe_of(recipe))
    elif former and not (config_file or variant):
        values = vars(Recipe.from_json(former["recipe"]))
    if config_file:
        values = {**values, **config.read(ctx, config_file)}
    given = {
        name: value
        for name, value in {"variant": variant, "dataset": dataset, **settings}.items()
        if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE and value is not None
    }
    values = {**values, **given}
    if not (values.get("variant") and values.get("dataset")):
        raise click.UsageError("Give VARIANT and DATASET, or --recipe MODEL.")
    chosen = Recipe(**values)
    if chosen.validation and chosen.validation_split:
        raise click.UsageError("Give --validation or --validation-split, not both.")
    if chosen.patience and not (chosen.validation or chosen.validation_split):
        raise click.UsageError("--patience needs --validation or --validation-split.")
    return chosen


def check_options(chosen: jobs.Options) -> None:
    """Raise click.UsageError if options do not go together or need what is not installed."""
    if chosen.strategy != "single" and chosen.steps_per_execution > 1:
        raise click.UsageError(
            f"--steps-per-execution works on a single device only; with --strategy "
            f"{chosen.strategy} leave it at 1."
        )
    if chosen.tensorboard and not importlib.util.find_spec("tensorboard"):
        raise click.UsageError(
            '--tensorboard needs the package tensorboard: pip install "gon-tf[tensorboard]".'
        )


def recipe_of(model: str) -> Recipe:
    """The recipe that MODEL was trained by.

    Raises:
        ValueError: if the model does not say, or if its recipe is not one of this version's.
    """
    metadata = models.metadata(models.folder(model))
    if "recipe" not in metadata:
        raise ValueError(f"The metadata.json of {model} has no recipe to train by.")
    return Recipe.from_json(metadata["recipe"])


def summarize(folder: Path, metadata: dict, as_json: bool) -> None:
    """Print what came out of a training."""
    chosen = ("parameters", "epochs", "duration_seconds", "last_epoch", "metrics")
    known = {key: metadata[key] for key in chosen if key in metadata}
    show({"model": str(folder), **known}, as_json)


def show(results: dict, as_json: bool) -> None:
    """Print a nested dictionary as pairs or as JSON."""
    if as_json:
        report.echo_json(results)
    else:
        report.echo_pairs(dict(report.flatten(results)))

"""`gon-tf evaluate`: how well a model reconstructs a data set, and how real its samples look."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from gon_tf import anomaly
from gon_tf.cli import arguments, inputs, report
from gon_tf.training.evaluation import measure


@click.command(
    epilog=arguments.examples(
        "gon-tf evaluate mnist-conv mnist:test",
        "gon-tf evaluate ./my-gon photos/ --json",
        "gon-tf evaluate mnist-conv mnist:test --samples 5000",
        "gon-tf evaluate mnist-conv scans/ --per-image",
    )
)
@arguments.model
@click.argument("dataset")
@click.option(
    "--per-image",
    is_flag=True,
    help="Rank the images by how unusual they are for the model, the most unusual first.",
)
@click.option(
    "--samples",
    metavar="N",
    type=click.IntRange(min=2),
    help="Draw N samples, too, and measure how real they look.",
)
@click.option(
    "--repeats",
    metavar="N",
    type=click.IntRange(1, 100),
    default=3,
    show_default=True,
    help="With --samples: how many times to draw them, each time with other seeds.",
)
@click.option(
    "--trained-on",
    metavar="DATASET",
    help="With --samples: the images that MODEL was trained on; those of its recipe by default.",
)
@click.option(
    "--batch-size",
    metavar="N",
    type=click.IntRange(min=1),
    default=256,
    show_default=True,
    help="Images at a time.",
)
@arguments.data_dir
@arguments.as_json
@click.pass_context
def evaluate(
    ctx, model, dataset, per_image, samples, repeats, trained_on, batch_size, data_dir, as_json
) -> None:
    """Measure how well MODEL reconstructs DATASET.

    DATASET is a data set with a split (mnist:test, cifar10:train[90%:]) or a folder of images.
    Prints the loss, the squared error summed over an image (SSE), the PSNR in dB and the
    structural similarity (SSIM), each the mean over images.

    With --samples it prints, too, the Frechet distance of samples to DATASET, which should be
    images that the model was not trained on: the mean of the repeats and their deviation, and
    that of as many training images, which is the floor, and that of reconstructions, which is what
    the decoder can draw. Distances compare models of one data set. "copies" is the share of samples
    that are nearer to a training image than 99% of the images in DATASET are: new images get 1%.
    "nearest_training_image" is the median squared error to the nearest of them.

    With --per-image it prints SSE, PSNR and anomaly score of every image. The score is the share
    of the model's training images that it reconstructs better: from 0 (none) to 1 (all); at 0.99,
    one training image in a hundred is reconstructed worse. Where scores are equal, the larger SSE
    comes first. The images of a data set are named by their number, from 0.

    Images of another aspect are stretched, or cut if the model was trained by `train --crop`.
    """
    preset = arguments.folder(model)
    if per_image and samples:
        raise click.UsageError("Give --per-image or --samples, not both.")
    for option in ("repeats", "trained_on"):
        if not samples and ctx.get_parameter_source(option) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{option.replace('_', '-')} goes with --samples N.")
    if samples:
        trained_on = trained_on or training_images(model, preset)
    crop = arguments.was_cropped(preset)
    quantiles = anomaly.quantiles_of(model, arguments.metadata(preset)) if per_image else None
    network = arguments.load(model)
    if quantiles:
        batches = named_batches(dataset, network.image_shape, batch_size, data_dir, crop)
        images = anomaly.rank(network, batches, quantiles)
        show_ranking(images, {"model": model, "dataset": dataset}, as_json)
        return
    from gon_tf import data

    network.compile()
    options = {"data_dir": data_dir, "crop": crop}
    images = data.open_images(dataset, network.image_shape, **options)
    metrics = {}
    if samples:
        from gon_tf import sampling

        train = open_training_images(trained_on, model, network.image_shape, **options)
        metrics = sampling.measure(
            network, train.pixels, images.pixels, samples, repeats, show=report.progress
        )
    batch_size = min(batch_size, network.images_at_once)
    metrics = {**measure(network, images.batches(batch_size)), **metrics}
    if as_json:
        report.echo_json({"model": model, "dataset": dataset, **metrics})
    else:
        report.echo_pairs(
            {name: value for name, value in metrics.items() if name != "frechet_of_each"}
        )


def training_images(model: str, preset: Path) -> str:
    """The name of the data set that a model was trained on, from its recipe.

    Raises:
        ValueError: if it has no recipe.
    """
    recipe = arguments.metadata(preset).get("recipe")
    name = recipe.get("dataset") if isinstance(recipe, dict) else None
    if not isinstance(name, str):
        raise ValueError(
            f"{model} does not say what it was trained on, which copies and floor are found by; "
            "name the images by --trained-on DATASET."
        )
    return name


def open_training_images(name: str, model: str, image_shape: tuple, **options: Any) -> Any:
    """The images that a model was trained on; where they are not, an error says what for."""
    from gon_tf import data

    try:
        return data.open_images(name, image_shape, **options)
    except (ValueError, OSError) as error:
        raise ValueError(
            f"Copies and floor are measured on what {model} was trained on (--trained-on DATASET): "
            f"{error}"
        ) from error


def named_batches(dataset, image_shape, batch_size, data_dir, crop) -> Iterator[tuple]:
    """Names of images and the images, uint8 at the model's size, a batch at a time."""
    found = inputs.find_source([dataset], data_dir)
    if not isinstance(found, str):
        inputs.check(found)
    source = inputs.open_source(found, data_dir, fit="crop" if crop else "stretch")
    batches = source.batches(source.share(1, 1), image_shape, batch_size)
    steps = math.ceil(source.count / batch_size)
    for numbers, names, images in report.progress(batches, steps, "Ranking"):
        yield [str(name or number) for name, number in zip(names, numbers, strict=True)], images


def show_ranking(images: list[dict], job: dict, as_json: bool) -> None:
    """Print what `rank` found as a table, or as JSON with what was asked for."""
    if as_json:
        report.echo_json({**job, "images": images})
    else:
        header = ("image", "SSE", "PSNR", "score")
        report.echo_table(header, [tuple(image.values()) for image in images])

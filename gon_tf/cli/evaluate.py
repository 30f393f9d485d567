"""`gon-tf evaluate`: how well a model reconstructs a data set."""

from __future__ import annotations

import math
from collections.abc import Iterator

import click

from gon_tf import anomaly
from gon_tf.cli import arguments, inputs, report
from gon_tf.training.evaluation import measure


@click.command(
    epilog=arguments.examples(
        "gon-tf evaluate mnist-conv mnist:test",
        "gon-tf evaluate ./my-gon photos/ --json",
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
    "--batch-size",
    metavar="N",
    type=click.IntRange(min=1),
    default=256,
    show_default=True,
    help="Images at a time.",
)
@arguments.data_dir
@arguments.as_json
def evaluate(model, dataset, per_image, batch_size, data_dir, as_json) -> None:
    """Measure how well MODEL reconstructs DATASET.

    DATASET is a data set with a split (mnist:test, cifar10:train[90%:]) or a folder of images.
    Prints the loss, the squared error summed over an image (SSE) and the PSNR in dB, each the
    mean over images.

    With --per-image it prints SSE, PSNR and anomaly score of every image. The score is the share
    of the model's training images that it reconstructs better: from 0 (none) to 1 (all); at 0.99,
    one training image in a hundred is reconstructed worse. Where scores are equal, the larger SSE
    comes first. The images of a data set are named by their number, from 0.

    Images of another aspect are stretched, or cut if the model was trained by `train --crop`.
    """
    preset = arguments.folder(model)
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
    images = data.load(dataset, network.image_shape, batch_size, data_dir=data_dir, crop=crop)
    metrics = measure(network, images)
    if as_json:
        report.echo_json({"model": model, "dataset": dataset, **metrics})
    else:
        report.echo_pairs(metrics)


def named_batches(dataset, image_shape, batch_size, data_dir, crop) -> Iterator[tuple]:
    """Names of images and the images, uint8 at the model's size, a batch at a time."""
    found = inputs.find_source([dataset], data_dir)
    if not isinstance(found, str):
        inputs.check(found)
    source = inputs.open_source(found, data_dir, fit="crop" if crop else "stretch")
    batches = source.batches(range(source.count), image_shape, batch_size)
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

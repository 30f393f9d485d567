"""`gon-tf evaluate`: how well a model reconstructs a data set."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from gon_tf import anomaly
from gon_tf.cli import fitting, models, options, pictures, report
from gon_tf.training.evaluation import measure


@click.command(
    epilog=options.examples(
        "gon-tf evaluate mnist-conv mnist:test",
        "gon-tf evaluate ./my-gon photos/ --json",
        "gon-tf evaluate mnist-conv scans/ --per-image",
    )
)
@models.argument
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
@options.data_dir
@options.as_json
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
    preset = models.folder(model)
    crop = models.was_cropped(preset)
    quantiles = anomaly.quantiles_of(model, models.metadata(preset)) if per_image else None
    network = models.load(model)
    if quantiles:
        batches = named_batches(dataset, network, batch_size, data_dir, crop)
        images = rank(network, batches, quantiles)
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


def named_batches(dataset, network, batch_size, data_dir, crop) -> Iterator[tuple]:
    """Names of images and the images, uint8 at the model's size, a batch at a time."""
    from gon_tf import data

    folder = data.open_source(dataset, data_dir).description.get("folder")
    if folder is None:
        batches = data.load(dataset, network.image_shape, batch_size, data_dir=data_dir, crop=crop)
        number = 0
        for batch in report.progress(batches, len(batches), "Ranking"):
            yield [str(number + i) for i in range(len(batch))], batch.numpy()
            number += len(batch)
        return
    files = pictures.find([Path(dataset).expanduser()])
    for file in files:
        pictures.check(file)
    starts = range(0, len(files), batch_size)
    for start in report.progress(starts, len(starts), "Ranking"):
        part = files[start : start + batch_size]
        yield (
            [str(file) for file in part],
            fitting.read_all(part, network.image_shape, "crop" if crop else "stretch"),
        )


def rank(network, batches, quantiles) -> list[dict]:
    """Name, errors and anomaly score of each image, the most unusual first."""
    images = []
    for names, batch in batches:
        errors = anomaly.measure(batch, network.reconstruct(batch))
        errors["score"] = anomaly.scores(errors["sse"], *quantiles)
        for i, name in enumerate(names):
            images.append({"image": name, **{key: float(errors[key][i]) for key in errors}})
    return sorted(images, key=lambda image: (-image["score"], -image["sse"]))


def show_ranking(images: list[dict], job: dict, as_json: bool) -> None:
    """Print what `rank` found as a table, or as JSON with what was asked for."""
    if as_json:
        report.echo_json({**job, "images": images})
    else:
        header = ("image", "SSE", "PSNR", "score")
        report.echo_table(header, [tuple(image.values()) for image in images])

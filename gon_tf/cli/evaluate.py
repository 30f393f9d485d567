"""`gon-tf evaluate`: how well a model reconstructs a data set."""

from __future__ import annotations

import click

from gon_tf.cli import models, options, report


@click.command(
    epilog=options.examples(
        "gon-tf evaluate mnist-conv mnist:test", "gon-tf evaluate ./my-gon photos/ --json"
    )
)
@models.argument
@click.argument("dataset")
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
def evaluate(model, dataset, batch_size, data_dir, as_json) -> None:
    """Measure how well MODEL reconstructs DATASET.

    DATASET is a data set with a split (mnist:test, cifar10:train[90%:]) or a folder of images.
    Prints the loss, the squared error summed over an image (SSE) and the PSNR in dB, each the
    mean over images.
    """
    models.folder(model)
    network = models.load(model)
    from gon_tf import data

    network.compile()
    images = data.load(dataset, network.image_shape, batch_size, data_dir=data_dir)
    metrics = measure(network, images)
    if as_json:
        report.echo_json({"model": model, "dataset": dataset, **metrics})
    else:
        report.echo_pairs(metrics)


def measure(network, images) -> dict:
    """Loss, SSE and PSNR of `network` on batches of images, and the number of images."""
    metrics = network.evaluate(images, return_dict=True, verbose=0)
    return {**metrics, "count": sum(len(batch) for batch in images)}

"""`gon-tf zoo`: the pretrained models."""

from __future__ import annotations

import dataclasses

import click

from gon_tf.cli import models, options, report


@click.group(epilog=options.examples("gon-tf zoo list", "gon-tf zoo show mnist-conv"))
def zoo() -> None:
    """List and describe the pretrained models."""


@zoo.command(
    "list",
    epilog=options.examples("gon-tf zoo list", "gon-tf zoo list --variant conv --json"),
)
@click.option("--dataset", metavar="NAME", help="Only models of this data set, e.g. mnist.")
@click.option("--variant", metavar="NAME", help="Only models of this variant, e.g. conv.")
@options.as_json
def list_(dataset, variant, as_json) -> None:
    """List the pretrained models."""
    from gon_tf import zoo

    entries = [zoo.find(name) for name in zoo.list_models(dataset=dataset, variant=variant)]
    if as_json:
        report.echo_json({"models": [dataclasses.asdict(entry) for entry in entries]})
        return
    rows = [
        (
            entry.name,
            entry.dataset,
            entry.variant,
            report.text(entry.image_shape),
            entry.latent_dim,
            entry.parameters,
            entry.metrics.get("sse"),
            entry.metrics.get("psnr"),
        )
        for entry in entries
    ]
    header = ("name", "dataset", "variant", "image", "latents", "parameters", "SSE", "PSNR")
    report.echo_table(header, rows)


@zoo.command(
    epilog=options.examples("gon-tf zoo show mnist-conv", "gon-tf zoo show mnist-conv --json")
)
@click.argument("name")
@options.as_json
def show(name, as_json) -> None:
    """Describe the pretrained model NAME.

    Prints what it was trained on, how, and how good it is.
    """
    from gon_tf import zoo

    entry = zoo.find(name)
    folder = zoo.folder(name)
    card = {**dataclasses.asdict(entry), **models.metadata(folder), "folder": str(folder)}
    if as_json:
        report.echo_json(card)
        return
    card["files"] = list(entry.files)
    report.echo_pairs(dict(report.flatten(card)))

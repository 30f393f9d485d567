"""`gon-tf zoo`: the pretrained models, and zoos of one's own."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click

from gon_tf import files
from gon_tf.cli import arguments, outputs, report
from gon_tf.cli.publish import publish
from gon_tf.cli.verification import verify


@click.group(
    epilog=arguments.examples(
        "gon-tf zoo list",
        "gon-tf zoo show mnist-conv",
        "gon-tf zoo download https://example.org/zoo/photos-conv -o photos-conv",
        "GON_TF_ZOO=https://example.org/zoo gon-tf zoo list",
    )
)
def zoo() -> None:
    """List, check, download and publish pretrained models.

    The zoo is the one that comes with gon-tf, or the folder or URL in GON_TF_ZOO. Downloads are
    kept in GON_TF_CACHE, or where the system keeps such things.
    """


@zoo.command(
    "list",
    epilog=arguments.examples("gon-tf zoo list", "gon-tf zoo list --variant conv --json"),
)
@click.option("--dataset", metavar="NAME", help="Only models of this data set, e.g. mnist.")
@click.option("--variant", metavar="NAME", help="Only models of this variant, e.g. conv.")
@arguments.as_json
def list_(dataset: str | None, variant: str | None, as_json: bool) -> None:
    """List the pretrained models."""
    from gon_tf import zoo

    names = set(zoo.list_models(dataset, variant))
    entries = [entry for entry in zoo.entries() if entry.name in names]
    if as_json:
        report.echo_json({"models": [dataclasses.asdict(entry) for entry in entries]})
        return
    header = ("name", "dataset", "variant", "image", "latents", "parameters", "SSE", "PSNR")
    metrics = ("sse", "psnr", "negative_elbo")
    rows = [
        (
            *(entry.name, entry.dataset, entry.variant, report.text(entry.image_shape)),
            *(entry.latent_dim, entry.parameters, *map(entry.metrics.get, metrics)),
        )
        for entry in entries
    ]
    report.echo_table((*header, "-ELBO"), rows)


@zoo.command(
    epilog=arguments.examples("gon-tf zoo show mnist-conv", "gon-tf zoo show mnist-conv --json")
)
@arguments.model
@arguments.as_json
def show(model: str, as_json: bool) -> None:
    """Describe MODEL: what it was trained on, how, and how good it is."""
    from gon_tf import zoo

    folder, contents = zoo.read(model, (zoo.CONFIG, zoo.METADATA))
    own = "://" not in model and folder == files.path_of(model)  # of the user, in no registry
    entry = {"name": folder.name} if own else dataclasses.asdict(zoo.entry_of(folder, contents))
    metadata = files.parse_json(contents[zoo.METADATA], folder / zoo.METADATA)
    config = files.parse_json(contents[zoo.CONFIG], folder / zoo.CONFIG)
    labels = config.get("arguments", {}).get("labels")
    card = {**entry, **metadata, **({"labels": labels} if labels else {}), "folder": str(folder)}
    if as_json:
        report.echo_json(card)
        return
    card["files"] = sorted(path.name for path in folder.iterdir()) if own else list(entry["files"])
    pairs = report.flatten(card)
    report.echo_pairs({report.printable(name): value for name, value in pairs})


@zoo.command(
    epilog=arguments.examples(
        "gon-tf zoo download https://example.org/zoo/photos-conv",
        "gon-tf zoo download mnist-conv -o mnist-conv",
    )
)
@arguments.model_of_zoo
@arguments.output("Copy the model to this folder.", metavar="DIR", required=False)
@arguments.as_json
@arguments.overwrite
def download(model: str, output: Path | None, as_json: bool, overwrite: bool) -> None:
    """Download MODEL, a name or a URL, and print its folder.

    Every file is checked against the zoo's registry. What was downloaded before is not downloaded
    again.
    """
    from gon_tf import zoo

    if output:
        outputs.check_new_folder(output, overwrite=overwrite)
    registered = zoo.find(model).files
    folder, contents = zoo.fetch(model)
    if output:
        files.check_apart(output, [folder])
        output.parent.mkdir(parents=True, exist_ok=True)
        zoo.write(output, contents)
        folder = output
    result = {"model": model, "folder": str(folder), "files": registered}
    report.echo_json(result) if as_json else click.echo(folder)


zoo.add_command(publish)
zoo.add_command(verify)

"""`gon-tf zoo`: the pretrained models, and zoos of one's own."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import click

from gon_tf.cli import arguments, outputs, report
from gon_tf.cli.verification import verify
from gon_tf.startup import start_tensorflow


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
def list_(dataset, variant, as_json) -> None:
    """List the pretrained models."""
    from gon_tf import zoo

    entries = [
        entry
        for entry in zoo.entries()
        if dataset in (None, entry.dataset) and variant in (None, entry.variant)
    ]
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
            entry.metrics.get("negative_elbo"),
        )
        for entry in entries
    ]
    header = ("name", "dataset", "variant", "image", "latents", "parameters", "SSE", "PSNR")
    report.echo_table((*header, "-ELBO"), rows)


@zoo.command(
    epilog=arguments.examples("gon-tf zoo show mnist-conv", "gon-tf zoo show mnist-conv --json")
)
@arguments.model
@arguments.as_json
def show(model, as_json) -> None:
    """Describe MODEL: what it was trained on, how, and how good it is."""
    from gon_tf import zoo

    folder = zoo.locate(model)
    own = folder == Path(model)  # of the user, in no registry
    entry = {"name": folder.name} if own else dataclasses.asdict(zoo.find(model))
    card = {**entry, **arguments.metadata(folder), "folder": str(folder)}
    if as_json:
        report.echo_json(card)
        return
    card["files"] = sorted(path.name for path in folder.iterdir()) if own else list(entry["files"])
    report.echo_pairs(dict(report.flatten(card)))


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
def download(model, output, as_json, overwrite) -> None:
    """Download MODEL, a name or a URL, and print its folder.

    Every file is checked against the zoo's registry. What was downloaded before is not downloaded
    again, and a download that broke off goes on where it did.
    """
    from gon_tf import zoo

    if output:
        outputs.check_new_folder(output, overwrite=overwrite)
    entry, folder = zoo.find(model), zoo.folder(model)
    if output:
        output.parent.mkdir(parents=True, exist_ok=True)
        with zoo.new_preset(output) as temporary:
            for name in entry.files:
                shutil.copyfile(folder / name, temporary / name)
        folder = output
    result = {"model": model, "folder": str(folder), "files": entry.files}
    report.echo_json(result) if as_json else click.echo(folder)


@zoo.command(
    epilog=arguments.examples(
        "gon-tf zoo publish my-gon /srv/zoo --name photos-conv --licence MIT",
        "GON_TF_ZOO=/srv/zoo gon-tf zoo list",
    )
)
@click.argument("preset", metavar="PRESET", type=click.Path(path_type=Path))
@click.argument("folder", metavar="ZOO", type=click.Path(path_type=Path))
@click.option("--name", metavar="NAME", help="<dataset>-<variant>; by default PRESET's own name.")
@click.option("--licence", metavar="TEXT", help="Licence of the weights, if PRESET names none.")
@arguments.as_json
@arguments.overwrite
def publish(preset, folder, name, licence, as_json, overwrite) -> None:
    """Add the model in the folder PRESET to the zoo in the folder ZOO.

    ZOO is made if it is not there. It becomes a mirror by any web server that serves its files. The
    model is loaded and checked first, and must say what it is, what it was trained on and how good
    it is.
    """
    if not preset.is_dir():
        raise FileNotFoundError(f"There is no folder {preset}.")
    outputs.check_folder(folder)
    start_tensorflow()
    from gon_tf.zoo.publish import publish as add

    entry = add(preset, folder, name, licence, overwrite=overwrite)
    result = {"model": entry.name, "folder": str(folder / entry.name)}
    report.echo_json({**result, "files": entry.files}) if as_json else report.echo_pairs(result)


zoo.add_command(verify)

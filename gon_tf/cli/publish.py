"""`gon-tf zoo publish`: a model of one's own for others, in a zoo or on the Hugging Face hub."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from gon_tf import files
from gon_tf.cli import arguments, outputs, report
from gon_tf.startup import start_tensorflow

# What only a person knows, and what says it; and what is measured.
ASKED = {"licence": "Licence of the weights", "description": "What the model is, in one sentence"}
ASKED["dataset"] = "What it was trained on"


@click.command(
    epilog=arguments.examples(
        "gon-tf zoo publish my-gon /srv/zoo --name photos-conv --licence MIT",
        "gon-tf zoo publish my-gon hf://me/photos --licence MIT --evaluate held-out/",
        "gon-tf zoo publish my-gon hf://me/photos --dry-run",
    )
)
@click.argument("preset", metavar="PRESET", type=arguments.Place())
@click.argument("place", metavar="ZOO")
@click.option("--name", metavar="NAME", help="<dataset>-<variant>; by default PRESET's own name.")
@click.option(
    "--licence", "--license", metavar="TEXT", help="Licence of the weights, e.g. MIT, CC-BY-4.0."
)
@click.option("--description", metavar="TEXT", help="What the model is, in one sentence.")
@click.option("--dataset", metavar="TEXT", help="What it was trained on.")
@click.option(
    "--evaluate", metavar="DATASET", help="Measure the model on this data set of held-out images."
)
@arguments.data_dir
@click.option("--dry-run", is_flag=True, help="Check all, and print what would be published.")
@arguments.as_json
@arguments.overwrite
def publish(preset, place, name, evaluate, data_dir, dry_run, as_json, overwrite, **said) -> None:
    """Add the model in the folder PRESET to ZOO, a folder or hf://USER/MODEL.

    A folder is made if it is not there, and becomes a mirror by any web server that serves its
    files. A repository of the Hugging Face hub is created by the account that is logged in (`hf
    auth login`).

    The model is loaded and checked first. What people must know of it comes from its training; what
    cannot be known from there is asked for on a terminal, unless an option says it.
    """
    if not preset.is_dir():
        raise FileNotFoundError(f"There is no folder {preset}.")
    check_place(place)
    given = {key: value for key, value in said.items() if value}
    recorded = arguments.metadata(preset) if (preset / "metadata.json").exists() else {}
    given |= ask(preset, {**recorded, **given}, measured=bool(evaluate))
    if "dataset" in given:
        given["dataset"] = {"name": given["dataset"]}
    start_tensorflow()
    if evaluate:
        given["metrics"] = measure(preset, evaluate, data_dir)
    from gon_tf.presets import publish as publishing

    if dry_run:
        show(publishing, preset, place, name, given, as_json)
        return
    entry = publishing.publish(preset, place, name, metadata=given, overwrite=overwrite)
    where = place if "://" in place else str(files.path_of(place) / entry.name)
    result = {"model": entry.name, "folder": where}
    report.echo_json({**result, "files": entry.files}) if as_json else report.echo_pairs(result)


def check_place(place: str) -> None:
    """Raise unless something can be published at a place, as far as can be told at once."""
    from gon_tf.zoo import hub

    if place.startswith(hub.SCHEME):
        hub.parse(place)
        hub.client()
    elif "://" in place:
        raise ValueError(
            "A zoo to publish to is a folder, which a web server may serve, or hf://USER/MODEL. "
            f"Received: {place!r}"
        )
    else:
        outputs.check_folder(files.path_of(place))


def ask(preset: Path, known: dict[str, Any], *, measured: bool) -> dict[str, str]:
    """What people must know and nobody has said, asked for on a terminal.

    Raises:
        ValueError: if there is nobody to ask, or it can only be measured.
    """
    lacking = [key for key in (*ASKED, "metrics") if not known.get(key)]
    if measured and "metrics" in lacking:
        lacking.remove("metrics")
    unknown = [key for key in lacking if key not in ASKED or not is_asked()]
    if unknown:
        options = [f"--{'evaluate' if key == 'metrics' else key}" for key in unknown]
        raise ValueError(
            f"{preset / 'metadata.json'} does not say what people must know: "
            f"{', '.join(unknown)}. Give {', '.join(options)}."
        )
    return {key: click.prompt(ASKED[key], err=True) for key in lacking}


def is_asked() -> bool:
    """Whether there is somebody to ask: a terminal."""
    return sys.stdin is not None and sys.stdin.isatty()


def measure(preset: Path, dataset: str, data_dir: Path | None) -> dict[str, Any]:
    """The metrics of a model on a data set, for its card."""
    from gon_tf import data
    from gon_tf.training.evaluation import measure

    network = arguments.load(str(preset.absolute()))
    network.compile()
    crop = (preset / "metadata.json").exists() and arguments.was_cropped(preset)
    images = data.load(dataset, network.image_shape, 256, data_dir=data_dir, crop=crop)
    return {**measure(network, images), "split": dataset}


def show(publishing, preset: Path, place: str, name: str | None, given: dict, as_json) -> None:
    """Print what would be published."""
    from gon_tf.zoo import hub

    name, contents = publishing.prepare(preset, name, given)
    if place.startswith(hub.SCHEME):
        _, contents = publishing.hub_files(place, name, contents)
    metadata = files.parse_json(contents["metadata.json"], preset / "metadata.json")
    told = {key: metadata.get(key) for key in publishing.NEEDED}
    sizes = {file: len(content) for file, content in contents.items()}
    result = {"model": name, "place": place, **told, "bytes": sizes}
    if as_json:
        report.echo_json(result)
    else:
        report.echo_pairs(dict(report.flatten(result)))

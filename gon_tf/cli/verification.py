"""`gon-tf zoo verify`: whether models are what the registry and their cards say."""

from __future__ import annotations

import math
from pathlib import Path

import click

from gon_tf.cli import arguments, report
from gon_tf.training.evaluation import measure

TOLERANCE = 0.01  # of a metric, relative


@click.command(
    epilog=arguments.examples(
        "gon-tf zoo verify",
        "gon-tf zoo verify mnist-conv --metrics --data-dir ~/tensorflow_datasets",
    )
)
@click.argument("names", metavar="[MODEL]...", nargs=-1, shell_complete=arguments.complete_name)
@click.option("--metrics", is_flag=True, help="Measure the models again, on the data recorded.")
@arguments.data_dir
@arguments.as_json
def verify(names, metrics, data_dir, as_json) -> None:
    """Check the files of each MODEL against the registry; of all models if none is named.

    With --metrics, measures them again and compares with what their cards say: a difference of more
    than 1% is a failure. Exits with status 1 if a model is not what it should be.
    """
    from gon_tf import zoo

    names = names or tuple(zoo.list_models())
    results = [check(name, metrics, data_dir) for name in names]
    if as_json:
        report.echo_json({"models": results})
    else:
        rows = [(result["model"], result["status"], detail(result)) for result in results]
        report.echo_table(("model", "status", "detail"), rows)
    if any(result["status"] != "ok" for result in results):
        raise click.exceptions.Exit(1)


def check(name: str, metrics: bool, data_dir: Path | None) -> dict:
    """What a check of one model found: {"model", "status", ...}."""
    from gon_tf import zoo

    try:
        folder = zoo.folder(name)
    except zoo.UnknownModelError:
        raise
    except (ValueError, FileNotFoundError) as error:
        return {"model": name, "status": "damaged", "error": str(error)}
    if not metrics:
        return {"model": name, "status": "ok"}
    compared = compare(folder, name, data_dir)
    agrees = all(abs(values["difference"]) <= TOLERANCE for values in compared.values())
    return {"model": name, "status": "ok" if agrees else "differs", "metrics": compared}


def compare(preset: Path, name: str, data_dir: Path | None) -> dict:
    """For each metric of the card that can be measured: recorded, measured, relative difference."""
    recorded = arguments.metadata(preset).get("metrics")
    if not isinstance(recorded, dict) or not isinstance(split := recorded.get("split"), str):
        raise ValueError(f"The card of {name} does not say on what data it was measured.")
    network = arguments.load(name)
    from gon_tf import data

    network.compile()
    images = data.load(
        split, network.image_shape, 256, data_dir=data_dir, crop=arguments.was_cropped(preset)
    )
    measured = measure(network, images)
    shared = [metric for metric in measured if metric in recorded and metric != "count"]
    if not shared:
        raise ValueError(f"The card of {name} has none of {', '.join(measured)}.")
    return {metric: compared(recorded[metric], measured[metric]) for metric in shared}


def compared(recorded, measured: float) -> dict:
    """Two values of a metric and their relative difference, infinite if one is not a number."""
    difference = math.inf
    if recorded == measured:
        difference = 0.0
    elif type(recorded) in (int, float) and recorded:
        difference = (measured - recorded) / abs(recorded)
    difference = difference if math.isfinite(difference) else math.inf
    return {"recorded": recorded, "measured": measured, "difference": difference}


def detail(result: dict) -> str:
    """The rest of a model's line: what is wrong, or the metrics as measured again."""
    metrics = result.get("metrics", {}).items()
    return result.get("error") or ", ".join(
        f"{metric} {report.text(values['measured'])} ({values['difference']:+.2%})"
        for metric, values in metrics
    )

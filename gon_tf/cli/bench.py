"""`gon-tf bench`: how fast the models train and encode here, side by side with other ways."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import click

from gon_tf.bench.cases import CASES, OPERATIONS, PATHS
from gon_tf.cli import arguments, report

LARGEST = 65_536  # images at once
QUICK: dict[str, Any] = {"batches": (1, 8), "turns": 3, "budget": 0.2}


def selected(declaration: str, known: Iterable[str], text: str) -> Callable:
    """An option that selects some of `known`, with commas between them; all by default."""

    def parse(context, parameter, value: str | None) -> tuple[str, ...] | None:
        if value is None:
            return None
        chosen = {name.strip() for name in value.split(",")}
        if unknown := chosen - set(known):
            raise click.BadParameter(f"{min(unknown)!r} is none of {', '.join(known)}.")
        return tuple(name for name in known if name in chosen)

    return click.option(declaration, metavar="NAMES", callback=parse, help=text)


def parse_batches(context, parameter, value: str | None) -> tuple[int, ...] | None:
    """Numbers of images with commas between them."""
    if value is None:
        return None
    parts = [part.strip() for part in value.split(",")]
    if not all(part.isdecimal() and 1 <= int(part) <= LARGEST for part in parts):
        raise click.BadParameter(f"{value!r} is not numbers of images such as 1,64,512.")
    return tuple(dict.fromkeys(map(int, parts)))


@click.command(
    epilog=arguments.examples(
        "gon-tf bench --quick",
        "gon-tf bench --models implicit --batches 64 --only train,encode",
        "gon-tf bench --json > bench.json",
    )
)
@selected("--models", CASES, f"Networks: {', '.join(CASES)}.")
@selected("--paths", PATHS, f"Ways to train them: {', '.join(PATHS)}.")
@selected("--only", OPERATIONS, f"Operations: {', '.join(OPERATIONS)}.")
@click.option(
    "--batches", metavar="NUMBERS", callback=parse_batches, help="Images at once [1,64,512]."
)
@click.option("--turns", type=click.IntRange(1), metavar="N", help="Repetitions [15].")
@click.option("--quick", is_flag=True, help="Three short turns, batches 1,8: to try the command.")
@arguments.as_json
def bench(models, paths, only, batches, turns, quick, as_json) -> None:
    """Measure how fast the models train, encode and decode on this machine.

    Each model is measured along several paths: this project's default step (gauss-newton), the
    paper's step (gradient), the same by nested tapes (nested), an autoencoder with the same
    decoder, and the published step in PyTorch, if that is installed (pip install "gon-tf[bench]"):
    as published (pytorch) and by functional gradients that are compiled (torch-compile); and jitted
    by JAX, if that is (jax).
    Times are medians in ms, with half the distance of the quartiles in percent and, in brackets,
    how many times faster than PyTorch; memory is what training adds at its peak. The paths take
    turns. All rows take about a quarter of an hour on an idle machine.
    """
    from gon_tf.bench import comparison, measure

    for path in paths or ():
        if lacking := comparison.missing(path):
            raise ValueError(lacking)
    available = comparison.available_paths()
    if not paths and (lacking := comparison.missing(comparison.REFERENCE)):
        click.echo(lacking, err=True)
    given: dict[str, Any] = {"models": models, "paths": paths or available, "operations": only}
    given |= {"batches": batches, "turns": turns}
    given = {name: value for name, value in given.items() if value is not None}
    selection = comparison.Selection(**{**(QUICK if quick else {}), **given})

    machine = measure.facts()
    rows = []
    total = len(selection.models) * len(selection.batches)
    for part in report.progress(comparison.compare(selection), total, "Measuring"):
        rows += part
        for row in part:
            warn(row)
    if rows and not any(row["operations"] for row in rows):
        reasons = [reason for row in rows for reason in row["failures"].values()]
        reasons.append("none of these paths has such an operation")
        raise OSError(f"Nothing could be measured: {reasons[0]}.")
    if as_json:
        report.echo_json({"machine": machine, "rows": rows})
    else:
        click.echo(measure.machine(machine))
        show(rows, selection.operations)


def warn(row: dict) -> None:
    """Say what of a row could not be measured."""
    for operation, reason in row["failures"].items():
        what = f"{row['model']}, {row['path']}, batch {row['batch']}, {operation}"
        click.echo(f"Not enough memory for {what}: {reason}", err=True)


def show(rows: list[dict], operations) -> None:
    """Print the table, and how far the steps are from the machine's limit."""
    header = ["model", "batch", "path", *operations, *(["MiB"] if "train" in operations else [])]
    table = []
    for row in rows:
        cells = [cell(row["operations"].get(operation)) for operation in operations]
        peak = row["peak_mib"]
        memory = ["-" if peak is None else f"{peak:.0f}"] if "train" in operations else []
        table.append([row["model"], str(row["batch"]), row["path"], *cells, *memory])
    report.echo_table(header, table)
    if limits := [limit_line(row) for row in rows if "limit" in row["operations"].get("train", {})]:
        click.echo(
            "\nTraining steps and the machine's limit (its matrix products and sines alone):"
        )
        report.echo_table(
            ["model", "batch", "path", "GFLOP", "million sines", "GFLOP/s", "ns / sine", "limit x"],
            limits,
        )


def cell(timing: dict | None) -> str:
    """A timing: median, spread, ratio."""
    if timing is None:
        return "-"
    median = report.text(timing["median"])
    spread = (timing["high"] - timing["low"]) / (2 * timing["median"])
    ratio = f" ({report.text(timing['ratio'])}x)" if "ratio" in timing else ""
    return f"{median} ±{spread:.0%}{ratio}"


def limit_line(row: dict) -> list:
    """A line of the second table."""
    step = row["operations"]["train"]
    work = f"{step['operations'] / 1e9:.2f}", f"{step['sines'] / 1e6:.1f}"
    rates = step["rates"]
    machine = f"{rates['gflops']:.0f}", f"{rates['ns_per_sine']:.2f}"
    return [row["model"], str(row["batch"]), row["path"], *work, *machine, f"{step['limit']:.2f}"]

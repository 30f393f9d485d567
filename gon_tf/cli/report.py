"""Results on stdout: aligned tables for people, one JSON object for programs."""

from __future__ import annotations

import json
import math
import statistics
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

import click

Item = TypeVar("Item")


def progress(items: Iterable[Item], count: int, label: str) -> Iterator[Item]:
    """`items` one by one, with a bar on stderr if they are several and that is a terminal."""
    if count < 2 or not sys.stderr.isatty():
        yield from items
        return
    with click.progressbar(items, label=label, length=count, file=sys.stderr) as bar:
        yield from bar


def echo_json(value: dict) -> None:
    """Print `value` as one JSON object."""
    click.echo(json.dumps(plain(value), indent=2, allow_nan=False, default=str))


def echo_lines(values: Iterable) -> None:
    """Print each of `values` on a line; to a terminal nothing that could steer it."""
    steerable = sys.stdout is not None and sys.stdout.isatty()
    for value in values:
        click.echo(printable(str(value)) if steerable else value)


def plain(value: Any) -> Any:
    """`value` with null for the infinite and undefined numbers, which JSON cannot write."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def echo_table(header: Sequence[str], rows: Iterable[Sequence], *, err: bool = False) -> None:
    """Print `rows` under `header`, each column as wide as it needs to be."""
    columns = list(zip(*rows, strict=True)) or [()] * len(header)
    lines = zip(*map(aligned, header, columns), strict=True)
    for line in lines:
        click.echo("  ".join(line).rstrip(), err=err)


def aligned(name: str, values: Sequence) -> list[str]:
    """A column under its name: numbers to the right with equal decimals, all else to the left."""
    numbers = [value for value in values if isinstance(value, (int, float))]
    if values and len(numbers) == len(values):
        # Those of a typical number: one that is far larger must not cost the others their digits.
        places = decimals(statistics.median_high(map(abs, numbers)))
        cells = [f"{value:,.{places if isinstance(value, float) else 0}f}" for value in numbers]
        width = max(map(len, [name, *cells]))
        return [cell.rjust(width) for cell in [name, *cells]]
    cells = [name, *map(text, values)]
    width = max(map(len, cells))
    return [cell.ljust(width) for cell in cells]


def decimals(value: float) -> int:
    """Decimal places that show four digits of `value`, at most six."""
    if not math.isfinite(value) or value == 0:
        return 1
    return min(max(3 - math.floor(math.log10(abs(value))), 0), 6)


def echo_pairs(pairs: dict[str, Any], *, err: bool = False) -> None:
    """Print names and values, one pair a line, the values aligned."""
    width = max(map(len, pairs))
    for name, value in pairs.items():
        click.echo(f"{printable(name).ljust(width)}  {text(value)}".rstrip(), err=err)


def flatten(nested: dict, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Names and values of a nested dictionary, `recipe.epochs` for what lies in `recipe`."""
    for name, value in nested.items():
        if isinstance(value, dict):
            yield from flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def text(value: Any) -> str:
    """A value as people read it: four significant digits, 32x32x1 for a shape."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 10_000 else f"{value:,.0f}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, (list, tuple)) and all(isinstance(item, int) for item in value):
        return "x".join(map(str, value))
    if isinstance(value, (list, tuple)):
        return ", ".join(map(text, value))
    return printable(str(value))


def printable(words: str) -> str:
    """`words` without what could steer a terminal: they may come from a stranger's file."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in words)

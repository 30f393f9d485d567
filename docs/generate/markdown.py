"""Tables and numbers in Markdown."""

from __future__ import annotations

from collections.abc import Iterable


def number(value: float | None) -> str:
    """A figure with four significant digits."""
    if value is None:
        return ""
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4g}" if abs(value) < 10_000 else f"{value:,.0f}"


def table(header: tuple, rows: Iterable[tuple]) -> str:
    """A Markdown table; what comes from metadata cannot break out of its cell."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(map(cell, line))} |\n" for line in lines)


def cell(value) -> str:
    """A value in a table."""
    return str(value).replace("|", "\\|").replace("\n", " ")

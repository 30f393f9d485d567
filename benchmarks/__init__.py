"""Measurements beside those of `gon-tf bench`, which are in `gon_tf.bench`. Each is a command.

Here is what they share: times of alternatives that take turns, a fresh process, a table.
"""

from __future__ import annotations

import multiprocessing
import statistics
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

from gon_tf.bench import workers
from gon_tf.bench.measure import mean_time


def median_times(functions: dict[str, Callable], repetitions: int) -> dict[str, float]:
    """Median seconds of each function; they take turns, so that a slow spell hits all of them."""
    for function in functions.values():
        function()  # traces the graph
        function()
    times = {name: [] for name in functions}
    for _ in range(repetitions):
        for name, function in functions.items():
            times[name].append(mean_time(function, least=0.0))
    return {name: statistics.median(values) for name, values in times.items()}


def print_table(header: list[str], rows: list[list[str]]) -> None:
    """Rows under a header, as Markdown with aligned columns."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    for line in (header, ["-" * width for width in widths], *rows):
        print("| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |")


def in_fresh_process(function: Callable, *arguments):
    """What a function of a module returns, called in a process of its own that ends with this one.

    Raises:
        BrokenProcessPool: if the process ends before.
    """
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn, initializer=workers.end_with_parent) as pool:
        return pool.submit(function, *arguments).result()

"""Median times of alternatives that take turns, peak memory of each alone, and a table of both."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path


def median_times(functions: dict[str, Callable], repetitions: int) -> dict[str, float]:
    """Median seconds of each function; they take turns, so that a slow spell hits all of them."""
    for function in functions.values():
        function()  # traces the graph
        function()
    times = {name: [] for name in functions}
    for _ in range(repetitions):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def peak_growth(prepare: Callable[[], Callable]) -> float:
    """MiB that this process takes at the most, over what it has, in three calls (Linux).

    The calls are those of the function that `prepare` makes, the first of them building the graph.
    """
    function = prepare()
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
    before = resident("VmRSS")
    for _ in range(3):
        function()
    return (resident("VmHWM") - before) / 1024


def resident(field: str) -> int:
    """Memory of this process in KiB, now ("VmRSS") or at its peak ("VmHWM")."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))


def in_fresh_process(module: str, *arguments: str) -> dict:
    """The JSON that a module prints last; in one process a peak would hide those after it."""
    command = [sys.executable, "-m", module, *arguments]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(result.stdout.splitlines()[-1])


def machine() -> str:
    """The processor and the versions that the figures belong to."""
    import keras
    import tensorflow as tf

    models = []
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            models = [line.split(":", 1)[1].strip() for line in lines if "model name" in line]
    name = models[0] if models else platform.processor()
    return (
        f"{os.cpu_count()} cores of {name}; tensorflow {tf.__version__}, "
        f"keras {keras.__version__}, python {platform.python_version()}"
    )


def print_table(header: list[str], rows: list[list[str]]) -> None:
    """Rows under a header, as Markdown with aligned columns."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    for line in (header, ["-" * width for width in widths], *rows):
        print("| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |")

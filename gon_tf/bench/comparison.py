"""All ways to train each network side by side, as plain data: the table of `gon-tf bench`."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from gon_tf.bench import limits, workers
from gon_tf.bench.cases import CASES, MACHINE, OPERATIONS, PACKAGES, PATHS, Case

REFERENCE = "pytorch"


@dataclass(frozen=True)
class Selection:
    """What to measure, and how long.

    Attributes:
        models: some of `CASES`.
        batches: numbers of images.
        paths: some of `PATHS`.
        operations: some of `OPERATIONS`.
        turns: of each path, at the most.
        budget: seconds for an operation of all paths; at least three turns are taken.
    """

    models: tuple[str, ...] = tuple(CASES)
    batches: tuple[int, ...] = (1, 64, 512)
    paths: tuple[str, ...] = tuple(PATHS)
    operations: tuple[str, ...] = OPERATIONS
    turns: int = 15
    budget: float = 8.0


def available_paths() -> tuple[str, ...]:
    """`PATHS`, those of other libraries only if they can run here."""
    return tuple(path for path in PATHS if missing(path) is None)


def missing(path: str) -> str | None:
    """What one of `PATHS` needs and has not, in a sentence; None if it can run."""
    package = PACKAGES.get(path)
    if package is None:
        return None
    if importlib.util.find_spec(package) is None:
        name, wanted = ("PyTorch", '"gon-tf[bench]"') if package == "torch" else ("JAX", "jax")
        return f"{name} is not installed; pip install {wanted} adds {path} to the table."
    compiler = os.environ.get("CXX", "cl" if os.name == "nt" else "g++")
    if path == "torch-compile" and shutil.which(compiler) is None:
        return f"torch.compile needs a C++ compiler, and there is no {compiler}."
    return None


def compare(selection: Selection, worker: Callable = workers.Remote) -> Iterator[list[dict]]:
    """The rows of the table, those of one network and batch after the other.

    Args:
        selection: what to measure.
        worker: `workers.Remote`, or `workers.Local` to measure in this process.

    Yields:
        A row for each path:
        {"model", "batch", "path", "operations": {name: {"median", "low", "high", "turns" (ms),
        "ratio" (the reference's time divided by this), "limit" (this divided by the limit's)}},
        "peak_mib" (of training steps), "failures": {operation: reason}}.
    """
    for model in selection.models:
        for batch in selection.batches:
            yield rows(model, batch, selection, worker)


def rows(model: str, batch: int, selection: Selection, worker: Callable) -> list[dict]:
    """The rows of one network and batch."""
    case = CASES[model]
    table = {path: row(model, batch, path) for path in selection.paths}
    started = {}
    with contextlib.ExitStack() as closing:
        for path in (*selection.paths, MACHINE):
            started[path] = worker(case, path, batch)
            closing.callback(started[path].close)
        for operation in selection.operations:
            measure_operation(operation, case, batch, started, table, selection)
    if reference := table.get(REFERENCE):
        add_ratios(reference["operations"], table)
    return list(table.values())


def row(model: str, batch: int, path: str) -> dict:
    """A row with nothing measured yet."""
    shared = {"operations": {}, "peak_mib": None, "failures": {}}
    return {"model": model, "batch": batch, "path": path, **shared}


def measure_operation(
    operation: str, case: Case, batch: int, started: Any, table: Any, selection: Selection
) -> None:
    """Time an operation of all paths that have it, and add it to their rows of the table."""
    able = {path: started[path] for path in table if has(started[path], operation, table[path])}
    times, peaks, failures = workers.take_turns(able, operation, selection.turns, selection.budget)
    for path, entry in table.items():
        if path in times:
            entry["operations"][operation] = times[path]
        if path in failures:
            entry["failures"][operation] = failures[path]
        if operation == "train":
            entry["peak_mib"] = peaks.get(path)
    if operation == "train":
        with contextlib.suppress(workers.OutOfMemoryError):
            add_limits(case, batch, started[MACHINE], table)


def has(worker: Any, operation: str, entry: dict) -> bool:
    """Whether a worker has an operation; if the worker has failed, its row says so."""
    try:
        return operation in worker.names()
    except workers.OutOfMemoryError as error:
        entry["failures"].setdefault(operation, str(error))
        return False


def add_ratios(reference: dict, table: dict) -> None:
    """Say of all operations how many times faster than the reference's they are."""
    for path, entry in table.items():
        for operation, timing in entry["operations"].items():
            # Whoever has no fold encodes without.
            other = reference.get("encode" if operation == "encode folded" else operation)
            if other and path != REFERENCE:
                timing["ratio"] = other["median"] / timing["median"]


def add_limits(case: Case, batch: int, machine: Any, table: Any) -> None:
    """Say of the training steps how many times the machine's limit they take."""
    seconds = {}
    for name in ("product", "sine"):
        machine.warm_up(name)
        seconds[name] = min(machine.turn(name) for _ in range(5))
    for path, entry in table.items():
        work = limits.training_work(case, path, batch)
        if work and "train" in entry["operations"]:
            step = entry["operations"]["train"]
            step["limit"] = step["median"] / (1000 * work.seconds(**seconds))
            step |= {"operations": work.operations, "sines": work.sines}
            step["rates"] = limits.machine_rates(**seconds)

"""A process for each way to train a network; they take turns, so a slow spell hits all of them.

In a process of its own a way has the memory and the threads to itself: PyTorch's threads go on
spinning for a while after a call, and the peak memory of one would hide that of the next.
"""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import os
import signal
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from gon_tf.bench import cases, measure, ways

TURN = 0.05  # seconds that a turn lasts at least
SLOW = 2.0  # seconds of a call from which on there is one call to warm up, not two
MEMORY_SHARE = 0.8  # of what is free on the machine, that a worker may take
MEMORY_SIGNS = ("ResourceExhausted", "MemoryError", "allocate memory")


class OutOfMemoryError(Exception):
    """A way to train needs more memory than the machine has."""


class Local:
    """A way to train a network, in this process; arguments of `ways.operations`."""

    def __init__(self, case: cases.Case, path: str, batch: int):
        self.operations = ways.operations(case, path, batch)

    def names(self) -> list[str]:
        """The operations that there are."""
        return list(self.operations)

    def warm_up(self, operation: str) -> float | None:
        """MiB that calls took at the most, the first of which builds a graph.

        It is what the operation needs only if nothing else has been called in the process.
        """
        seconds = []

        def timed():
            seconds.append(self.turn(operation, least=0.0))

        peak = measure.peak_growth(timed, calls=2)
        if not seconds or seconds[-1] < SLOW:
            timed()
        return peak

    def turn(self, operation: str, least: float | None = None) -> float:
        """Mean seconds of the calls of one turn."""
        return measure.mean_time(self.operations[operation], TURN if least is None else least)

    def close(self) -> None:
        """Nothing to do."""


class Remote:
    """A `Local` in a process of its own, which ends with this one.

    Its methods raise OutOfMemoryError for lack of memory, RuntimeError for whatever else fails.
    """

    def __init__(self, case: cases.Case, path: str, batch: int):
        spawn = multiprocessing.get_context("spawn")
        self.pool = ProcessPoolExecutor(1, spawn, initializer=begin)
        with main_module_hidden():
            self.process = self.pool.submit(os.getpid)
        self.arguments = case, path, batch

    def __getattr__(self, method: str):
        def ask(*arguments):
            try:
                return self.pool.submit(answer, self.arguments, method, arguments).result()
            except BrokenProcessPool as error:  # C++ libraries that are refused memory end it
                raise OutOfMemoryError("the process was ended") from error

        return ask

    def close(self) -> None:
        """End the process, whatever it does."""
        with contextlib.suppress(BrokenProcessPool, ProcessLookupError):
            os.kill(self.process.result(), signal.SIGTERM)
        self.pool.shutdown()


@contextlib.contextmanager
def main_module_hidden() -> Iterator[None]:
    """Let a process that is started now not run the script that this one was started by.

    It needs nothing of it, and not every launcher has a guard against that.
    """
    script = vars(sys.modules["__main__"])
    hidden = {name: script[name] for name in ("__spec__", "__file__") if name in script}
    script.update(dict.fromkeys(hidden))
    try:
        yield
    finally:
        script.update(hidden)


def begin() -> None:
    """Prepare the process of a `Remote`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that asks
    end_with_parent()
    bound_memory()


def end_with_parent() -> None:
    """Let this process end when the one that started it has, even if that was killed."""

    def wait():
        multiprocessing.parent_process().join()  # pyrefly: ignore[missing-attribute] (has one)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def bound_memory() -> None:
    """Let this process fail before the machine runs out of memory (Linux)."""
    if not os.path.exists("/proc/meminfo"):
        return
    import resource

    lines = Path("/proc/meminfo").read_text().splitlines()
    free = next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
    limit, (_, hard) = int(1024 * MEMORY_SHARE * free), resource.getrlimit(resource.RLIMIT_DATA)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))


local = functools.cache(Local)  # built when it is first asked, as that may fail


def answer(way: tuple, method: str, arguments: tuple) -> Any:
    """What a method of `Local(*way)` returns in the process of a `Remote`."""
    try:
        return getattr(local(*way), method)(*arguments)
    except Exception as error:  # of a class that is not imported where it would go
        text = f"{type(error).__name__}: {error}".partition("\n")[0]
    raise (OutOfMemoryError if any(s in text for s in MEMORY_SIGNS) else RuntimeError)(text)


def take_turns(
    ways: dict, operation: str, turns: int, budget: float
) -> tuple[dict[str, dict], dict[str, float | None], dict[str, str]]:
    """Time an operation of several workers.

    Args:
        ways: {name: a `Local` or `Remote`}.
        operation: one of theirs.
        turns: of each worker, at the most.
        budget: seconds after which there are no more turns, three apart.

    Returns:
        {name: `timing`}, {name: peak MiB}, {name: reason} of those that failed for lack of memory.
    """
    failures: dict[str, str] = {}
    seconds: dict[str, list[float]] = {name: [] for name in ways}

    def each(method: str) -> dict:
        answers = {}
        for name in list(seconds):
            try:
                answers[name] = getattr(ways[name], method)(operation)
            except OutOfMemoryError as error:  # perhaps what it needed before has gone to another
                failures[name] = str(error)
                del seconds[name]
        return answers

    peaks = each("warm_up")
    end = time.monotonic() + budget
    for turn in range(turns):
        if turn < 3 or time.monotonic() < end:
            for name, mean in each("turn").items():
                seconds[name].append(mean)
    return {name: timing(values) for name, values in seconds.items() if values}, peaks, failures


def timing(seconds: list[float]) -> dict:
    """Milliseconds of turns: {"median", "low" and "high" (quartiles), "turns" (their number)}."""
    quartiles = [1000 * s for s in seconds * 2]  # `quantiles` wants two at least
    low, median, high = statistics.quantiles(quartiles, n=4, method="inclusive")
    return {"median": median, "low": low, "high": high, "turns": len(seconds)}

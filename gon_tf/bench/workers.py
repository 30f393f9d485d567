"""A process for each way to train a network; they take turns, so a slow spell hits all of them.

In a process of its own a way has the memory and the threads to itself: PyTorch's threads go on
spinning for a while after a call, and the peak memory of one would hide that of the next.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

from gon_tf.bench import cases, measure

TURN = 0.05  # seconds that a turn lasts at least
SLOW = 2.0  # seconds of a call from which on there is one call to warm up, not two
MEMORY_SHARE = 0.8  # of what is free on the machine, that a worker may take


class OutOfMemoryError(Exception):
    """A way to train needs more memory than the machine has."""


@dataclass(frozen=True)
class Timing:
    """Milliseconds of an operation.

    Attributes:
        median: of the turns.
        low: first quartile.
        high: third quartile.
        turns: their number.
    """

    median: float
    low: float
    high: float
    turns: int

    @classmethod
    def of(cls, seconds: list[float]) -> Timing:
        """The timing of turns."""
        quartiles = [1000 * s for s in seconds * 2]  # `quantiles` wants two at least
        low, median, high = statistics.quantiles(quartiles, n=4, method="inclusive")
        return cls(median, low, high, len(seconds))

    @property
    def spread(self) -> float:
        """Half the distance between the quartiles, as a share of the median."""
        return (self.high - self.low) / (2 * self.median)


class Local:
    """A way to train a network, in this process; arguments of `cases.operations`."""

    def __init__(self, case: cases.Case, path: str, batch: int):
        self.operations = cases.operations(case, path, batch)

    def names(self) -> list[str]:
        """The operations that there are."""
        return list(self.operations)

    def warm_up(self, operation: str) -> tuple[float, float | None]:
        """(seconds of a call after the first, MiB that the calls took at the most).

        The first call builds a graph. The memory is what an operation needs only if nothing else
        has been called in the process.
        """
        function, seconds = self.operations[operation], []

        def timed():
            seconds.append(measure.mean_time(function, least=0.0))

        peak = measure.peak_growth(timed, calls=2)
        if not seconds or seconds[-1] < SLOW:
            timed()
        return seconds[-1], peak

    def turn(self, operation: str) -> float:
        """Mean seconds of the calls of one turn."""
        return measure.mean_time(self.operations[operation], TURN)

    def close(self) -> None:
        """Nothing to do."""


class Remote:
    """A `Local` in a process of its own."""

    def __init__(self, case: cases.Case, path: str, batch: int):
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        arguments = (theirs, case, path, batch)
        self.process = context.Process(target=serve, args=arguments, daemon=True)
        self.process.start()
        theirs.close()

    def __getattr__(self, method: str):
        return lambda *arguments: self.ask(method, *arguments)

    def ask(self, method: str, *arguments):
        """What `Local` answers.

        Raises:
            OutOfMemoryError: if that took too much memory.
            RuntimeError: if it failed.
        """
        try:
            self.connection.send((method, arguments))
            failure, answer = self.connection.recv()
        except (EOFError, OSError):
            self.process.join()
            status = self.process.exitcode or 0
            # A C++ library that is refused memory ends the process by a signal.
            kind = OutOfMemoryError if status < 0 else RuntimeError
            raise kind(f"the process ended with status {status}") from None
        if failure:
            raise (OutOfMemoryError if failure == "memory" else RuntimeError)(answer)
        return answer

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.join()
        self.connection.close()


def serve(connection, case: cases.Case, path: str, batch: int) -> None:
    """Answer a `Remote` until it hangs up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that asks
    bound_memory()
    local = None
    with contextlib.suppress(EOFError, OSError):
        while True:
            method, arguments = connection.recv()
            try:
                local = local or Local(case, path, batch)
                answer = None, getattr(local, method)(*arguments)
            except Exception as error:
                text = f"{type(error).__name__}: {error}".splitlines()[0]
                signs = ("ResourceExhausted", "MemoryError", "allocate memory")
                answer = "memory" if any(sign in text for sign in signs) else "error", text
            connection.send(answer)


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


def take_turns(
    workers: dict, operation: str, turns: int, budget: float
) -> tuple[dict[str, Timing], dict[str, float | None], dict[str, str]]:
    """Time an operation of several workers.

    Args:
        workers: {name: a `Local` or `Remote`}.
        operation: one of theirs.
        turns: of each worker, at the most.
        budget: seconds after which there are no more turns, three apart.

    Returns:
        {name: timing}, {name: peak MiB}, {name: reason} of those that failed for lack of memory.
    """
    seconds: dict[str, list[float]] = {}
    peaks, failures = {}, {}
    for name, worker in workers.items():
        try:
            _, peaks[name] = worker.warm_up(operation)
            seconds[name] = []
        except OutOfMemoryError as error:
            failures[name] = str(error)
    end = time.monotonic() + budget
    for turn in range(turns):
        if turn >= 3 and time.monotonic() > end:
            break
        for name in list(seconds):
            try:
                seconds[name].append(workers[name].turn(operation))
            except OutOfMemoryError as error:  # what it needed before, another one took since
                failures[name] = str(error)
                del seconds[name]
    timings = {name: Timing.of(values) for name, values in seconds.items() if values}
    return timings, peaks, failures

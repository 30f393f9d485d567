"""How long commands and imports take to start, beside importing TensorFlow.

    python -m benchmarks.startup [--repetitions 9]

Every line is a process of its own; they take turns. Median seconds of wall and of CPU time (user
and system) of the whole process; the import after Keras' tells its own wall time.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

from benchmarks import print_table
from gon_tf.bench.measure import machine

GON_TF = ("-c", "from gon_tf.cli import main; main()")
# The difference of two imports of seconds each would be noise: this one times itself.
AFTER_KERAS = (
    "import keras, time; start = time.perf_counter(); import gon_tf; gon_tf.GON;"
    "print(time.perf_counter() - start)"
)
# name: (arguments of Python, what the time is divided by, the most that this may be)
LINES = {
    "nothing": (("-c", ""), None, None),
    "gon-tf --help": ((*GON_TF, "--help"), None, 0.3),
    "gon-tf zoo list": ((*GON_TF, "zoo", "list"), None, 0.3),
    "import tensorflow": (("-c", "import tensorflow"), None, None),
    "gon-tf reconstruct mnist-conv ONE.png": (
        (*GON_TF, "reconstruct", "mnist-conv", "one.png", "-o", "out.png", "--overwrite"),
        "import tensorflow",
        1.6,
    ),
    "import gon_tf, after keras": (("-c", AFTER_KERAS), None, 0.1),
}


def run(arguments, folder: Path) -> tuple[float, float]:
    """Wall and CPU seconds of a Python process; wall seconds are those it prints if it does."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    result = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, check=True, capture_output=True
    )
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if AFTER_KERAS in arguments:
        wall = float(result.stdout)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(repetitions: int) -> dict[str, list[tuple[float, float]]]:
    """Wall and CPU seconds of all LINES, after one turn that fills the caches of files."""
    times = {name: [] for name in LINES}
    with tempfile.TemporaryDirectory() as folder:
        Image.new("L", (28, 28), 128).save(Path(folder, "one.png"))
        for turn in range(repetitions + 1):
            for name, (arguments, *_) in LINES.items():
                seconds = run(arguments, Path(folder))
                if turn:
                    times[name].append(seconds)
    return times


def row(name: str, times: dict) -> list[str]:
    """A line of the table."""
    _, other, most = LINES[name]
    wall, cpu = (statistics.median(column) for column in zip(*times[name], strict=True))
    value, ratio = wall, ""
    if other:
        value = wall / statistics.median(theirs for theirs, _ in times[other])
        ratio = f"{value:.2f}x {other}"
    target = "" if most is None else f"<= {most}: {'yes' if value <= most else 'no'}"
    return [name, f"{wall:.3f}", f"{cpu:.2f}", ratio, target]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--repetitions", type=int, default=9)
    parser.add_argument("--quick", action="store_true", help="two repetitions")
    options = parser.parse_args()
    sentence = machine()
    times = measure(2 if options.quick else options.repetitions)
    print(sentence)
    print_table(["process", "wall s", "CPU s", "", "target"], [row(name, times) for name in LINES])


if __name__ == "__main__":
    main()

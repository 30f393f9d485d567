"""How long commands and imports take to start, beside importing TensorFlow.

    python -m benchmarks.startup [--repetitions 9]

Every line is a process of its own; they take turns. Median seconds of wall and of CPU time (user
and system), and the wall time over what the line is compared with.
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

from gon_tf.bench.measure import machine, print_table

# name: (arguments of Python, compared with, "-" or "/" it, the most that this may be)
GON_TF = ("-c", "from gon_tf.cli import main; main()")
LINES = {
    "nothing": (("-c", ""), None, "", None),
    "gon-tf --help": ((*GON_TF, "--help"), None, "", 0.3),
    "gon-tf zoo list": ((*GON_TF, "zoo", "list"), None, "", 0.3),
    "import tensorflow": (("-c", "import tensorflow"), None, "", None),
    "gon-tf reconstruct mnist-conv ONE.png": (
        (*GON_TF, "reconstruct", "mnist-conv", "one.png", "-o", "out.png", "--overwrite"),
        "import tensorflow",
        "/",
        1.6,
    ),
    "import keras": (("-c", "import keras"), None, "", None),
    "import keras, gon_tf": (("-c", "import keras, gon_tf"), "import keras", "-", 0.1),
    "import keras, gon_tf; gon_tf.GON": (
        ("-c", "import keras, gon_tf; gon_tf.GON"),
        "import keras",
        "-",
        0.1,
    ),
}


def run(arguments, folder: Path) -> tuple[float, float]:
    """Wall and CPU seconds of a Python process."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, check=True, capture_output=True
    )
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
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
    _, other, operator, most = LINES[name]
    wall, cpu = (statistics.median(column) for column in zip(*times[name], strict=True))
    compared = wall
    if other:
        theirs = statistics.median(wall for wall, _ in times[other])
        compared = wall / theirs if operator == "/" else wall - theirs
    shown = f"{compared:.2f}{' x' if operator == '/' else ' s'}"
    target = "" if most is None else f"<= {most}: {'yes' if compared <= most else 'no'}"
    return [name, f"{wall:.2f}", f"{cpu:.2f}", f"{operator} {other or ''}".strip(), shown, target]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--repetitions", type=int, default=9)
    parser.add_argument("--quick", action="store_true", help="two repetitions")
    options = parser.parse_args()
    sentence = machine()
    times = measure(2 if options.quick else options.repetitions)
    print(sentence)
    header = ["process", "wall s", "CPU s", "compared", "result", "target"]
    print_table(header, [row(name, times) for name in LINES])


if __name__ == "__main__":
    main()

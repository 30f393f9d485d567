"""How the cost of a training step and of encoding grows, as tables and plots.

    python -m benchmarks.growth [--kinds conv implicit encoding] [-o docs/figures/speed]

One size changes at a time: batch, latents, sides of the image, width of the network. Every way to
train has a process of its own, which take turns (see `gon_tf.bench.workers`). Encoding is measured
with the fold, without, and as `encode` itself chooses by the number of images. Needs the extra
`bench` (matplotlib; PyTorch for its own curve).
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import in_fresh_process, median_times, print_table
from gon_tf.bench import comparison, workers
from gon_tf.bench.cases import CASES, Case
from gon_tf.bench.measure import machine
from gon_tf.bench.ways import build
from gon_tf.startup import start_tensorflow

# kind: (network, batch, {size that changes: its values})
TRAINING: dict[str, tuple[Case, int, dict[str, tuple[int, ...]]]] = {
    "conv": (
        CASES["conv-256"],
        64,
        {
            "batch": (16, 64, 256),
            "latent_dim": (64, 256, 512),
            "side": (16, 32, 64),
            "width": (8, 16, 32),
        },
    ),
    "implicit": (
        CASES["implicit"],
        16,
        {
            "batch": (4, 16, 64),
            "latent_dim": (8, 32, 128),
            "side": (14, 28, 56),
            "width": (64, 128, 256),
        },
    ),
}
NAMES = {"latent_dim": "latents", "side": "sides of the image, pixels", "width": "width"}
PATHS = ("gauss-newton", "gradient", "nested", "pytorch")
ENCODING = {
    "conv, Gauss-Newton": ("conv-256", "gauss-newton"),
    "conv, gradient": ("conv-256", "gradient"),
    "implicit, Gauss-Newton": ("implicit", "gauss-newton"),
    "implicit, gradient": ("implicit", "gradient"),
}
COUNTS = (1, 4, 16, 64, 256, 1024)
WAYS = ("fold", "no fold", "automatic")


@functools.cache
def training(case, batch: int, turns: int) -> dict[str, tuple[float, float]]:
    """{path: (milliseconds, peak MiB)} of a training step; without those that lack memory."""
    paths = [path for path in PATHS if path in comparison.available_paths()]
    started = {path: workers.Remote(case, path, batch) for path in paths}
    try:
        timings, peaks, _ = workers.take_turns(started, "train", turns, budget=4.0)
    finally:
        for worker in started.values():
            worker.close()
    return {path: (timing["median"], peaks[path] or 0.0) for path, timing in timings.items()}


def sweep(kind: str, turns: int) -> dict[str, dict[int, dict]]:
    """{size: {value: `training`}} of a kind of network."""
    case, batch, sizes = TRAINING[kind]
    results: dict[str, dict[int, dict]] = {}
    for size, values in sizes.items():
        results[size] = {}
        for value in values:
            change: dict[str, Any] = {} if size == "batch" else {size: value}
            changed = dataclasses.replace(case, **change)
            found = training(changed, value if size == "batch" else batch, turns)
            results[size][value] = found
            for path, (milliseconds, mib) in found.items():
                print(f"# {kind} {size} {value} {path} {milliseconds:.1f} ms {mib:.0f} MiB")
    return results


def encoding(model: str, path: str, counts, turns: int) -> dict[str, list[float]]:
    """{way: milliseconds to encode each of `counts` images}."""
    start_tensorflow()
    import numpy as np

    from gon_tf.models.base import LatentModel, in_chunks

    network = build(CASES[model], path)
    results: dict[str, list[float]] = {way: [] for way in WAYS}
    for count in counts:
        images = np.random.default_rng(0).random((count, *network.image_shape), np.float32)
        functions = {
            "fold": lambda images=images: in_chunks(network.batch_encoder(10**9), images),
            "no fold": lambda images=images: in_chunks(
                LatentModel.batch_encoder(network, len(images)), images
            ),
            "automatic": lambda images=images: network.encode(images),
        }
        for way, seconds in median_times(functions, turns).items():
            results[way].append(1000 * seconds)
    return results


def plot_training(kind: str, results, file: Path) -> None:
    """Time above, memory below; a column for each size."""
    figure, axes = subplots(rows=2, columns=len(results))
    for column, (size, by_value) in enumerate(results.items()):
        for path in PATHS:
            values = [value for value, found in by_value.items() if path in found]
            for row, label in enumerate(("ms per step", "peak MiB")):
                axis = axes[row][column]
                heights = [by_value[value][path][row] for value in values]
                axis.plot(values, heights, marker="o", label=path)
                logarithmic(axis, list(by_value))
                axis.set_ylabel(label if column == 0 else "")
        axes[1][column].set_xlabel(NAMES.get(size, size))
    axes[0][0].legend()
    figure.suptitle(f"Training step of the {kind} network")
    save(figure, file)


def plot_encoding(results, counts, file: Path) -> None:
    """Time of each way against the number of images; a column for each network and step."""
    figure, axes = subplots(rows=1, columns=len(results))
    for axis, (name, by_way) in zip(axes[0], results.items(), strict=True):
        for way, style in zip(WAYS, ("o-", "o-", "k:"), strict=True):
            axis.plot(counts, by_way[way], style, label=way)
        logarithmic(axis, counts)
        axis.set_title(name)
        axis.set_xlabel("images")
    axes[0][0].set_ylabel("ms to encode")
    axes[0][0].legend()
    save(figure, file)


def subplots(rows: int, columns: int):
    """A figure and its axes `[rows][columns]`."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    size = (3.2 * columns, 2.8 * rows)
    return pyplot.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")


def logarithmic(axis, ticks) -> None:
    """Both axes logarithmic, with a mark at each measured value."""
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xticks(ticks, [str(tick) for tick in ticks])
    axis.xaxis.minorticks_off()
    axis.grid(alpha=0.3)


def save(figure, file: Path) -> None:
    """Write a PNG."""
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=100)
    print(f"wrote {file}")


def draw_training(kind: str, options) -> None:
    """The plot of a kind of network."""
    plot_training(kind, sweep(kind, options.turns), options.output / f"training-{kind}.png")


def draw_encoding(options) -> None:
    """The plot and the table of encoding."""
    counts = COUNTS[::3] if options.quick else COUNTS
    results = {
        name: in_fresh_process(encoding, *which, counts, options.turns)
        for name, which in ENCODING.items()
    }
    plot_encoding(results, counts, options.output / "encoding.png")
    rows = []
    for name, by_way in results.items():
        for number, count in enumerate(counts):
            times = [by_way[way][number] for way in WAYS]
            better = f"{times[2] / min(times[:2]):.2f}"
            rows.append([name, str(count), *(f"{time:.2f}" for time in times), better])
    print_table(["", "images", *WAYS, "automatic / better"], rows)


DRAW: dict[str, Callable] = {
    "conv": functools.partial(draw_training, "conv"),
    "implicit": functools.partial(draw_training, "implicit"),
    "encoding": draw_encoding,
}


def main() -> None:
    """Draws the plots."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--kinds", nargs="+", choices=DRAW, default=list(DRAW))
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/figures/speed"))
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--quick", action="store_true", help="one turn, fewer sizes")
    options = parser.parse_args()
    if options.quick:
        options.turns = 1
        for _, _, sizes in TRAINING.values():
            sizes.update({size: values[:2] for size, values in sizes.items()})
    print(machine())
    for kind in options.kinds:
        DRAW[kind](options)


if __name__ == "__main__":
    main()

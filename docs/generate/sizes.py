"""The tables of what default settings make of pictures of every size, from docs/sizes.json.

    python -m docs.generate.sizes

writes them into docs/decisions.md, run by run, and docs/your-pictures.md, in short. The record is
made by `python -m benchmarks.sizes`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

from benchmarks.sizes import FILE, HEADER, recorded, shown
from docs.generate.cards import between_marks
from docs.generate.markdown import table
from docs.generate.pages import CHECKOUT

MARKS = "<!-- made by python -m docs.generate.sizes -->\n", "<!-- until here -->\n"


def whole(rows: list[dict]) -> str:
    """A line for each run, and how many diverged."""
    return f"\n{count(rows)}\n\n{table(tuple(HEADER), [tuple(shown(row)) for row in rows])}\n"


def count(rows: list[dict]) -> str:
    """How many runs there are, and how many of them diverged."""
    diverged = sum(row["diverged"] for row in rows)
    return f"{diverged or 'None'} of {len(rows)} runs diverged."


def short(rows: list[dict]) -> str:
    """A line for each set of pictures and variant, of the mean over the seeds."""
    lines = []
    for (name, variant), group in itertools.groupby(rows, lambda r: (r["set"], r["variant"])):
        runs = list(group)

        def mean(figure, runs=runs):
            return sum(map(figure, runs)) / len(runs)

        lines.append(
            (
                name,
                variant,
                runs[0]["steps"],
                f"{mean(lambda r: r['psnr']):.1f}",
                f"{mean(lambda r: r['pca']['psnr']):.1f}",
                f"{mean(lambda r: r['cpu_seconds_per_step']):.2f}",
                f"{max(r['peak_gb'] for r in runs):.1f}",
            )
        )
    header = ("pictures", "variant", "steps", "dB", "PCA, dB", "CPU s a step", "GB")
    return f"\n{table(header, lines)}\n{count(rows)}\n\n"


PAGES: dict[str, Callable[[list[dict]], str]] = {
    "decisions.md": whole,
    "your-pictures.md": short,
}


def texts(record: Path = FILE, docs: Path = CHECKOUT / "docs") -> dict[Path, str]:
    """The pages with the tables of a record, by their paths."""
    rows = recorded(record)
    return {
        docs / page: between_marks((docs / page).read_text(encoding="utf-8"), make(rows), MARKS)
        for page, make in PAGES.items()
    }


if __name__ == "__main__":
    for path, text in texts().items():
        path.write_text(text, encoding="utf-8")

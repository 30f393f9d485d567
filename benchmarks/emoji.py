"""The two folders that the zoo's emoji models are trained on and measured by.

    python -m benchmarks.emoji SOURCE FOLDER

SOURCE holds the pictures of the npm package emoji-datasource-google 16.0.0 (img/google/64: Noto
Emoji, Apache License 2.0), named by their code points. Variants of one emoji (skin tones, genders)
begin with the same code point: those where it is a multiple of ten are held out, all of them, so
that no near-copy is on both sides. They go to FOLDER/held-out, the others to FOLDER/train.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path


def is_held_out(name: str) -> bool:
    """Whether the picture of this file name is held out.

    Example:
        >>> is_held_out("0032-fe0f-20e3.png"), is_held_out("1f44a.png")
        (True, False)
    """
    return int(Path(name).stem.split("-")[0], 16) % 10 == 0


def split(source: Path, folder: Path) -> tuple[int, int]:
    """Copies the pictures of `source` to the two folders; how many there are in each."""
    parts = folder / "train", folder / "held-out"
    counts = [0, 0]
    for part in parts:
        part.mkdir(parents=True)
    for path in sorted(source.glob("*.png")):
        held_out = is_held_out(path.name)
        shutil.copyfile(path, parts[held_out] / path.name)
        counts[held_out] += 1
    return counts[0], counts[1]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    print("{} to train on, {} held out".format(*split(options.source, options.folder)))

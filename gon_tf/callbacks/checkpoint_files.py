"""Checkpoints of a training on disk: complete and verified, the last two of them.

A checkpoint is one file, `EPOCH-STEP.checkpoint`: the SHA-256 of what follows in a line of
hexadecimal digits, then arrays in NumPy's npz format. Nothing in it is code or pickled.
"""

from __future__ import annotations

import hashlib
import io
import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gon_tf import files

SUFFIX = ".checkpoint"
KEPT = 2  # should the newest be damaged, the one before it is there
STATE = "state"


@dataclass(frozen=True)
class Checkpoint:
    """A training between two steps.

    Attributes:
        epoch: epochs that are done.
        step: steps of the next epoch that are done.
        arrays: values of all variables, in an order that the writer knows.
        state: all else, as JSON values.
    """

    epoch: int
    step: int
    arrays: Sequence[np.ndarray]
    state: dict[str, Any] = field(default_factory=dict)

    @property
    def filename(self) -> str:
        """Name of its file; names sort as the training goes."""
        return f"{self.epoch:06}-{self.step:09}{SUFFIX}"

    def __str__(self):
        return f"after epoch {self.epoch}" + (f" and {self.step} steps" if self.step else "")


def write(folder: Path, checkpoint: Checkpoint) -> None:
    """Writes a checkpoint, then removes those that are not needed any more.

    Raises:
        OSError: if it cannot be written; the former ones are then still there.
    """
    packed = io.BytesIO()
    header = {"epoch": checkpoint.epoch, "step": checkpoint.step, "state": checkpoint.state}
    text = json.dumps(header, default=lambda number: number.item())  # NumPy's numbers
    arrays = {str(number): array for number, array in enumerate(checkpoint.arrays)}
    np.savez(packed, **arrays, **{STATE: np.frombuffer(text.encode(), np.uint8)})
    content = packed.getvalue()
    digest = hashlib.sha256(content).hexdigest().encode()
    files.write_durably(folder / checkpoint.filename, digest + b"\n" + content)
    paths = find(folder)
    ahead = [path for path in paths if path.name > checkpoint.filename]  # damaged, or of another
    for path in [*ahead, *sorted(set(paths) - set(ahead))[:-KEPT]]:
        path.unlink(missing_ok=True)


def newest(folder: Path) -> Checkpoint | None:
    """The newest checkpoint that is not damaged; None if there is none at all.

    A damaged one is named in a `UserWarning`, and the one before is taken.

    Raises:
        ValueError: if all are damaged.
    """
    paths = find(folder)
    for path in reversed(paths):
        try:
            return read(path)
        except (OSError, ValueError) as error:
            warnings.warn(f"{error} The checkpoint before it is taken.", stacklevel=2)
    if paths:
        raise ValueError(f"All {len(paths)} checkpoints in {folder} are damaged.")
    return None


def find(folder: Path) -> list[Path]:
    """Files of the checkpoints in `folder`, the oldest first."""
    return sorted(folder.glob(f"*{SUFFIX}"))


def read(path: Path) -> Checkpoint:
    """The checkpoint in a file.

    Raises:
        ValueError: if it is not what was written.
        OSError: if it cannot be read.
    """
    digest, _, content = path.read_bytes().partition(b"\n")
    if hashlib.sha256(content).hexdigest().encode() != digest:
        raise ValueError(f"The checkpoint {path} is damaged.")
    with np.load(io.BytesIO(content), allow_pickle=False) as packed:
        header = json.loads(packed[STATE].tobytes())
        arrays = [packed[str(number)] for number in range(len(packed.files) - 1)]
    return Checkpoint(header["epoch"], header["step"], arrays, header["state"])

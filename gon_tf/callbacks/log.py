"""A callback that keeps the table and the curve of a training."""

from __future__ import annotations

import csv
import os
import time
from pathlib import Path

import keras

from gon_tf import files, pictures
from gon_tf.callbacks.curve import loss_curve


class TrainingLog(keras.callbacks.Callback):
    """Writes the metrics of all epochs as a CSV file, and their loss as a picture.

    Unlike `keras.callbacks.CSVLogger` it writes both files anew, whole, after each epoch, and
    `Checkpoint` keeps its rows: after a training was killed and goes on, no row is there twice or
    in part.

    Args:
        table: path of the CSV file; a row for each epoch, from 1.
        curve: path of the PNG file with the loss, or None for no picture.

    Attributes:
        rows: the metrics of each epoch.
        seconds: time that training has taken so far.

    Raises:
        OSError: while training, if a file cannot be written.

    Example:
        >>> log = gon_tf.callbacks.TrainingLog("run/log.csv", "run/loss.png")
        >>> model.fit(images, epochs=10, callbacks=[log])
    """

    checkpointed = ("rows", "seconds")

    def __init__(self, table: str | os.PathLike, curve: str | os.PathLike | None = None):
        super().__init__()
        self.table = Path(table)
        self.curve = None if curve is None else Path(curve)
        self.rows: list[dict[str, float]] = []
        self.seconds = 0.0

    @property
    def seconds(self) -> float:
        """Time that training has taken so far; while it was stopped does not count."""
        return self._before + time.monotonic() - self._since

    @seconds.setter
    def seconds(self, value: float):
        self._before, self._since = value, time.monotonic()

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Starts the clock; `Checkpoint` sets it to what it was."""
        self.seconds = 0.0

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Writes both files."""
        self.rows.append({"epoch": epoch + 1, **{k: float(v) for k, v in (logs or {}).items()}})
        with (
            files.replacing(self.table) as temporary,
            temporary.open("w", newline="", encoding="utf-8") as file,
        ):
            # Not every epoch has all metrics: `fit` may validate every second one only.
            names = dict.fromkeys(name for row in self.rows for name in row)
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(self.rows)
        if self.curve:
            pictures.write(self.curve, loss_curve(self.rows))

    def read(self, epochs: int) -> None:
        """Takes the rows of the first `epochs` in the table that is there, to add to them.

        Raises:
            ValueError: if the table does not have them.
            OSError: if it cannot be read.
        """
        with self.table.open(newline="", encoding="utf-8") as file:
            texts = list(csv.DictReader(file))[:epochs]
        try:
            rows = [{name: float(text) for name, text in row.items() if text} for row in texts]
            numbers = [int(row["epoch"]) for row in rows]
        except (ValueError, TypeError, LookupError):
            rows, numbers = [], []
        if numbers != list(range(1, epochs + 1)):
            raise ValueError(
                f"{self.table} must have a row of numbers for each of {epochs} epochs."
            )
        self.rows = [{**row, "epoch": epoch} for row, epoch in zip(rows, numbers, strict=True)]

"""What a training says while it runs: what it does, then a line for each epoch."""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from gon_tf.training.memory import GB

if TYPE_CHECKING:
    from gon_tf.training.build import Job

PAUSE = 0.2  # seconds between two looks at an epoch that is under way
WIDTH = 99  # of a line that is written over, which must not wrap


def header(job: Job, folder: Path, done: int) -> str:
    """What is trained on what, how large, and where to look; `done` epochs are behind."""
    recipe, (height, width, channels) = job.recipe, job.model.image_shape
    size = f"{width}x{height} {'grey' if channels == 1 else 'RGB'}"
    held = f"{len(job.validation):,} held out" if job.validation else "none held out"
    parameters = sum(math.prod(weight.shape) for weight in job.model.trainable_weights)
    rest = f", {done} of them done" if done else ""
    look = "loss.png, reconstructions/ and samples/" if job.pictures_every else "loss.png"
    return "\n".join(
        [
            f"Training {recipe.variant} on {len(job.images):,} pictures of {recipe.dataset} "
            f"({size}), {held}.",
            f"{parameters:,} parameters, about {job.memory.total / GB:.1f} GB of memory; "
            f"{job.epochs} epochs of {job.steps_per_epoch:,} steps{rest}.",
            f"Look at {look} in {folder}.",
        ]
    )


class Progress(keras.callbacks.Callback):
    """Prints a line for each epoch to stderr, and on a terminal how far the epoch at hand is."""

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Starts the clock."""
        self.durations: list[float] = []
        self.said = 0.0
        self.live = sys.stderr.isatty()

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Notes the epoch."""
        self.epoch, self.since = epoch, time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """On a terminal, writes over the line of the epoch at hand."""
        now = time.monotonic()
        if self.live and now - self.said > PAUSE:
            self.said, part = now, (batch + 1) / self.params["steps"]
            text = f"{self.name()}  {part:4.0%}  {error(logs or {})}  {self.left(part)}"
            print(f"\r{text[:WIDTH]:{WIDTH}}", end="", file=sys.stderr, flush=True)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Prints the line of an epoch."""
        logs = logs or {}
        self.durations.append(time.monotonic() - self.since)
        held = {name.removeprefix("val_"): logs[name] for name in logs if name.startswith("val_")}
        parts = [self.name(), error(logs)]
        parts += [f"held out: {error(held)}"] if held else []
        parts += [clock(self.durations[-1]), self.left(1.0)]
        text = "  ".join(filter(None, parts))
        print(f"\r{text:{WIDTH}}" if self.live else text, file=sys.stderr, flush=True)

    def name(self) -> str:
        """Which epoch of how many."""
        return f"epoch {self.epoch + 1:{len(str(self.params['epochs']))}}/{self.params['epochs']}"

    def left(self, part: float) -> str:
        """The time that all epochs will still take, `part` of the one at hand being done."""
        known = self.durations[1:] or self.durations  # the first also builds the graph
        epoch = sum(known) / len(known) if known else (time.monotonic() - self.since) / part
        left = self.params["epochs"] - self.epoch - part
        return f"{clock(epoch * left)} left" if left else ""


def error(logs: dict[str, Any]) -> str:
    """The loss of an epoch, and the signal-to-noise ratio."""
    parts = [f"loss {float(logs['loss']):.4g}"] if "loss" in logs else []
    parts += [f"{float(logs['psnr']):.2f} dB"] if "psnr" in logs else []
    return "  ".join(parts)


def clock(seconds: float) -> str:
    """A duration as people read it: 8.1 s, 4:07 min, 2:04 h."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = seconds / 60
    if minutes < 60:
        return f"{int(minutes)}:{int(seconds) % 60:02} min"
    return f"{int(minutes / 60)}:{int(minutes) % 60:02} h"

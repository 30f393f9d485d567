"""A callback that shows after each epoch what a model has learned."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from gon_tf import arguments, pictures
from gon_tf.latents import fit_gaussian, mixture_draws

SHOWN = 10  # images whose reconstructions are shown


class Pictures(keras.callbacks.Callback):
    """Draws reconstructions, originals above, and samples after each epoch.

    The pictures go to `folder/reconstructions/0001.png`, `folder/samples/0001.png` and so on, and
    to TensorBoard if `log_dir` is given. The same images and the same seeds are shown each time.

    Args:
        images: `[n, height, width, channels]`, uint8 or float in [0, 1]. Ten of
            them, evenly from first to last, are shown.
            Samples come from a Gaussian that is fitted to the latents of all n, so n should be
            some hundreds; those of a variational model come from its prior.
        folder: where the PNG files go, or None for none.
        log_dir: TensorBoard's folder, or None. Needs the package tensorboard.
        samples: images that are sampled, >= 1.
        every: epochs from one picture to the next, >= 1; the last epoch is always shown.
        announce: called with the path of each PNG file before it is written, or None.

    Raises:
        ValueError: if an argument is out of range.
        OSError: while training, if a file cannot be written.

    Example:
        >>> pictures = gon_tf.callbacks.Pictures(images[:500], folder="run")
        >>> model.fit(images, epochs=10, callbacks=[pictures])
    """

    def __init__(
        self,
        images: np.ndarray,
        folder: str | os.PathLike | None = None,
        log_dir: str | os.PathLike | None = None,
        samples: int = 36,
        every: int = 1,
        announce: Callable[[Path], None] | None = None,
    ):
        super().__init__()
        if len(images) < 2:
            raise ValueError(f"Pictures needs at least 2 images. Received: {len(images)}")
        self.images = images
        self.folder = None if folder is None else Path(folder)
        self.writer = None if log_dir is None else tf.summary.create_file_writer(str(log_dir))
        self.samples = arguments.integer("samples", samples)
        self.every = arguments.integer("every", every)
        self.announce = announce

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Draws the pictures of this epoch."""
        last = epoch + 1 == self.params["epochs"] or self.model.stop_training
        if (epoch + 1) % self.every and not last:
            return
        for name, picture in self.draw().items():
            if self.folder:
                path = self.folder / name / f"{epoch + 1:04}.png"
                if self.announce:
                    self.announce(path)
                pictures.write(path, picture)
            if self.writer:
                with self.writer.as_default():
                    tf.summary.image(name, picture[None], step=epoch)
                self.writer.flush()

    def draw(self) -> dict[str, np.ndarray]:
        """The grids of reconstructions and of samples, uint8."""
        latents = self.model.encode(self.images)
        count = min(SHOWN, len(self.images))
        chosen = np.arange(count) * len(self.images) // count
        shown, reconstructions = self.images[chosen], self.model.decode(latents[chosen])
        return {
            "reconstructions": pictures.pairs(
                pictures.to_uint8(shown), pictures.to_uint8(reconstructions)
            ),
            "samples": pictures.square(pictures.to_uint8(self.draw_samples(latents))),
        }

    def draw_samples(self, latents: np.ndarray) -> np.ndarray:
        """Images of latents that are drawn from the model's distribution, or one like `latents`."""
        if self.model.is_normal:
            return self.model.sample(self.samples, prior="normal")
        mean, root = fit_gaussian([latents])
        seeds = range(self.samples)
        return self.model.decode(mixture_draws(seeds, np.ones(1), mean[None], root[None]))

"""How much a model's samples look like its data set, and whether they are copies of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from gon_tf import arguments, pictures

if TYPE_CHECKING:
    import keras

BATCH, VALUES = 256, 2**24  # images that are looked at together, and their values, at the most
NEIGHBOURS = 1000  # images whose nearest training image is sought
SIDE = 32  # pixels: larger images are compared at this size

Show = Callable[[Iterable, int, str], Iterable]


def plainly(items: Iterable, count: int, label: str) -> Iterable:
    """Shows nothing of a progress."""
    return items


def measure(
    model: keras.Model,
    train: np.ndarray,
    held_out: np.ndarray,
    samples: int = 5000,
    repeats: int = 3,
    extractor: Any = None,
    show: Show = plainly,
) -> dict[str, Any]:
    """Frechet distance of a model's samples to held-out images, its floor, and copies.

    The floor is what real images would get: the distance of as many training images. That of the
    reconstructions of held-out images is what the decoder can do, whatever is drawn. A sample that
    was memorised lies nearer to a training image than new images of the same kind do: "copies" is
    the share of samples whose nearest training image (squared error of pixels) is nearer than that
    of 99% of the held-out images, so 0.01 is what new images get.

    Memory depends neither on the number of images, which may be on disk, nor, above 32x32 pixels,
    on their size.

    Args:
        model: one that can `sample`.
        train: the images it was trained on, uint8 `[n, height, width, channels]`.
        held_out: others of the same kind, as many as can be had; the same size.
        samples: how many to draw in each repetition, >= 2.
        repeats: how many times to draw, with other seeds, >= 1.
        extractor: see `gon_tf.metrics.FrechetDistance`.
        show: passes through batches, of which it learns number and label: for a progress bar.

    Returns:
        "samples", "repeats", "frechet" (the mean), "frechet_of_each", "frechet_deviation" (between
        repetitions; None for one), "frechet_of_training_images", "frechet_of_reconstructions",
        "copies", "nearest_training_image" (median squared error) and the same "_of_held_out".

    Raises:
        ValueError: if the model cannot sample yet, there are fewer than two images of a kind, or
            they are not uint8 of one size.

    Example:
        >>> figures = measure(model, images, test, samples=4, repeats=2)
        >>> len(figures["frechet_of_each"])
        2
    """
    samples = arguments.integer("samples", samples, minimum=2)
    repeats = arguments.integer("repeats", repeats)
    for name, images in (("train", train), ("held_out", held_out)):
        if images.dtype != np.uint8 or images.shape[1:] != model.image_shape or len(images) < 2:
            raise ValueError(
                f"{name} must be two or more images, uint8 of the shape {model.image_shape}. "
                f"Received: {images.dtype} {images.shape}"
            )
    model.sample(1)  # tells now if it cannot
    from gon_tf.metrics import FrechetDistance

    together = batch_size(model.image_shape)

    def distance(batches: Iterable, count: int, label: str) -> float:
        metric.reset_generated()
        for batch in show(batches, math.ceil(count / together), label):
            metric.update_state(None, batch)
        return float(metric.result())

    metric = FrechetDistance(extractor, dtype="float64")
    for batch in show(in_batches(held_out), math.ceil(len(held_out) / together), "Held-out images"):
        metric.update_state(batch)
    taken = np.linspace(0, len(train) - 1, min(samples, len(train))).astype(int)
    floor = distance(in_batches(train, taken), len(taken), "Training images")
    rebuilt = map(model.reconstruct, in_batches(held_out[:samples]))
    reconstructed = distance(
        map(pictures.to_uint8, rebuilt), min(samples, len(held_out)), "Reconstructions"
    )
    rows, distances = [rows_of(held_out[:NEIGHBOURS])], []
    for repeat in range(repeats):
        kept: list[np.ndarray] = []
        drawn = keeping(draws(model, samples, repeat * samples), kept)
        distances.append(distance(drawn, samples, f"Samples {repeat + 1}/{repeats}"))
        rows.append(np.concatenate(kept)[:NEIGHBOURS])
    nearest = nearest_rows(np.concatenate(rows), train, show)
    new, drawn = nearest[: len(rows[0])], nearest[len(rows[0]) :]
    return {
        "samples": samples,
        "repeats": repeats,
        "frechet": float(np.mean(distances)),
        "frechet_of_each": distances,
        "frechet_deviation": float(np.std(distances, ddof=1)) if repeats > 1 else None,
        "frechet_of_training_images": floor,
        "frechet_of_reconstructions": reconstructed,
        "copies": float(np.mean(drawn < np.quantile(new, 0.01))),
        "nearest_training_image": float(np.median(drawn)),
        "nearest_training_image_of_held_out": float(np.median(new)),
    }


def draws(model: keras.Model, count: int, seed: int) -> Iterator[np.ndarray]:
    """Samples in batches, as uint8 like the data set's images."""
    together = batch_size(model.image_shape)
    for start in range(0, count, together):
        part = min(together, count - start)
        yield pictures.to_uint8(model.sample(part, seed=seed + start))


def keeping(batches: Iterable[np.ndarray], kept: list[np.ndarray]) -> Iterator[np.ndarray]:
    """The batches; the rows of the first `NEIGHBOURS` images, or a few more, end up in `kept`."""
    for batch in batches:
        if sum(map(len, kept)) < NEIGHBOURS:
            kept.append(rows_of(batch))
        yield batch


def in_batches(images: np.ndarray, rows: np.ndarray | None = None) -> Iterator[np.ndarray]:
    """All images, or those of some numbers, a batch at a time."""
    rows = np.arange(len(images)) if rows is None else rows
    together = batch_size(images.shape[1:])
    for start in range(0, len(rows), together):
        yield images[rows[start : start + together]]


def batch_size(image_shape: tuple[int, ...]) -> int:
    """How many images of a shape are looked at together."""
    return min(BATCH, max(1, VALUES // math.prod(image_shape)))


def nearest_distances(images: np.ndarray, among: np.ndarray, show: Show = plainly) -> np.ndarray:
    """Squared error of each image to the nearest of `among`, pixels in [0, 1], `[len(images)]`.

    Images of more than 32 pixels a side are compared at that size.

    Args:
        images: uint8 `[n, height, width, channels]`.
        among: the same; may be on disk.
        show: as for `measure`.

    Example:
        >>> nearest_distances(images[:2], images).round(2)
        array([0., 0.], dtype=float32)
    """
    return nearest_rows(rows_of(images), among, show)


def nearest_rows(wanted: np.ndarray, among: np.ndarray, show: Show = plainly) -> np.ndarray:
    """The same for images that are rows already."""
    nearest = np.full(len(wanted), np.inf, np.float32)
    batches = math.ceil(len(among) / batch_size(among.shape[1:]))
    for batch in show(in_batches(among), batches, "Nearest training images"):
        part = rows_of(batch)
        found = np.sum(part**2, axis=1) - 2 * wanted @ part.T
        np.minimum(nearest, np.min(found, axis=1), out=nearest)
    return np.maximum(nearest + np.sum(wanted**2, axis=1), 0)


def rows_of(images: np.ndarray) -> np.ndarray:
    """uint8 images as rows of float32 in [0, 1], at `SIDE` pixels a side at the most."""
    height, width, _ = images.shape[1:]
    size = min(height, SIDE), min(width, SIDE)
    if size != (height, width):
        import tensorflow as tf

        parts = [tf.image.resize(part, size, antialias=True) for part in in_batches(images)]
        images = np.concatenate(parts)
    return images.reshape(len(images), -1).astype(np.float32) / 255

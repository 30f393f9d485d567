"""What is known of a signal: its values at some points. Checks, and the points of grids."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gon_tf import arguments
from gon_tf.models import inputs


@dataclass(frozen=True)
class Observations:
    """Values of signals at points.

    Attributes:
        values: `[batch, points, channels]`, uint8 or float32 in [0, 1].
        coordinates: `[points, coordinate_dim]` float32, or `[batch, points, coordinate_dim]`.
        weights: of the values in the loss, float32 `[batch, points, 1]`, or `[1, points, 1]` if
            the signals share them: 0 for an unknown value, in sum the grid's number of points.
    """

    values: np.ndarray
    coordinates: np.ndarray
    weights: np.ndarray

    def __getitem__(self, rows: slice) -> Observations:
        """The observations of some of the signals."""
        own_points, own_weights = self.coordinates.ndim == 3, len(self.weights) > 1
        return Observations(
            self.values[rows],
            self.coordinates[rows] if own_points else self.coordinates,
            self.weights[rows] if own_weights else self.weights,
        )


def grid(sides: Sequence[int]) -> np.ndarray:
    """Coordinates of a grid's points, row by row, `[points, len(sides)]` float32 in [-1, 1]."""
    axes = [np.linspace(-1.0, 1.0, side, dtype=np.float32) for side in sides]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))


def observe(values: Any, coordinates: Any, mask: Any, image_shape: tuple[int, ...]) -> Observations:
    """Checks what `ImplicitGON.encode` is given.

    Args:
        values: `[batch, *image_shape]`; with `coordinates`, `[batch, points, channels]`.
        coordinates: None, `[points, coordinate_dim]` or `[batch, points, coordinate_dim]`.
        mask: None, or true where a value is known: the shape of the values without the channels,
            with or without the batch.
        image_shape: that of the model.

    Raises:
        ValueError: if they do not match each other or the model, or nothing is known of a signal.
        TypeError: if the values are integers other than uint8.
    """
    *sides, channels = image_shape
    values = np.asarray(values)
    if coordinates is None:
        expected, shape, coordinates = f"{(None, *image_shape)}", tuple(image_shape), grid(sides)
    else:
        coordinates = checked_coordinates(coordinates, values, len(sides))
        expected = f"[batch, points, {channels}]"
        shape = (coordinates.shape[-2], channels)
    if values.ndim != len(shape) + 1 or values.shape[1:] != shape:
        raise ValueError(f"values must have the shape {expected}. Received: {values.shape}")
    known = checked_mask(mask, values.shape[:-1])
    # What is not known may be anything, NaN for example.
    values = inputs.checked_images(np.where(known[..., None], values, values.dtype.type(0)), shape)
    values = values.reshape(len(values), math.prod(shape[:-1]), channels)
    known = known.reshape(len(known), math.prod(shape[:-1]), 1)
    if len(known) == 1 and coordinates.ndim == 2:
        # One mask for all: without the unknown points, all values count.
        chosen = np.flatnonzero(known)
        values, coordinates, known = values[:, chosen], coordinates[chosen], known[:, chosen]
    weights = known * np.float32(math.prod(sides)) / known.sum(axis=1, keepdims=True)
    if coordinates.ndim == 3:
        weights = np.broadcast_to(weights, (*values.shape[:2], 1))
    return Observations(values, coordinates, weights.astype(np.float32))


def checked_coordinates(coordinates: Any, values: np.ndarray, dim: int) -> np.ndarray:
    """`coordinates` as float32, of the points of all signals or of each one's."""
    coordinates = np.asarray(coordinates, dtype=np.float32)
    points = values.shape[1] if values.ndim == 3 else None
    if coordinates.shape not in ((points, dim), (len(values), points, dim)):
        raise ValueError(
            f"coordinates must be [points, {dim}] or [batch, points, {dim}] for values "
            f"[batch, points, channels]. Received: coordinates {coordinates.shape} for values "
            f"{values.shape}"
        )
    if not np.all(np.isfinite(coordinates)):
        raise ValueError("coordinates must be finite. Received: values that are NaN or infinite")
    return coordinates


def checked_mask(mask: Any, shape: tuple[int, ...]) -> np.ndarray:
    """`mask` as booleans of `shape`, the first axis being 1 if all signals share it."""
    mask = np.ones(shape[1:], bool) if mask is None else np.asarray(mask)
    if mask.shape not in (shape, shape[1:]):
        raise ValueError(
            f"mask must have the shape {shape[1:]} or {shape} of the values without channels. "
            f"Received: {mask.shape}"
        )
    if mask.dtype != bool and not np.all((mask == 0) | (mask == 1)):
        raise ValueError(
            "mask must be true (or 1) where a value is known and false (or 0) elsewhere. "
            f"Received: values from {mask.min():g} to {mask.max():g}"
        )
    mask = mask.astype(bool) if mask.shape == shape else mask.astype(bool)[None]
    if not np.all(mask.any(axis=tuple(range(1, mask.ndim)))):
        raise ValueError("mask must leave a known value in every image. Received: one without")
    return mask


def checked_size(size: Any, dim: int) -> tuple[int, ...]:
    """`size` as the sides of a grid of `dim` dimensions."""
    sides = integers("size", size)
    if len(sides) != dim:
        raise ValueError(f"size must be {dim} integers >= 1. Received: size={size!r}")
    return sides


def integers(name: str, values: Any) -> tuple[int, ...]:
    """`values` as integers >= 1."""
    if not isinstance(values, Iterable):
        raise ValueError(f"{name} must be integers >= 1. Received: {name}={values!r}")
    return tuple(arguments.integer(name, value) for value in values)

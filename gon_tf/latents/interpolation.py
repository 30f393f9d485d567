"""Ways from one latent to another."""

from __future__ import annotations

import numpy as np


def slerp(start: np.ndarray, end: np.ndarray, steps: int) -> np.ndarray:
    """Points on the arc from `start` to `end` `[latent_dim]`, both included, `[steps, latent_dim]`.

    The direction turns at constant speed and the length changes linearly. Vectors that point the
    same way give a line; of opposite vectors' many arcs it takes a fixed one.
    """
    start, end = np.asarray(start, np.float64), np.asarray(end, np.float64)
    lengths = np.linalg.norm(start), np.linalg.norm(end)
    t = np.linspace(0.0, 1.0, steps)[:, None]
    if min(lengths) == 0.0:
        return ((1 - t) * start + t * end).astype(np.float32)
    first, last = start / lengths[0], end / lengths[1]
    across = last - (last @ first) * first
    sine = np.linalg.norm(across)
    angle = np.arctan2(sine, last @ first)
    across = across / sine if sine > 1e-9 else _perpendicular(first)
    length = (1 - t) * lengths[0] + t * lengths[1]
    return (length * (np.cos(t * angle) * first + np.sin(t * angle) * across)).astype(np.float32)


def _perpendicular(direction: np.ndarray) -> np.ndarray:
    """A unit vector at right angles to the unit vector `direction`."""
    axis = np.zeros_like(direction)
    axis[np.argmin(np.abs(direction))] = 1.0
    across = axis - (axis @ direction) * direction
    length = np.linalg.norm(across)
    return across / length if length > 0 else across  # there is none in one dimension

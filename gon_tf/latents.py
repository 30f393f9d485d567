"""The distribution of latents: a Gaussian fit, draws that belong to a seed, interpolation."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


def fit_gaussian(batches: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Mean `[latent_dim]` and square root of the covariance `[latent_dim, latent_dim]`.

    Args:
        batches: arrays of latents `[n, latent_dim]`, at least two latents in all. They are summed
            in float64 as they come, so that memory does not grow with their number.

    Raises:
        ValueError: if there are fewer than two latents, or one is not finite.
    """
    count, total, products = 0, 0.0, 0.0
    for latents in batches:
        latents = np.asarray(latents, dtype=np.float64)
        count += len(latents)
        total = total + latents.sum(axis=0)
        products = products + latents.T @ latents
    if count < 2:
        raise ValueError(f"A Gaussian needs at least 2 latents. Received: {count}")
    if not np.all(np.isfinite(products)):
        raise ValueError("A Gaussian needs finite latents. Received: latents with NaN or infinity")
    mean = total / count
    covariance = (products - count * np.outer(mean, mean)) / (count - 1)
    # The symmetric root exists for singular covariances too (fewer images than latents).
    variances, axes = np.linalg.eigh(covariance)
    root = (axes * np.sqrt(np.maximum(variances, 0.0))) @ axes.T
    return mean.astype(np.float32), root.astype(np.float32)


def standard_normal(seeds: Iterable[int], latent_dim: int) -> np.ndarray:
    """One draw from N(0, I) for each seed, `[len(seeds), latent_dim]` float32.

    Example:
        >>> bool((standard_normal([17], 8) == standard_normal(range(64), 8)[17]).all())
        True
    """
    draws = [np.random.default_rng(seed).standard_normal(latent_dim) for seed in seeds]
    return np.asarray(draws, dtype=np.float32).reshape(-1, latent_dim)


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

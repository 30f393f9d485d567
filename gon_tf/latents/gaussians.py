"""What every prior is in the end: some Gaussians, each with a weight, and draws from them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np


class Gaussians(NamedTuple):
    """A mixture of Gaussians of latents, as plain arrays: all that is needed to draw from it.

    A draw chooses a Gaussian k by `weights`; with standard normal noise `[rank]` it is

        means[k] + noise @ axes[k]

    Attributes:
        weights: float32 `[components]`, of sum 1.
        means: float32 `[components, latent_dim]`.
        axes: float32 `[components, rank, latent_dim]`. A full Gaussian has `latent_dim` of them.
        labels: for each component the label of its images; empty if there are no labels. Those of
            one label are neighbours.
    """

    weights: np.ndarray
    means: np.ndarray
    axes: np.ndarray
    labels: tuple[str, ...] = ()

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean `[latent_dim]` and covariance `[latent_dim, latent_dim]` of draws, float64."""
        weights = self.weights.astype(np.float64) / self.weights.sum()
        mean = weights @ self.means
        offsets = np.sqrt(weights)[:, None] * (self.means - mean)
        axes = np.sqrt(weights)[:, None, None] * self.axes
        axes = axes.reshape(-1, axes.shape[-1])
        return mean, offsets.T @ offsets + axes.T @ axes


def mixture_draws(
    seeds: Iterable[int], weights: np.ndarray, means: np.ndarray, axes: np.ndarray
) -> np.ndarray:
    """One draw from some Gaussians (see `Gaussians`) for each seed, `[len(seeds), latent_dim]`.

    The seed chooses the component, too: its generator gives the noise, then a uniform number.
    """
    draws = []
    for seed in seeds:
        generator = np.random.default_rng(seed)
        noise = generator.standard_normal(axes.shape[1])
        # Rounding in float32 may leave the sum of the weights a little below 1.
        chosen = np.searchsorted(np.cumsum(weights) / np.sum(weights), generator.random())
        draws.append(means[chosen] + noise @ axes[chosen])
    return np.asarray(draws, dtype=np.float32).reshape(-1, means.shape[1])

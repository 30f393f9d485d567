"""Coordinates of latents whose distances are those of pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

KEPT = 0.999  # of what moves pixels
# Rows of the Jacobian that its metric is estimated from: between these, and so many pixels.
FEWEST_ROWS, MOST_ROWS, PIXELS = 1024, 4096, 2**24

Pull = Callable[[np.ndarray, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Coordinates:
    """Axes of latents, those first that move the pixels of pictures most.

    With L a root of the covariance of the latents of images and J the decoder's Jacobian, the axes
    are the eigenvectors of the mean of L^T J^T J L. A step of 1 along each of them is one standard
    deviation of the latents, and `scales` says how far it moves a picture, as the root of the
    summed squares of its pixels' changes.

    Attributes:
        mean: float32 `[latent_dim]`, where all coordinates are 0.
        directions: float32 `[kept, latent_dim]`, the latents that a step of 1 leads along.
        scales: float32 `[kept]`, falling.
        projection: float32 `[latent_dim, kept]`, from latents (less the mean) to coordinates.
    """

    mean: np.ndarray
    directions: np.ndarray
    scales: np.ndarray
    projection: np.ndarray

    @classmethod
    def fit(cls, mean: np.ndarray, covariance: np.ndarray, metric: np.ndarray) -> Coordinates:
        """The coordinates of latents of a mean and covariance, by the mean of J^T J there.

        Axes that together make 0.1% of the movement of pixels are left out.

        Args:
            mean: `[latent_dim]`.
            covariance: `[latent_dim, latent_dim]`, may be singular.
            metric: `[latent_dim, latent_dim]`, see `pixel_metric`.
        """
        variances, axes = np.linalg.eigh(np.asarray(covariance, np.float64))
        real = variances > 1e-10 * max(variances[-1], 0.0)
        if not real.any():  # a single image
            real[-1], variances = True, np.zeros_like(variances)
        deviations, axes = np.sqrt(variances[real]), axes[:, real]
        root = axes * deviations
        values, turn = np.linalg.eigh(root.T @ metric @ root)
        values, turn = np.maximum(values[::-1], 0.0), turn[:, ::-1]
        kept = 1 + int(np.searchsorted(np.cumsum(values), KEPT * values.sum()))
        turn = turn[:, :kept]
        turn *= np.sign(turn[np.abs(turn).argmax(axis=0), np.arange(turn.shape[1])])
        inverse = np.divide(1.0, deviations, out=np.zeros_like(deviations), where=deviations > 0)
        arrays = mean, (root @ turn).T, np.sqrt(values[:kept]), (axes * inverse) @ turn
        return cls(*(np.ascontiguousarray(array, np.float32) for array in arrays))

    def of(self, latents: np.ndarray) -> np.ndarray:
        """Coordinates `[n, kept]`, in standard deviations, of latents `[n, latent_dim]`."""
        return (latents - self.mean) @ self.projection

    def latents(self, coordinates: np.ndarray) -> np.ndarray:
        """Latents `[n, latent_dim]` float32 of coordinates `[n, kept]`.

        A row's result depends on no other row, nor on the number of threads.
        """
        product = np.einsum("nk,kd->nd", coordinates, self.directions.astype(np.float64))
        return (self.mean + product).astype(np.float32)


def pixel_metric(pull: Pull, latents: np.ndarray, pixels: int, together: int) -> np.ndarray:
    """The mean of J^T J over latents, `[latent_dim, latent_dim]`, J being a decoder's Jacobian.

    For random signs e of the pixels, J^T e has the mean square J^T J: one backward pass through the
    decoder for each of some thousand latents, instead of a Jacobian for each of a few.

    Args:
        pull: from latents `[n, latent_dim]` and a generator of signs to J^T e, `[n, latent_dim]`.
        latents: where to look, `[n, latent_dim]`, taken evenly, or again and again.
        pixels: numbers of a picture: for larger ones, fewer latents are looked at.
        together: latents in a pass.
    """
    rows = min(max(PIXELS // pixels, FEWEST_ROWS), MOST_ROWS)
    chosen = latents[np.arange(rows) * len(latents) // rows]
    random, total = np.random.default_rng(0), np.zeros(())
    for start in range(0, rows, together):
        pulled = np.asarray(pull(chosen[start : start + together], random), np.float64)
        total = total + pulled.T @ pulled
    return total / rows

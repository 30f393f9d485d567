"""The prior N(0, I)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from gon_tf.latents import labels as names
from gon_tf.latents.gaussians import Gaussians


class Normal:
    """The prior N(0, I): what the divergence of a variational model is from.

    Args:
        latent_dim: number of latents.
    """

    is_fitted = True  # from the start
    labels: tuple[str, ...] = ()

    def __init__(self, latent_dim: int):
        self.latent_dim = latent_dim

    def draws(self, seeds: Iterable[int], label: str | int | None = None) -> np.ndarray:
        """One draw for each seed, `[len(seeds), latent_dim]` float32.

        Raises:
            ValueError: if a label is asked for: this prior knows none.
        """
        if label is not None:
            raise ValueError(
                "Samples by label come from a prior that was fitted with labels, not from N(0, I). "
                f"Received: label={label!r}"
            )
        return standard_normal(seeds, self.latent_dim)

    def check_fit(self, count: int | None) -> None:
        """Accepts any number of latents to be fitted to."""

    def fit(
        self,
        batches: Iterable[np.ndarray],
        metric: Callable | None = None,
        labels: Sequence | np.ndarray | None = None,
    ) -> None:
        """Does nothing: this prior does not depend on the latents of images.

        Raises:
            ValueError: if there are labels.
        """
        names.refuse(labels, "normal")

    def gaussians(self) -> Gaussians:
        """This prior as one Gaussian; see `Gaussians`."""
        mean = np.zeros((1, self.latent_dim), np.float32)
        return Gaussians(np.ones(1, np.float32), mean, np.eye(self.latent_dim, dtype="f4")[None])

    def get_config(self) -> dict[str, Any]:
        """What a model's constructor is told of its prior."""
        return {"prior": "normal"}


def standard_normal(seeds: Iterable[int], latent_dim: int) -> np.ndarray:
    """One draw from N(0, I) for each seed, `[len(seeds), latent_dim]` float32.

    Example:
        >>> bool((standard_normal([17], 8) == standard_normal(range(64), 8)[17]).all())
        True
    """
    draws = [np.random.default_rng(seed).standard_normal(latent_dim) for seed in seeds]
    return np.asarray(draws, dtype=np.float32).reshape(-1, latent_dim)

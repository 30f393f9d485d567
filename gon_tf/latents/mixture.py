"""A few full Gaussians of all latents."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from gon_tf.latents import labels as names
from gon_tf.latents.gaussians import Gaussians, mixture_draws

MOST_LATENTS = 20_000  # that a mixture is fitted to
NOT_FITTED = (
    "The distribution of the latents is not known yet: call fit(images), or fit_latents(images) "
    "for a model whose weights come from elsewhere."
)


class Mixture:
    """A mixture of Gaussians, fitted to the latents of training images.

    Args:
        components: number of Gaussians, >= 1.
        latent_dim: number of latents.
        add_weight: makes a variable of zeros of a name and shape: where the mixture is kept.
    """

    def __init__(self, components: int, latent_dim: int, add_weight: Callable[[str, tuple], Any]):
        shape = (components, latent_dim)
        self.labels: tuple[str, ...] = ()
        self.components = components
        self.weights = add_weight("mixture_weights", shape[:1])
        self.means = add_weight("latent_mean", shape)
        self.roots = add_weight("latent_root", (*shape, latent_dim))
        self.fitted = add_weight("latents_fitted", ())

    @property
    def is_fitted(self) -> bool:
        """Whether there is something to draw from."""
        return bool(float(self.fitted))

    @property
    def variables(self) -> Sequence[Any]:
        """What `fit` changes."""
        return self.weights, self.means, self.roots, self.fitted

    def draws(self, seeds: Iterable[int], label: str | int | None = None) -> np.ndarray:
        """One draw for each seed, `[len(seeds), latent_dim]` float32.

        Raises:
            ValueError: if the mixture was not fitted, or a label is asked for: it knows none.
        """
        if label is not None:
            names.find(label, ())
        if not self.is_fitted:
            raise ValueError(NOT_FITTED)
        return mixture_draws(seeds, *map(np.asarray, (self.weights, self.means, self.roots)))

    def check_fit(self, count: int | None) -> None:
        """Raises now what `fit` would raise for so many latents (None: not known).

        Raises:
            ValueError: if there are too few.
            ImportError: if scikit-learn is needed and missing.
        """
        if self.components > 1:
            gaussian_mixture(self.components)
            if count is not None:
                check_count(count, self.components)

    def fit(
        self,
        batches: Iterable[np.ndarray],
        metric: Callable | None = None,
        labels: Sequence | np.ndarray | None = None,
    ) -> None:
        """Fits the mixture to batches of latents `[n, latent_dim]`, see `fit_mixture`.

        Raises:
            ValueError: if there are labels, which this prior has no use for; as `fit_mixture`.
        """
        names.refuse(labels, "mixture")
        for variable, value in zip(
            self.variables, (*fit_mixture(batches, self.components), 1.0), strict=True
        ):
            variable.assign(value)

    def gaussians(self) -> Gaussians:
        """This prior as plain arrays; see `Gaussians`.

        Raises:
            ValueError: if it was not fitted.
        """
        if not self.is_fitted:
            raise ValueError(NOT_FITTED)
        weights, means, roots = map(np.asarray, (self.weights, self.means, self.roots))
        return Gaussians(weights, means, roots)

    def get_config(self) -> dict[str, Any]:
        """What a model's constructor is told of its prior."""
        return {"prior": "mixture", "components": self.components}


def fit_gaussian(batches: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Mean `[latent_dim]` and square root of the covariance `[latent_dim, latent_dim]`.

    Args:
        batches: arrays of latents `[n, latent_dim]`, at least one latent in all; of a single one
            the covariance is zero. They are summed in float64 as they come, so that memory does not
            grow with their number.

    Raises:
        ValueError: if there is no latent, or one is not finite.
    """
    mean, covariance = moments_of(batches)
    return mean.astype(np.float32), _root(covariance).astype(np.float32)


def moments_of(batches: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Mean `[latent_dim]` and covariance, float64, as `fit_gaussian`."""
    count, total, products = 0, np.zeros(()), np.zeros(())
    for latents in batches:
        latents = np.asarray(latents, dtype=np.float64)
        count += len(latents)
        total = total + latents.sum(axis=0)
        products = products + latents.T @ latents
    if count < 1:
        raise ValueError("A Gaussian needs at least 1 latent. Received: none")
    if not np.all(np.isfinite(products)):
        raise ValueError("A Gaussian needs finite latents. Received: latents with NaN or infinity")
    mean = total / count
    covariance = (products - count * np.outer(mean, mean)) / max(count - 1, 1)
    return mean, covariance


def fit_mixture(
    batches: Iterable[np.ndarray], components: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mixture of Gaussians: the components' weights, means and square roots of the covariances.

    One component is `fit_gaussian`. More are fitted with scikit-learn's `GaussianMixture` to at
    most 20,000 of the latents, taken evenly; the same latents give the same mixture.

    Args:
        batches: arrays of latents `[n, latent_dim]`, at least two for each component.
        components: number of Gaussians, >= 1.

    Returns:
        float32 arrays `[components]` (of sum 1), `[components, latent_dim]` and
        `[components, latent_dim, latent_dim]`.

    Raises:
        ValueError: if there are too few latents, or one is not finite.
        ImportError: if scikit-learn is needed and missing.

    Example:
        >>> draws = np.random.default_rng(0).normal(size=(100, 2)) + [[5.0, 0.0]]
        >>> weights, means, roots = fit_mixture([draws, -draws], components=2)
        >>> np.sort(means[:, 0]).round()
        array([-5.,  5.], dtype=float32)
    """
    if components == 1:
        mean, root = fit_gaussian(batches)
        return np.ones(1, np.float32), mean[None], root[None]
    kind = gaussian_mixture(components)
    taken = take_evenly(batches, MOST_LATENTS)
    check_count(len(taken), components)
    if not np.all(np.isfinite(taken)):
        raise ValueError("A mixture needs finite latents. Received: latents with NaN or infinity")
    # The scale of latents is arbitrary: what keeps covariances regular is relative to it.
    scale = np.sqrt(taken.var(axis=0).mean()) or 1.0
    mixture = kind(components, random_state=0).fit(taken / scale)
    weights, means = mixture.weights_, scale * mixture.means_
    roots = scale * np.stack([_root(covariance) for covariance in mixture.covariances_])
    return weights.astype(np.float32), means.astype(np.float32), roots.astype(np.float32)


def gaussian_mixture(components: int) -> Any:
    """The class of scikit-learn that fits mixtures.

    Raises:
        ImportError: if it is missing.
    """
    try:
        from sklearn.mixture import GaussianMixture
    except ImportError as error:
        raise ImportError(
            'A mixture of Gaussians needs scikit-learn: pip install "gon-tf[mixture]". '
            f"Received: components={components}"
        ) from error
    return GaussianMixture


def check_count(count: int, components: int) -> None:
    """Raises ValueError if `count` latents are too few for a mixture."""
    if count < 2 * components:
        raise ValueError(
            f"A mixture needs at least 2 latents for each component. Received: {count} "
            f"latents, components={components}"
        )


def take_evenly(batches: Iterable[np.ndarray], most: int) -> np.ndarray:
    """Every n-th row of the batches, float64, at most `most` rows, with n as small as can be.

    The number of rows need not be known: when too many are held, every other one is dropped.
    """
    kept, every, seen = np.zeros((0, 0)), 1, 0
    for batch in batches:
        rows = np.asarray(batch, dtype=np.float64)[-seen % every :: every]
        kept = np.concatenate([kept, rows]) if seen else rows
        seen += len(batch)
        while len(kept) > most:
            kept, every = kept[::2], 2 * every
    return kept


def _root(covariance: np.ndarray) -> np.ndarray:
    """The symmetric square root; it exists for singular covariances too (few images)."""
    variances, axes = np.linalg.eigh(covariance)
    return (axes * np.sqrt(np.maximum(variances, 0.0))) @ axes.T

"""Many small Gaussians where the latents of images are: the prior that models sample from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from typing import Any

import keras
import numpy as np

from gon_tf import arguments
from gon_tf.latents import labels as names
from gon_tf.latents.clusters import k_means, principal_axes
from gon_tf.latents.coordinates import Coordinates
from gon_tf.latents.gaussians import Gaussians, mixture_draws
from gon_tf.latents.mixture import NOT_FITTED, check_count, moments_of, take_evenly

MOST_COMPONENTS, IMAGES_EACH, RANK = 256, 200, 16  # by default
MOST_FITTED = 2**16  # latents
COORDINATES = tuple(field.name for field in fields(Coordinates))


class LocalGaussians(keras.Layer):
    """A mixture of Gaussians of few dimensions each, fitted to the latents of training images.

    The latents of images lie on thin, curved sheets, which one Gaussian, or a few full ones, miss.
    So there are many, each of them flat: the mean of a cluster of latents (k-means), and the axes
    along which they spread most. Distances are those of pictures (see `Coordinates`). If images
    have labels, a cluster has images of one label.

    A model's files keep the clusters in these coordinates, as float16. They are no Keras variables,
    as their number depends on what they are fitted to; `copy_from` takes them from another model.

    Args:
        latent_dim: number of latents.
        components: number of Gaussians; by default one for 200 images, at most 256.
        rank: number of axes of each; by default 16, and all of them if there is one Gaussian.
        labels: the different labels, of a prior that is to be read from a file.
    """

    def __init__(
        self,
        latent_dim: int,
        components: int | None = None,
        rank: int | None = None,
        labels: Sequence[str] = (),
    ):
        super().__init__(dtype="float32", trainable=False, name="prior")
        self.latent_dim = latent_dim
        self.components, self.rank = components, rank
        for name, value in (("components", components), ("rank", rank)):
            if value is not None:
                arguments.integer(name, value)
        self.labels = tuple(labels)
        self.coordinates: Coordinates | None = None
        self.clusters: Gaussians | None = None  # in the coordinates
        self.groups = np.zeros(0, np.int64)  # the place of each cluster's label among the labels
        self.built = True

    @property
    def parts(self) -> tuple[Coordinates, Gaussians]:
        """The coordinates, and the clusters in them.

        Raises:
            ValueError: if it was not fitted.
        """
        if self.clusters is None or self.coordinates is None:
            raise ValueError(NOT_FITTED)
        return self.coordinates, self.clusters

    @property
    def is_fitted(self) -> bool:
        """Whether there is something to draw from."""
        return self.clusters is not None

    def draws(self, seeds: Iterable[int], label: str | int | None = None) -> np.ndarray:
        """One draw for each seed, `[len(seeds), latent_dim]` float32.

        Args:
            seeds: any number of them.
            label: draws from the Gaussians of this label only.

        Raises:
            ValueError: if the prior was not fitted, or there is no such label.
        """
        coordinates, (weights, means, axes, _) = self.parts
        chosen = slice(None) if label is None else self.groups == names.find(label, self.labels)
        drawn = mixture_draws(seeds, weights[chosen], means[chosen], axes[chosen])
        return coordinates.latents(drawn)

    def check_fit(self, count: int | None) -> None:
        """Raises now what `fit` would raise for so many latents (None: not known).

        Raises:
            ValueError: if there are too few.
        """
        if count is not None and self.components is not None and self.components > 1:
            check_count(count, self.components)

    def fit(
        self,
        batches: Iterable[np.ndarray],
        metric: Callable[[np.ndarray], np.ndarray],
        labels: Sequence | np.ndarray | None = None,
    ) -> None:
        """Fits the Gaussians to latents of images.

        Args:
            batches: arrays of latents `[n, latent_dim]`, at least one latent in all. Of more than
                65,536 an even part is taken.
            metric: from some of the latents to the mean of J^T J there (see `pixel_metric`).
            labels: one for each latent, texts or integers, or None.

        Raises:
            ValueError: if there are too few latents, one is not finite, or the labels are of
                another number.
            TypeError: if labels are neither texts nor integers.
        """
        found: tuple[str, ...] = ()
        if labels is not None:
            found, numbers = names.as_names(labels, len(labels))
            batches = numbered(batches, numbers)
        latents = take_evenly(batches, MOST_FITTED)
        groups = np.zeros(len(latents), np.int64)
        if labels is not None:
            latents, groups = latents[:, :-1], latents[:, -1].astype(np.int64)
        mean, covariance = moments_of([latents])
        self.check_fit(len(latents))
        coordinates = Coordinates.fit(mean, covariance, metric(latents.astype(np.float32)))
        clusters = self.clustered(coordinates, latents, groups)
        self.coordinates, self.labels = coordinates, found
        self.groups, self.clusters = clusters

    def clustered(
        self, coordinates: Coordinates, latents: np.ndarray, groups: np.ndarray
    ) -> tuple[np.ndarray, Gaussians]:
        """The group of each cluster, and the clusters, of latents and their groups."""
        points, scales = coordinates.of(latents), coordinates.scales.astype(np.float64)
        wanted, rank = self.numbers(len(points), len(scales))
        weights, means, axes, of_groups = [], [], [], []
        for group in np.unique(groups):
            own = points[groups == group]
            count = min(max(1, round(wanted * len(own) / len(points))), len(own))
            clusters = k_means(own * scales, count)
            for cluster in range(clusters.max() + 1):
                members = own[clusters == cluster]
                middle = members.mean(axis=0)
                spread = principal_axes((members - middle) * scales, rank)
                weights.append(len(members) / len(points))
                means.append(middle)
                axes.append(np.divide(spread, scales, out=np.zeros_like(spread), where=scales > 0))
                of_groups.append(group)
        # As they are kept: a seed's picture is the same before and after.
        means, axes = (np.asarray(kept, np.float16).astype(np.float32) for kept in (means, axes))
        return np.asarray(of_groups), Gaussians(np.asarray(weights, np.float32), means, axes)

    def numbers(self, latents: int, dimensions: int) -> tuple[int, int]:
        """How many Gaussians, and how many axes, for so many latents of so many coordinates."""
        count = self.components or min(max(latents // IMAGES_EACH, 1), MOST_COMPONENTS)
        rank = self.rank or (RANK if count > 1 else dimensions)
        return count, max(1, min(rank, dimensions, latents - 1))

    def gaussians(self) -> Gaussians:
        """This prior as plain arrays; see `Gaussians`.

        Raises:
            ValueError: if it was not fitted.
        """
        coordinates, (weights, means, axes, _) = self.parts
        labels = tuple(self.labels[group] for group in self.groups) if self.labels else ()
        axes = axes @ coordinates.directions
        return Gaussians(weights, coordinates.latents(means), axes, labels)

    # On disk

    def copy_from(self, other: LocalGaussians) -> None:
        """Takes what another prior was fitted to."""
        self.coordinates, self.clusters = other.coordinates, other.clusters
        self.groups, self.labels = other.groups, other.labels

    def save_own_variables(self, store: Any) -> None:
        """Keeps the arrays in a weights file; Keras calls it."""
        if not self.is_fitted:
            return
        coordinates, (weights, means, axes, _) = self.parts
        for name in COORDINATES:
            store[name] = getattr(coordinates, name)
        store["weights"], store["groups"] = weights, self.groups
        store["means"], store["axes"] = means.astype(np.float16), axes.astype(np.float16)

    def load_own_variables(self, store: Any) -> None:
        """Reads what `save_own_variables` kept; a file of a model without it changes nothing.

        Raises:
            ValueError: if the arrays do not fit together.
        """
        if "weights" not in store:
            return
        kept = {name: np.asarray(store[name]) for name in (*COORDINATES, *CLUSTERS, "groups")}
        check(kept, self.latent_dim, len(self.labels))
        arrays = {name: array.astype(np.float32) for name, array in kept.items()}
        self.coordinates = Coordinates(*(arrays[name] for name in COORDINATES))
        self.clusters = Gaussians(arrays["weights"], arrays["means"], arrays["axes"])
        self.groups = kept["groups"].astype(np.int64)

    def get_config(self) -> dict[str, Any]:
        """What a model's constructor is told of its prior."""
        return {
            "prior": "local-gaussians",
            "components": self.components,
            "rank": self.rank,
            "labels": list(self.labels) or None,
        }


CLUSTERS = ("weights", "means", "axes")


def numbered(batches: Iterable[np.ndarray], numbers: np.ndarray) -> Iterable[np.ndarray]:
    """Batches with a further column: the number of each row.

    Raises:
        ValueError: if there are more or fewer rows.
    """
    seen = 0
    for batch in batches:
        own = numbers[seen : seen + len(batch)]
        seen += len(batch)
        if len(own) < len(batch):
            continue  # to say how many there are
        yield np.column_stack([batch, own])
    if seen != len(numbers):
        raise ValueError(
            f"labels must be one for each of {seen} images. Received: {len(numbers)} labels"
        )


def check(kept: dict[str, np.ndarray], latent_dim: int, labels: int) -> None:
    """Raises ValueError unless arrays of a file, which may be a stranger's, fit together."""
    count, dimensions = len(kept["weights"]), len(kept["scales"])
    rank = kept["axes"].shape[1] if kept["axes"].ndim == 3 else -1
    shapes = {
        "mean": (latent_dim,),
        "directions": (dimensions, latent_dim),
        "scales": (dimensions,),
        "projection": (latent_dim, dimensions),
        "weights": (count,),
        "means": (count, dimensions),
        "axes": (count, rank, dimensions),
        "groups": (count,),
    }
    for name, shape in shapes.items():
        if kept[name].shape != shape or 0 in shape:
            raise ValueError(f"the prior's {name} have the shape {kept[name].shape}, not {shape}")
        if not np.all(np.isfinite(kept[name])):
            raise ValueError(f"the prior's {name} are not finite")
    weights, groups = kept["weights"], kept["groups"]
    if weights.min() < 0 or weights.sum() <= 0:
        raise ValueError("the prior's weights are no shares")
    if groups.min() < 0 or groups.max() >= max(labels, 1):
        raise ValueError(f"the prior's groups are not those of {labels} labels")

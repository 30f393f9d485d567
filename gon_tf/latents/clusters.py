"""Clusters of points by k-means, and what each looks like.

A few lines of NumPy instead of scikit-learn, which every model would need for its default prior.
"""

from __future__ import annotations

import numpy as np

FITTED, SEEDED = 64, 16  # points for each cluster that the centres are fitted to, and begin at
ROUNDS = 20
OVERSAMPLED, ITERATIONS = 8, 6  # axes more than wanted, that the wanted ones are found by
TOGETHER = 4096  # points whose distances to all centres are held


def on_grid(points: np.ndarray) -> np.ndarray:
    """Points as whole numbers, float64, of at most 20 bits.

    Sums and products of so few bits are exact, so that clusters depend on no rounding, and thus not
    on the number of threads that a library of linear algebra takes.
    """
    largest = np.abs(points).max(initial=0.0)
    return np.rint(points * (2.0**19 / largest)) if largest > 0 else np.zeros_like(points)


def assign(points: np.ndarray, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The nearest centre of each point, int64 `[n]`, and its squared distance."""
    squares, nearest, distances = np.sum(centres**2, axis=1), [], []
    for start in range(0, len(points), TOGETHER):
        part = points[start : start + TOGETHER]
        scores = squares - 2.0 * (part @ centres.T)
        nearest.append(scores.argmin(axis=1))
        distances.append(scores.min(axis=1) + np.sum(part**2, axis=1))
    return np.concatenate(nearest), np.concatenate(distances)


def first_centres(points: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """Some of the points, each chosen by its squared distance to those before (k-means++)."""
    chosen = [int(random.integers(len(points)))]
    nearest = np.full(len(points), np.inf)
    for _ in range(count - 1):
        nearest = np.minimum(nearest, np.sum((points - points[chosen[-1]]) ** 2, axis=1))
        total = np.cumsum(nearest)
        found = np.searchsorted(total, random.random() * total[-1], side="right")
        chosen.append(min(int(found), len(points) - 1))  # the last if all are equal
    return points[chosen]


def k_means(points: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    """The number of the cluster of each point, int64 `[n]`, each cluster having some.

    Args:
        points: `[n, dim]`; distances are those of their coordinates.
        count: clusters, at most n; points that are equal may make them fewer.
        seed: of the first centres.

    Source: Arthur & Vassilvitskii, "k-means++: The Advantages of Careful Seeding", SODA 2007.

    Example:
        >>> k_means(np.array([[0.0], [0.1], [5.0], [5.1]]), 2).tolist()
        [0, 0, 1, 1]
    """
    points, random = on_grid(points), np.random.default_rng(seed)
    order = random.permutation(len(points))
    centres = first_centres(points[order[: SEEDED * count]], count, random)
    fitted, former = points[np.sort(order[: FITTED * count])], None
    for _ in range(ROUNDS):
        nearest, _ = assign(fitted, centres)
        if former is not None and np.array_equal(nearest, former):
            break
        former = nearest
        sums = np.zeros_like(centres)
        np.add.at(sums, nearest, fitted)
        members = np.bincount(nearest, minlength=count)
        middles = np.rint(sums / np.maximum(members, 1)[:, None])
        # A centre without points stays where it is.
        centres = np.where(members[:, None] > 0, middles, centres)
    return renumbered(assign(points, centres)[0])


def renumbered(numbers: np.ndarray) -> np.ndarray:
    """Clusters numbered in the order of their first points."""
    _, first, inverse = np.unique(numbers, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]


def principal_axes(points: np.ndarray, rank: int) -> np.ndarray:
    """The leading axes of a cluster's spread, `[rank, dim]`, each of the length of its deviation.

    By subspace iteration: a few products with the points, where all axes would take many times as
    long.

    Args:
        points: `[n, dim]`, their mean being zero.
        rank: number of axes; those that the points do not have are zero.

    Source: Halko, Martinsson & Tropp, "Finding Structure with Randomness", SIAM Review 2011,
    algorithm 4.4.
    """
    n, dim = points.shape
    axes = np.zeros((rank, dim))
    block = min(rank + OVERSAMPLED, n, dim)
    basis = points.T @ np.random.default_rng(0).standard_normal((n, block))
    for _ in range(ITERATIONS):
        basis, _ = np.linalg.qr(points.T @ (points @ np.linalg.qr(basis)[0]))
    _, lengths, turn = np.linalg.svd(points @ basis, full_matrices=False)
    found = (lengths[:rank, None] * turn[:rank]) @ basis.T / np.sqrt(max(n - 1, 1))
    signs = np.sign(found[np.arange(len(found)), np.abs(found).argmax(axis=1)])
    axes[: len(found)] = signs[:, None] * found
    return axes

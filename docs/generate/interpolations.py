"""Draws docs/figures/interpolation: `python -m docs.generate.interpolations [--data-dir FOLDER]`.

Ways between held-out images of three models, two rows each: `model.interpolate`, an arc between the
latents, above a way through the prior, which was tried as the default and is not it: see
docs/decisions.md. That way is the shortest one from cluster to cluster of the local Gaussians, in
the coordinates of pixels, where a step costs the square of its length. At each cluster it takes the
point of its Gaussian that is nearest to the straight line, at most two deviations out.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import gon_tf
from gon_tf import pictures
from gon_tf.latents import LocalGaussians

FOLDER = Path(__file__).resolve().parents[1] / "figures" / "interpolation"
MODELS = {
    "mnist-conv": "mnist:test",
    "fashion-mnist-conv": "fashion_mnist:test",
    "cifar10-conv": "cifar10:train[90%:]",
}
PAIRS, STEPS, REACH = ((0, 6), (1, 4), (10, 7), (3, 15)), 9, 2.0


def shortest(points: np.ndarray) -> list[int]:
    """The rows on the cheapest way from the first to the last, these left out (Dijkstra)."""
    squares = np.sum(points**2, axis=1)
    costs = np.maximum(squares[:, None] + squares - 2 * points @ points.T, 0)
    best, former = np.full(len(points), np.inf), np.zeros(len(points), int)
    best[0], done = 0.0, np.zeros(len(points), bool)
    while not done[-1]:
        here = int(np.argmin(np.where(done, np.inf, best)))
        done[here] = True
        better = best[here] + costs[here] < best
        best[better], former[better] = (best[here] + costs[here])[better], here
    way = [int(former[-1])]
    while way[-1]:
        way.append(int(former[way[-1]]))
    return way[-2::-1]


def through_the_prior(prior: LocalGaussians, start, end, steps: int) -> np.ndarray:
    """Latents on the way through the prior from `start` to `end`, `[steps, latent_dim]`."""
    assert prior.coordinates
    assert prior.clusters
    ends, scales = np.stack([start, end]), prior.coordinates.scales
    inner = prior.coordinates.of(ends)
    first, last = inner * scales
    means, axes = prior.clusters.means * scales, prior.clusters.axes * scales
    clusters = [row - 1 for row in shortest(np.vstack([first, means, last]))]
    nodes = [first]
    for number, cluster in enumerate(clusters, start=1):
        share = number / (len(clusters) + 1)
        wanted = (1 - share) * first + share * last - means[cluster]
        lengths = np.maximum(np.sum(axes[cluster] ** 2, axis=1), 1e-12)
        reached = np.clip(axes[cluster] @ wanted / lengths, -REACH, REACH)
        nodes.append(means[cluster] + reached @ axes[cluster])
    nodes = np.array([*nodes, last])
    gone = np.r_[0, np.cumsum(np.linalg.norm(np.diff(nodes, axis=0), axis=1))]
    places = np.linspace(0, gone[-1], steps)
    points = np.stack([np.interp(places, gone, column) for column in nodes.T], axis=1)
    # What the coordinates leave out fades from one end to the other.
    rest, share = ends - prior.coordinates.latents(inner), np.linspace(0, 1, steps)[:, None]
    return prior.coordinates.latents(points / scales) + (1 - share) * rest[0] + share * rest[1]


def draw(name: str, split: str, data_dir: str | None) -> None:
    """Writes the picture of a model."""
    model = gon_tf.load(name)
    images = gon_tf.data.open_images(split, model.image_shape, data_dir=data_dir).first(64)
    rows = []
    for a, b in PAIRS:
        start, end = model.encode(images[[a, b]])
        rows.append(model.interpolate(images[a], images[b], STEPS))
        way = through_the_prior(model.prior, start, end, STEPS)
        rows.append(model.decode(way.astype(np.float32)))
    picture = pictures.grid(pictures.to_uint8(np.concatenate(rows)), STEPS)
    pictures.write(FOLDER / f"{Path(name).name}.png", pictures.zoomed(picture, 2))


def main() -> None:
    """Draws all of them."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--data-dir", help="folder of the TensorFlow Datasets")
    parser.add_argument("--models", nargs="+", default=list(MODELS))
    options = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in options.models:
        draw(name, MODELS[name.rsplit("/", maxsplit=1)[-1]], options.data_dir)


if __name__ == "__main__":
    main()

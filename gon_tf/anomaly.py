"""How well a model reconstructs each image, and how unusual that is for it.

The anomaly score of an image is the share of the training images that the model reconstructs
better: 0 if its squared error is at or below all of theirs, 1 if it is above all of theirs. The
training images' errors are known by some of their quantiles, which metadata.json holds as
`{"error_quantiles": {"0": 0.02, "0.5": 0.15, ..., "1": 4.1}}`; between two of them the score is
linear in the error.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

KEY = "error_quantiles"
# Denser towards 1: to tell the unusual from the usual is what they are for.
PROBABILITIES = (
    *(0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8),
    *(0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 1),
)
MOST_IMAGES = 10_000  # that quantiles are taken of


def measure(images: Any, reconstructions: Any) -> dict[str, np.ndarray]:
    """Errors of each image: "sse" (squared error, pixels in 0..1) and "psnr" (dB), `[batch]` each.

    Args:
        images: uint8 `[batch, height, width, channels]`.
        reconstructions: float32 in [0, 1], the same shape.
    """
    import numpy as np

    from gon_tf import metrics

    exact = np.asarray(images, "float32") / 255
    return {
        "sse": np.asarray(metrics.squared_error_of_images(exact, reconstructions)),
        "psnr": np.asarray(metrics.peak_signal_to_noise_of_images(exact, reconstructions)),
    }


def error_quantiles(network: Any, images: Any) -> dict[str, float]:
    """Quantiles of the squared error per image, for the metadata of a preset.

    Args:
        network: a trained model.
        images: batches of its training images, uint8, whose `len` is known. Of more than about
            10,000 images every n-th batch is taken.

    Returns:
        The error at each of `PROBABILITIES`, which is the key, written as a decimal number.

    Example:
        >>> images = gon_tf.data.load("mnist:train", model.image_shape, batch_size=256)
        >>> quantiles = error_quantiles(model, images)
        >>> quantiles["0"] <= quantiles["0.5"] <= quantiles["1"]
        True
    """
    import numpy as np

    errors, every = [], 1
    for number, batch in enumerate(images):
        if number == 0:
            every = max(len(images) * len(batch) // MOST_IMAGES, 1)
        if number % every == 0:
            batch = np.asarray(batch)
            errors.append(measure(batch, network.reconstruct(batch))["sse"])
    values = np.quantile(np.concatenate(errors), PROBABILITIES)
    return {f"{p:g}": float(f"{value:.6g}") for p, value in zip(PROBABILITIES, values, strict=True)}


def quantiles_of(model: str, metadata: dict) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and errors, both ascending, of the training images of a preset.

    Raises:
        ValueError: if its metadata has none, or something else in their place.
    """
    import numpy as np

    if KEY not in metadata:
        raise ValueError(
            f"{model} does not say how well it reconstructs its training images (no {KEY!r} in "
            "its metadata.json); `gon-tf train` stores that, gon_tf.anomaly.error_quantiles "
            "measures it for other models."
        )
    with contextlib.suppress(AttributeError, TypeError, ValueError):
        items = sorted((float(p), float(error)) for p, error in metadata[KEY].items())
        probabilities, errors = np.array(items).T
        valid = len(items) > 1 and probabilities[0] == 0 and probabilities[-1] == 1
        if valid and np.all(np.isfinite(errors)) and np.all(np.diff(errors) >= 0):
            return probabilities, errors
    raise ValueError(
        f"The {KEY!r} of {model} must map probabilities from 0 to 1 to errors that ascend."
    )


def scores(sse: Iterable[float], probabilities: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """The anomaly score of each squared error, see above.

    Args:
        sse: squared errors.
        probabilities: ascending, from 0 to 1.
        errors: the quantiles at them, ascending.
    """
    import numpy as np

    sse, probabilities, errors = (np.asarray(v, "float64") for v in (sse, probabilities, errors))
    # The first quantile that is not below: equal errors do not count as better.
    above = np.searchsorted(errors, sse, side="left").clip(1, len(errors) - 1)
    low, high = errors[above - 1], errors[above]
    part = ((sse - low) / np.where(high > low, high - low, 1)).clip(0, 1)
    scores = probabilities[above - 1] + part * (probabilities[above] - probabilities[above - 1])
    return np.where(sse > errors[-1], 1.0, np.where(sse <= errors[0], 0.0, scores))


def rank(network: Any, batches: Iterable[tuple], quantiles: tuple) -> list[dict]:
    """Errors and anomaly score of each image, the most unusual first.

    Args:
        network: the model.
        batches: names of images, and the images, uint8 `[batch, height, width, channels]`.
        quantiles: of the training images' errors, see `quantiles_of`.

    Returns:
        `{"image": name, "sse": ..., "psnr": ..., "score": ...}` for each image. Where scores are
        equal, the larger squared error comes first.

    Example:
        >>> metadata = {"error_quantiles": error_quantiles(model, [images])}
        >>> quantiles = quantiles_of("my-gon", metadata)
        >>> rank(model, [(["a.png", "b.png"], images[:2])], quantiles)[0]
        {'image': '...png', 'sse': ..., 'psnr': ..., 'score': ...}
    """
    images = []
    for names, batch in batches:
        errors = measure(batch, network.reconstruct(batch))
        errors["score"] = scores(errors["sse"], *quantiles)
        for i, name in enumerate(names):
            images.append({"image": name, **{key: float(errors[key][i]) for key in errors}})
    return sorted(images, key=lambda image: (-image["score"], -image["sse"]))

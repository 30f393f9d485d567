"""What a page's file says of a model: plain values, and arrays in their places."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np

from gon_tf import anomaly
from gon_tf.decoders.protocol import sketch_of
from gon_tf.export.web.exhibits import Exhibit
from gon_tf.export.web.layers import layers_of, points_of
from gon_tf.latents import LocalGaussians, Normal
from gon_tf.models import GON, ImplicitGON, VariationalGON

MOST_BYTES = 64 * 1024**2  # of the encoder's matrix: what a browser opens without a pause
DIRECTIONS = 8  # that the page has sliders for


def check(name: str, model: Any) -> None:
    """Raises ValueError unless a page can show `model`; what its decoder holds is seen later."""
    has = None if isinstance(model, GON) else f"of the class {type(model).__name__}"
    if has is None and not model.shares_origin:
        has = "with batch normalisation, dropout or noise in its decoder"
    if has is None and model.pixel_loss.slope is None:
        has = "with a loss of one's own"
    if has is not None:
        raise ValueError(
            "A page shows GONs whose decoder treats every image by itself, with a loss of this "
            f"project: their first step is one matrix. Received: {name}, {has}"
        )
    shape = "x".join(map(str, model.image_shape))
    if len(model.image_shape) != 3 or model.image_shape[-1] not in (1, 3):
        raise ValueError(
            f"A page shows grey or RGB pictures. Received: {name}, a model of the shape {shape}"
        )
    size = 4 * math.prod(model.image_shape) * model.latent_dim // model.reduction**2
    if size > MOST_BYTES:
        raise ValueError(
            f"A page takes models whose encoder's matrix has at most {MOST_BYTES:,} bytes, as 256 "
            f"latents of 128x128x3 pixels do. Received: {name}, with {size:,} for {shape} pixels "
            f"and {model.latent_dim} latents"
        )


def describe(exhibit: Exhibit) -> dict:
    """All that the page needs of a model; arrays are NumPy's, see `gon_tf.export.web.writing`.

    Raises:
        ValueError: if a layer of the decoder is none that the page knows.
    """
    model, metadata = exhibit.model, exhibit.metadata
    logits = model.pixel_loss.name == "cross_entropy"
    if isinstance(model, ImplicitGON):
        decoder = points_of(model.decoder, logits)
    else:
        layers = layers_of(model.decoder, model.latent_dim, logits)
        decoder = {"kind": "layers", "layers": layers}
    return {
        "name": exhibit.name,
        "description": str(metadata.get("description", "")),
        "class": type(model).__name__,
        "image_shape": list(model.image_shape),
        "latent_dim": model.latent_dim,
        "parameters": model.decoder.count_params(),
        "loss": model.pixel_loss.name,
        "origin": np.asarray(model.start())[0],
        **encoding(model),
        "decoder": decoder,
        "prior": prior_of(model),
        "principal": directions_of(model),
        "quantiles": quantiles_of(exhibit),
        "examples": exhibit.images,
    }


def encoding(model: GON) -> dict:
    """The encoder's matrix, and the steps after the first one if there are any."""
    step = model.origin_step
    steps: dict[str, Any] = {
        **{"count": model.inner_steps, "matrix": None},  # of the origin, for the further steps
        **{"size": step.size, "damping": step.damping, "relative": step.relative},
        **{"shrink": model.reduction, "sketch": None},  # what they see of a picture, and by what
    }
    if model.folds:
        kernel, bias = map(np.asarray, model.folded())
        return found(kernel, bias, steps)
    variational = isinstance(model, VariationalGON)
    network = model.network() if isinstance(model, ImplicitGON) else model.inner_network()
    origin = model.linearized(network, model.inner_loss)
    kernel, bias = map(np.asarray, origin.fold())
    posterior = posterior_of(model) if variational else None
    chord = model.chord
    if chord is None:
        chord = model.step == "gradient" or not network.jacobian_is_cheap
    by_itself = chord or isinstance(model, ImplicitGON)  # what the page knows of further steps
    if not by_itself or (variational and model.noise_at_origin):
        left_out = [
            f"This model takes {model.inner_steps} steps from the origin; the page takes the first."
        ]
        return found(kernel, bias, {**steps, "count": 1}, posterior, left_out)
    if chord:
        matrix = step.size * np.eye(model.latent_dim)
        if origin.precision is not None:
            precision = np.asarray(origin.precision[0], np.float64)
            matrix = step.size * np.linalg.inv(precision)
        steps["matrix"] = matrix.astype(np.float32)
        if model.reduction > 1:
            logits = model.pixel_loss.name == "cross_entropy"
            layers = layers_of(sketch_of(model.decoder), model.latent_dim, logits)
            steps["sketch"] = {"layers": layers}
    return found(kernel, bias, steps, posterior)


def found(kernel, bias, steps: dict, posterior: dict | None = None, left_out=()) -> dict:
    """The parts of a description that are about encoding."""
    return {
        "encoder": {"kernel": kernel, "bias": bias},
        "steps": steps,
        "posterior": posterior,
        "left_out": list(left_out),
    }


def posterior_of(model: VariationalGON) -> dict:
    """The maps from where the steps end to the posterior, and how its divergence counts."""
    return {
        "mean": arrays_of(model.mean_map),
        "log_variance": arrays_of(model.log_variance_map),
        "weight": float(model.inner_kl_weight),
    }


def arrays_of(layer: keras.layers.Dense) -> dict:
    """Kernel and bias of a Dense layer."""
    return {"kernel": np.asarray(layer.kernel), "bias": np.asarray(layer.bias)}


def prior_of(model: GON) -> dict | None:
    """What samples are drawn from: means[k] + noise @ axes[k], with a probability for each k.

    Those of local Gaussians are coordinates, which `coordinates` turns to latents; axes that are
    None are those of N(0, I).
    """
    prior = model.drawn_prior()
    if not prior.is_fitted:
        return None
    found: dict[str, Any] = {**prior.gaussians()._asdict(), "coordinates": None}
    if isinstance(prior, Normal):
        found["axes"] = None
    elif isinstance(prior, LocalGaussians) and prior.coordinates and prior.clusters:
        mean, directions = prior.coordinates.mean, prior.coordinates.directions
        found["coordinates"] = {"kernel": directions, "bias": mean}
        found.update(means=prior.clusters.means, axes=prior.clusters.axes)
    return {**found, "labels": list(found["labels"]) or None}


def directions_of(model: GON) -> dict | None:
    """Directions that move pictures most, one standard deviation each, and how far latents are.

    A code lies at `(latents - mean) @ projection[i]` along `directions[i]`.
    """
    prior = model.drawn_prior()
    if not prior.is_fitted:
        return None
    directions = model.principal_directions(DIRECTIONS)
    if isinstance(prior, LocalGaussians) and prior.coordinates:
        mean = prior.coordinates.mean
        projection = prior.coordinates.projection[:, :DIRECTIONS].T
    else:
        mean, covariance = prior.gaussians().moments()
        projection = directions @ np.linalg.pinv(covariance, rcond=1e-10, hermitian=True)
    arrays = {"directions": directions, "mean": mean, "projection": projection}
    return {name: np.asarray(array, np.float32) for name, array in arrays.items()}


def quantiles_of(exhibit: Exhibit) -> dict | None:
    """The distribution of the training images' errors, if the model's record has it."""
    if anomaly.KEY not in exhibit.metadata:
        return None
    probabilities, errors = anomaly.quantiles_of(exhibit.name, exhibit.metadata)
    return {"probabilities": probabilities.tolist(), "errors": errors.tolist()}

"""What there is to export of a model: functions of tensors, with inputs to check them by."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from gon_tf import latents
from gon_tf.models import ImplicitGON
from gon_tf.models.inputs import checked_images, to_unit_range

OWN_IMAGES = 16  # that a model makes when it is given none to check with
MOST_IMAGES = 256  # of those given


@dataclass(frozen=True)
class Function:
    """One of the functions above, made ready for export.

    Attributes:
        name: "encode", "decode", "reconstruct", "sample" or "decode_at".
        layer: the function as a Keras layer.
        shapes: {argument: shape, None for what may be of any size}.
        result: name of the result.
        inputs: {argument: array} to check it with.
        reference: what the Keras model makes of such inputs.
    """

    name: str
    layer: keras.Model
    shapes: dict[str, tuple]
    result: str
    inputs: dict[str, np.ndarray]
    reference: Callable[..., np.ndarray]

    @property
    def signature(self) -> list[keras.InputSpec]:
        """The arguments as Keras describes them."""
        return [
            keras.InputSpec(shape=shape, dtype="float32", name=name)
            for name, shape in self.shapes.items()
        ]

    def calls(self) -> dict[str, dict[str, np.ndarray]]:
        """Arguments to check it with: one image and all, as the batch must be free."""
        first = {
            name: array if name == "coordinates" else array[:1]
            for name, array in self.inputs.items()
        }
        return {f"{self.name}/one": first, f"{self.name}/all": self.inputs}

    def difference(self, results: dict[str, np.ndarray]) -> float:
        """Largest difference of the results of `calls` from those of the reference.

        That of images is absolute, that of latents relative to the largest latent, as models differ
        in the scale of their latents by orders of magnitude.
        """
        differences = []
        for call, inputs in self.calls().items():
            expected, result = self.reference(*inputs.values()), results[call]
            if result.shape != expected.shape:
                raise ValueError(
                    f"{self.name} gave the shape {result.shape} instead of {expected.shape}"
                )
            differences.append(difference(result, expected, relative=self.result == "latents"))
        return float(np.max(differences))  # NaN if one of them is


def difference(result: np.ndarray, expected: np.ndarray, *, relative: bool) -> float:
    """Largest difference of two arrays, if it is `relative` in units of the largest value."""
    scale = np.abs(expected).max() if relative else 1.0
    return float(np.abs(result - expected).max() / (scale or 1.0))


class Graph(keras.Model):
    """A function of tensors, and the model whose weights it uses, as Keras exports it."""

    def __init__(self, model: Any, function: Callable, result: str):
        super().__init__()
        self.model = model
        self.function = function
        self.result = result
        self.built = True

    def call(self, *tensors: Any) -> dict[str, Any]:
        """The function's result, by its name."""
        return {self.result: self.function(*tensors)}


def functions_of(model: Any, images: Any = None) -> list[Function]:
    """What there is to export of `model`, with inputs and references to check it by."""
    noise = latents.standard_normal(range(OWN_IMAGES), model.latent_dim)
    drawn = sampler(model)
    images = {"images": check_images(model, images, noise)}
    found = {"latents": model.encode(images["images"])}
    of_images = {"images": (None, *model.image_shape)}
    of_latents = {"latents": (None, model.latent_dim)}
    encode = encoder_of(model)
    functions = []

    def add(name, function, shapes, result, inputs, reference):
        graph = Graph(model, function, result)
        functions.append(Function(name, graph, shapes, result, inputs, reference))

    def reconstruct(values):
        return model.images_of(encode(values))

    add("encode", encode, of_images, "latents", images, model.encode)
    add("decode", model.images_of, of_latents, "images", found, model.decode)
    add("reconstruct", reconstruct, of_images, "reconstructions", images, model.reconstruct)
    if drawn is not None:
        draw, shapes, chance = drawn
        add(
            "sample",
            lambda *values: model.images_of(draw(*values)),
            shapes,
            "images",
            chance,
            lambda noise, *_: model.sample(len(noise)),
        )
    if isinstance(model, ImplicitGON):
        points = np.asarray(model.coordinates)
        add(
            "decode_at",
            model.values_at,
            {**of_latents, "coordinates": (None, points.shape[1])},
            "values",
            {**found, "coordinates": points},
            lambda latents, coordinates: model.decode(latents).reshape(
                len(latents), len(coordinates), -1
            ),
        )
    return functions


def encoder_of(model: Any) -> Callable:
    """From images to latents inside a graph: by plain operators if there is such a way."""
    if getattr(model, "folds", False):
        return model.fold()
    return model.plain_encoder() if getattr(model, "encodes_plainly", False) else model.latents_of


def sampler(model: Any) -> tuple[Callable, dict, dict] | None:
    """What `model.sample` draws, inside a graph; None if the model was not fitted.

    A prior of one Gaussian takes noise. One of several takes a number in [0, 1), too, which chooses
    one of them; those of a label are an interval (see `label_ranges`). If both come from
    `numpy.random.default_rng(seed)`, noise first, it is the image of `model.sample(seed=seed)`.

    Returns:
        Latents as a function of its arguments; their shapes; some values to check it with.
    """
    prior = model.drawn_prior()
    if not prior.is_fitted:
        return None
    if isinstance(prior, latents.LocalGaussians):  # which are smaller in their own coordinates
        coordinates, gaussians = prior.parts
    else:
        coordinates, gaussians = None, prior.gaussians()
    weights, means, axes, _ = gaussians
    rank = axes.shape[1]
    noise = latents.standard_normal(range(OWN_IMAGES), rank)

    def leave(drawn):
        if coordinates is None:
            return drawn
        return ops.matmul(drawn, coordinates.directions) + coordinates.mean

    if len(weights) == 1:
        shapes, values = {"noise": (None, rank)}, {"noise": noise}
        return lambda noise: leave(ops.matmul(noise, axes[0]) + means[0]), shapes, values
    edges = shares(weights)[:-1]

    def draw(noise, choice):
        chosen = ops.sum(ops.cast(choice[:, None] > edges, "int32"), axis=1)
        own = ops.take(axes, chosen, axis=0)
        return leave(ops.take(means, chosen, axis=0) + ops.sum(noise[:, :, None] * own, axis=1))

    shapes = {"noise": (None, rank), "choice": (None,)}
    return draw, shapes, {"noise": noise, "choice": choices(range(OWN_IMAGES), rank)}


def shares(weights: np.ndarray) -> np.ndarray:
    """Where in [0, 1] the part of each Gaussian ends, float32 `[components]`."""
    return (np.cumsum(weights) / np.sum(weights)).astype(np.float32)


def label_ranges(model: Any) -> dict[str, list[float]]:
    """From which `choice` to which `sample` draws each label; empty without labels."""
    if not model.labels:
        return {}
    gaussians = model.prior.gaussians()
    ends = shares(gaussians.weights)
    starts = np.concatenate([[0.0], ends[:-1]])
    own = {name: [label == name for label in gaussians.labels] for name in model.labels}
    return {name: [float(starts[its].min()), float(ends[its].max())] for name, its in own.items()}


def choices(seeds: Iterable[int], rank: int) -> np.ndarray:
    """The number in [0, 1) that chooses a Gaussian for each seed, float32: it follows the noise."""
    drawn = []
    for seed in seeds:
        generator = np.random.default_rng(seed)
        generator.standard_normal(rank)
        drawn.append(generator.random())
    return np.asarray(drawn, np.float32)


def check_images(model: Any, images: Any, noise: np.ndarray) -> np.ndarray:
    """Images to check with, float32 in [0, 1]: those given, or some that the model makes."""
    if images is None:
        fitted = model.drawn_prior().is_fitted
        made = model.sample(OWN_IMAGES) if fitted else model.decode(noise)
        return np.clip(made, 0.0, 1.0)
    images = checked_images(images, model.image_shape)
    if len(images) == 0:
        raise ValueError("There must be an image to check with. Received: none")
    return np.asarray(to_unit_range(images[:MOST_IMAGES]))

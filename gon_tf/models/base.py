"""What every model is: a decoder, a posterior of the latents of images, and a prior."""

from __future__ import annotations

import functools
import math
import os
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from gon_tf import arguments, losses, metrics
from gon_tf.decoders.derivatives import network_of
from gon_tf.decoders.protocol import shapes_of
from gon_tf.latents.coordinates import Coordinates, pixel_metric
from gon_tf.latents.interpolation import slerp
from gon_tf.latents.local import LocalGaussians
from gon_tf.latents.mixture import Mixture
from gon_tf.latents.normal import Normal
from gon_tf.models import inputs
from gon_tf.models.posterior import Gaussian, Point
from gon_tf.models.trainer import ImageTrainer
from gon_tf.origin import Network

CHUNK = 256  # images that encode and decode hold on the device at once
# The priors, and what there is to choose of each.
PRIORS = {
    "local-gaussians": ("components", "rank", "labels"),
    "mixture": ("components",),
    "normal": (),
}
PULLED = 2**22  # numbers of the pictures that are pulled back together
LOOKED_AT = 64  # latents that a prior without coordinates draws to find some


@dataclass(frozen=True)
class Problem:
    """What the latents of a batch are to explain.

    Attributes:
        network: the decoder, a function of latents.
        images: what it should give, float32 `[batch, ...]`.
        loss: how far it is from that, one of `gon_tf.losses`.
        targets: what a data set has beside the images.
        training: as in Keras.
    """

    network: Network
    images: tf.Tensor
    loss: Any
    targets: Any = None
    training: bool | None = None


class LatentModel(ImageTrainer):
    """A decoder that is trained on images, with a posterior and a prior of its latents.

    A subclass says by `posterior` what is known of the latents of an image. Training minimises,
    at a draw z from the posterior q,

        loss(F(z), x) + kl_weight * KL(q || prior)

    where the divergence of a posterior that is a point counts as zero.

    Args:
        decoder: a decoder of `gon_tf.decoders`, or any built Keras model from
            `[batch, latent_dim]` to `[batch, height, width, channels]`.
        loss: "squared_error", or "cross_entropy" (nats) for a decoder whose outputs are in [0, 1];
            or one's own, a function of images and pictures or a Keras loss (see
            `gon_tf.losses.Own`).
        latent_regularizer: factor of the squared length of the latents in the loss, >= 0.
        components: number of Gaussians in the prior, >= 1; None for as many as suit the images.
        prior: what `sample` draws latents from, fitted to those of the training images at the end
            of `fit`. "local-gaussians", many flat Gaussians (`gon_tf.latents.LocalGaussians`);
            "mixture", a few full ones, of which more than one need scikit-learn (`pip install
            "gon-tf[mixture]"`); "normal", N(0, I). By default "mixture" if `components` are given
            and nothing else, "local-gaussians" otherwise.
        rank: axes of each of the local Gaussians, >= 1; None for 16.
        labels: the labels that the prior was fitted with: for a model that is read from a file.
        image_shape: (height, width, channels), for a decoder that does not say.

    Raises:
        ValueError: if an argument is out of range.
        TypeError: if `decoder` is not a Keras model.
    """

    kl_weight: Any = 1.0
    is_normal = False  # whether training draws the latents towards N(0, I)

    def __init__(
        self,
        decoder: keras.Model,
        loss: str | Callable = "squared_error",
        latent_regularizer: float = 0.0,
        components: int | None = None,
        prior: str | None = None,
        rank: int | None = None,
        *,
        labels: Sequence[str] | None = None,
        image_shape: tuple[int, ...] | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        # config
        self.decoder = decoder
        if image_shape is None:
            self.latent_dim, self.image_shape = shapes_of(decoder)
        else:
            self.latent_dim, self.image_shape = decoder.latent_dim, image_shape
        if len(self.image_shape) == 3:
            self.test_metrics = [metrics.StructuralSimilarity()]
        self.pixel_loss = losses.get(loss)
        if isinstance(self.pixel_loss, losses.Own):
            self.pixel_loss.check(self.image_shape)
        self.latent_regularizer = arguments.number("latent_regularizer", latent_regularizer)
        if loss == "cross_entropy" and getattr(decoder, "output_activation", "sigmoid") is None:
            raise ValueError(
                "loss='cross_entropy' needs images in [0, 1]. Received: a decoder with "
                "output_activation=None; use output_activation='sigmoid'."
            )
        self.prior = self._new_prior(prior, components, rank, labels)

        # functions of batches of any size: what a graph gives must not depend on those it met
        self._encode_batch = graph(self.latents_of, tf.TensorSpec((None, *self.image_shape)))
        self._decode_batch = graph(self.images_of, tf.TensorSpec((None, self.latent_dim)))
        self.built = True  # `build` itself would lock the model: subclasses have weights to add

    def _new_prior(self, prior, components, rank, labels):
        if prior is None:
            alone = components is not None and rank is None
            prior = "mixture" if alone else "local-gaussians"
        arguments.choice("prior", prior, PRIORS)
        given = {"components": components, "rank": rank, "labels": labels}
        for name, value in given.items():
            if value is not None and name not in PRIORS[prior]:
                raise ValueError(f"prior={prior!r} has no {name}. Received: {name}={value!r}")
        if prior == "normal":
            return Normal(self.latent_dim)
        if prior == "mixture":
            components = arguments.integer("components", 1 if components is None else components)
            return Mixture(components, self.latent_dim, self._prior_weight)
        return LocalGaussians(self.latent_dim, components, rank, labels or ())

    def _prior_weight(self, name, shape):
        return self.add_weight(
            shape=shape, initializer="zeros", dtype="float32", trainable=False, name=name
        )

    def add_seed(self, name: str) -> keras.Variable:
        """A weight with a seed for stateless draws: (one of the global seed, a counter).

        As a weight it is saved, so that training goes on from a file as if it had not been stopped.
        """
        return self.add_weight(
            shape=(2,),
            initializer=lambda *_, **__: [random.randrange(2**31), 0],
            dtype="int32",
            trainable=False,
            aggregation="only_first_replica",
            name=name,
        )

    def build(self, input_shape: Any) -> None:
        """All weights exist since construction."""
        self.built = True

    # Method

    def posterior(self, problem: Problem) -> Point | Gaussian:
        """What is known of the latents of a batch: a `Point` or a `Gaussian`, inside a graph."""
        raise TypeError(f"{type(self).__name__} must say where latents come from: posterior")

    def network(self, training: bool | None = None) -> Network:
        """The decoder as the loss sees it: float32 pictures, or logits for the cross-entropy."""
        return network_of(self.decoder, self.pixel_loss.name == "cross_entropy", training)

    def problem(
        self, images: tf.Tensor, targets: Any = None, training: bool | None = None
    ) -> Problem:
        """What the latents of a batch of images, uint8 or float in [0, 1], are to explain."""
        images = inputs.to_unit_range(images, self.image_shape)
        return Problem(self.network(training), images, self.pixel_loss, targets, training)

    def training_problem(self, images: tf.Tensor, targets: Any = None) -> Problem:
        """The same for a training step, which may look at a part of it."""
        return self.problem(images, targets, training=True)

    def latents_of(self, images: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Latents of a batch of images: the posterior's mean, inside a graph."""
        return self.posterior(self.problem(images, training=training)).mean

    def images_of(self, latents: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Images of a batch of latents inside a graph."""
        return self.pixel_loss.outputs_to_images(self.network(training)(latents))

    def call(self, images: Any, training: bool | None = None) -> tf.Tensor:
        """Reconstructions of a batch of images, uint8 or float in [0, 1]."""
        if tf.executing_eagerly():
            images = inputs.checked_images(images, self.image_shape)
        return self.images_of(self.latents_of(images, training=training), training=training)

    def batch_loss(self, data: Any, training: bool) -> tf.Tensor:
        """Loss of a batch, a scalar; updates the metrics (equation 4, per image)."""
        images, targets = inputs.images_and_targets(data)
        if training:
            problem = self.training_problem(images, targets)
        else:
            problem = self.problem(images, targets, training=False)
        posterior = self.posterior(problem)
        drawn = posterior.draw(self.noise(problem.images, training))
        outputs = problem.network(drawn)
        error, divergence = self.error(problem, outputs), posterior.divergence()
        loss = ops.mean(error + self.kl_weight * divergence) + sum(self.losses)
        if self.latent_regularizer:
            loss += self.latent_regularizer * ops.mean(ops.sum(ops.square(drawn), axis=-1))
        self.invalid_values.update_state(inputs.invalid_values(images))
        self.loss_metric.update_state(loss, sample_weight=ops.shape(images)[0])
        self.update_bound(problem.images, posterior, error, divergence)
        if not training and drawn is not posterior.mean:
            outputs = problem.network(posterior.mean)  # what `reconstruct` gives
        reconstructions = self.pixel_loss.outputs_to_images(outputs)
        for metric in self.image_metrics:
            metric.update_state(problem.images, reconstructions)
        pictures = self.pictures(problem.images), self.pictures(reconstructions)
        for metric in [*self.chosen_metrics, *([] if training else self.test_metrics)]:
            metric.update_state(*pictures)
        return loss

    def error(self, problem: Problem, outputs: tf.Tensor) -> tf.Tensor:
        """Loss of each image's outputs, `[batch]`: the model's own, or what `compile` was given."""
        if self.chosen_loss is None:
            return problem.loss(outputs, problem.images)
        reconstructions = self.pixel_loss.outputs_to_images(outputs)
        return self.chosen_loss(self.pictures(reconstructions), self.pictures(problem.images))

    def pictures(self, values: tf.Tensor) -> tf.Tensor:
        """What a `Problem` has of images, as images `[batch, *image_shape]`."""
        return values

    def noise(self, images: tf.Tensor, training: bool | None) -> tf.Tensor | None:
        """Noise for a draw from the posterior of a batch: a point needs none."""
        return None

    def update_bound(
        self,
        images: tf.Tensor,
        posterior: Point | Gaussian,
        error: tf.Tensor,
        divergence: tf.Tensor,
    ) -> None:
        """Takes the parts of the evidence lower bound into the metrics of it, if there are any."""

    # Use

    def encode(self, images: Any) -> np.ndarray:
        """Latents of images, `[batch, latent_dim]` float32.

        An image's latents do not depend on the other images (unless the decoder normalises over
        the batch).

        Args:
            images: `[batch, height, width, channels]`, uint8 or float in [0, 1]; any number.

        Raises:
            ValueError: if the shape or the range is another.
            TypeError: if the images are integers other than uint8.
        """
        images = inputs.checked_images(images, self.image_shape)
        return self.batch_encoder(len(images))(images)

    def batch_encoder(self, count: int) -> Callable[[np.ndarray], Any]:
        """The function that encodes checked images, of which there are `count` in all."""

        def encode(part):
            return self._encode_batch(inputs.to_unit_range(part))

        return lambda images: in_chunks(encode, images, self.images_at_once)

    @property
    def images_at_once(self) -> int:
        """How many images `encode` holds on the device."""
        return CHUNK

    def decode(self, latents: Any) -> np.ndarray:
        """Images of latents, `[batch, height, width, channels]` float32.

        Args:
            latents: `[batch, latent_dim]`, any number.

        Raises:
            ValueError: if the shape is another or a value is not finite.
        """
        return in_chunks(self._decode_batch, inputs.checked_latents(latents, self.latent_dim))

    def reconstruct(self, images: Any) -> np.ndarray:
        """Images as the model remembers them: `decode(encode(images))`."""
        return self.decode(self.encode(images))

    def sample(
        self,
        n: int = 1,
        seed: int = 0,
        label: str | int | None = None,
        prior: str | None = None,
    ) -> np.ndarray:
        """New images, `[n, height, width, channels]`.

        Image i belongs to `seed + i`: it is the same however many are asked for.

        Args:
            n: number of images, >= 1.
            seed: seed of the first image, >= 0.
            label: draw images of this label only, of a model that was fitted with labels.
            prior: "normal" for a variational model's own prior N(0, I), which is what its evidence
                lower bound is about, instead of what was fitted to the latents of images. A
                variational model that was not fitted draws from it in any case.

        Raises:
            ValueError: if the latents' distribution is not known yet, or not such a label.

        Example:
            >>> model.fit_latents(images, labels)
            >>> model.sample(16, label=7).shape
            (16, 32, 32, 1)
        """
        n, seed = arguments.integer("n", n), arguments.integer("seed", seed, minimum=0)
        return self.decode(self.sample_latents(range(seed, seed + n), label, prior))

    def sample_latents(
        self, seeds: Iterable[int], label: str | int | None = None, prior: str | None = None
    ) -> np.ndarray:
        """One draw of latents for each seed, `[len(seeds), latent_dim]`; see `sample`."""
        return self.drawn_prior(prior).draws(seeds, label)

    def drawn_prior(self, name: str | None = None) -> Normal | Mixture | LocalGaussians:
        """What `sample` draws from: this model's prior, or N(0, I) if "normal" is the name.

        Raises:
            ValueError: if the name is another, or the model's latents are not near N(0, I).
        """
        own = self.prior.get_config()["prior"]
        if name in (None, own):
            return Normal(self.latent_dim) if self._draws_from_normal else self.prior
        if name == "normal" and not self.is_normal:
            raise ValueError(
                "Only the latents of a variational model are near N(0, I). Received: "
                f"prior='normal' for a {type(self).__name__}"
            )
        arguments.choice("prior", name, dict.fromkeys([own, *(["normal"] * self.is_normal)]))
        return Normal(self.latent_dim)

    @property
    def _draws_from_normal(self):
        return self.is_normal and not self.prior.is_fitted

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that `sample` draws by; none unless `fit_latents` was given some."""
        return self.prior.labels

    def principal_directions(self, n: int = 8) -> np.ndarray:
        """The directions of latents that move the pixels of pictures most, over the data set.

        Each has the length of one standard deviation of the latents, so `mean + a * direction` with
        a in [-3, 3] is a slider, `mean, _ = model.prior.gaussians().moments()`.

        Args:
            n: number of directions, >= 1.

        Returns:
            float32 `[n, latent_dim]`, those that move most first; fewer if no more of them make
            99.9% of what moves.

        Raises:
            ValueError: if the latents' distribution is not known yet.

        Example:
            >>> first = model.principal_directions()[0]
            >>> mean, _ = model.prior.gaussians().moments()
            >>> pictures = model.decode(mean + np.linspace(-3, 3, 9)[:, None] * first)
        """
        n, prior = arguments.integer("n", n), self.drawn_prior()
        coordinates = prior.coordinates if isinstance(prior, LocalGaussians) else None
        if coordinates is None:
            mean, covariance = prior.gaussians().moments()
            metric = self.pixel_metric(prior.draws(range(LOOKED_AT)))
            coordinates = Coordinates.fit(mean, covariance, metric)
        return coordinates.directions[:n]

    def pixel_metric(self, latents: np.ndarray) -> np.ndarray:
        """The mean of J^T J over latents, `[latent_dim, latent_dim]`, J being that of pictures."""
        pixels = math.prod(self.image_shape)
        return pixel_metric(self.pull_pixels, latents, pixels, self.pulled_together)

    @property
    def pulled_together(self) -> int:
        """How many pictures `pull_pixels` takes at once."""
        return max(1, min(CHUNK, PULLED // math.prod(self.image_shape)))

    def pull_pixels(self, latents: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """J^T e of each of some latents, `[n, latent_dim]`, for random signs e of the pixels."""
        _, pull = network_of(self.decoder, False, False).pull_back(tf.constant(latents))
        return np.asarray(pull(signs((len(latents), *self.image_shape), random)))

    def interpolate(self, a: Any, b: Any, steps: int = 9) -> np.ndarray:
        """Images on the way from image `a` to image `b`, `[steps, height, width, channels]`.

        Args:
            a: image `[height, width, channels]`, uint8 or float in [0, 1].
            b: the same.
            steps: number of images, >= 2; the first and last are the reconstructions of a and b.
        """
        steps = arguments.integer("steps", steps, minimum=2)
        ends = [inputs.checked_images(np.asarray(end)[None], self.image_shape) for end in (a, b)]
        if ends[0].dtype != ends[1].dtype:
            ends = [np.asarray(inputs.to_unit_range(end, self.image_shape)) for end in ends]
        start, end = self.encode(np.concatenate(ends))
        return self.decode(slerp(start, end, steps))

    def fit_latents(
        self, images: Any, labels: Sequence | np.ndarray | None = None, steps: int | None = None
    ) -> None:
        """Fits the prior that `sample` draws from to the latents of `images`; `fit` calls it.

        Args:
            images: an array, or a data set that yields batches of images or of (images, labels).
            labels: one for each image, texts or integers, to sample by; only for the prior
                "local-gaussians".
            steps: number of batches to take; all by default.

        Raises:
            ValueError: if there are too few images for the prior's components, latents are not
                finite, or there are more or fewer labels than images.
            TypeError: if labels are neither texts nor integers.
        """
        batches = map(self.encode, inputs.batches_of(images, steps))
        self.prior.fit(batches, self.pixel_metric, labels)

    # Saving

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            **self.prior.get_config(),
            "decoder": keras.saving.serialize_keras_object(self.decoder),
            "loss": losses.config_of(self.pixel_loss),
            "latent_regularizer": self.latent_regularizer,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict | None = None) -> LatentModel:
        """The model that `get_config` describes."""
        return cls(**keras.saving.deserialize_keras_object(config, custom_objects))

    def copy_from(self, other: LatentModel) -> None:
        """Takes the weights, and what the prior was fitted to, of a model of the same config."""
        self.set_weights(other.get_weights())
        if isinstance(self.prior, LocalGaussians):
            self.prior.copy_from(other.prior)

    def save_to_preset(
        self, folder: str | os.PathLike, metadata: dict | None = None, *, overwrite: bool = False
    ) -> None:
        """Writes a folder that `gon_tf.load` reads; see `gon_tf.presets.save`."""
        from gon_tf import presets

        presets.save(self, folder, metadata, overwrite=overwrite)

    def export(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Not Keras' way: `gon_tf.export.save` writes what there is to export, and checks it."""
        raise TypeError(
            "A model of gon_tf has several functions to export. Use gon_tf.export.save(model, "
            "folder, format), with format='savedmodel', 'onnx', 'litert' or 'web'."
        )


def graph(function: Callable, *signature: tf.TensorSpec) -> Callable:
    """`function` as one graph for arguments of the signature, or as graphs for any arguments."""
    # TensorFlow takes the methods of several models for one function that is traced too often,
    # unless it cannot see their code.
    function = functools.partial(function)
    if signature:
        return tf.function(function, autograph=False, input_signature=signature)
    return tf.function(function, autograph=False, reduce_retracing=True)


def signs(shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
    """-1 or 1 at random, float32."""
    return (2 * random.integers(0, 2, shape, dtype=np.int8) - 1).astype(np.float32)


def in_chunks(function: Callable, values: np.ndarray, rows: int = CHUNK) -> np.ndarray:
    """`function` of `values`, a bounded number of rows at a time, as one array."""
    if len(values) == 0:  # not every operation takes an empty batch
        return in_chunks(function, np.zeros((1, *values.shape[1:]), values.dtype))[:0]
    starts = range(0, len(values), rows)
    return np.concatenate([np.asarray(function(values[s : s + rows])) for s in starts])

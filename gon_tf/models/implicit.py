"""Implicit Gradient Origin Network: signals as functions of their coordinates."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from gon_tf import arguments, losses
from gon_tf.decoders.derivatives import PointwiseNetwork
from gon_tf.decoders.implicit import ImplicitDecoder
from gon_tf.models import inputs, observations
from gon_tf.models.base import CHUNK, Problem, graph
from gon_tf.models.gon import GON
from gon_tf.optimizers import Muon
from gon_tf.origin import Origin, Step

FLOATS = 2**24  # of one hidden layer, or of its Jacobian, that are on the device at once
METRIC_LATENTS, METRIC_POINTS = 512, 64  # looked at to see how latents move pixels


@keras.saving.register_keras_serializable("gon_tf")
class ImplicitGON(GON):
    """A GON whose decoder draws a signal point by point, at any resolution.

    The signals may be images, or of any other number of dimensions: sounds, volumes. They are
    trained on a grid whose coordinates run from -1 to 1 along every side. A signal's latents come
    from whatever values of it are known, so the model fills in what is missing:

        latents = model.encode(images, mask=mask)       # in-painting: known pixels only
        model.decode(latents, size=(256, 256))          # super-resolution

    Both passes sum the loss over the points. If only some are known, or trained on, their sum is
    scaled up to the number of points of the grid: a gradient step is then as long as that of the
    whole signal would be. (A Gauss-Newton step does not depend on the scale.)

    Args:
        decoder: a `gon_tf.ImplicitDecoder`.
        image_shape: the sides of the grid, then the channels: (height, width, channels), or
            (length, channels), or (depth, height, width, channels), and so on.
        loss: as in `GON`; one of one's own is given values at points, `[batch, points, channels]`,
            and must take each by itself.
        step: "gauss-newton" or "gradient", as in `GON`.
        inner_steps: as in `GON`; a further step takes the Jacobian at each image's own latents.
        inner_scale: with `step="gradient"`, factor of the summed inner loss. The default
            1/(64 * channels) is the paper's scale at batch 64.
        step_size: as in `GON`.
        damping: as in `GON`; the default is larger, as a SIREN is far from linear.
        learn_origin: as in `GON`.
        latent_regularizer: as in `GON`.
        detach_origin: as in `GON`.
        points_per_step: number of points, drawn anew for each training step, that it trains on;
            None for all. The images of a batch share them.
        **kwargs: further arguments of `GON`.

    Raises:
        ValueError: if an argument is out of range.
        TypeError: if `decoder` is not an `ImplicitDecoder`.

    Example:
        >>> decoder = gon_tf.ImplicitDecoder(channels=1, latent_dim=32)
        >>> model = gon_tf.ImplicitGON(decoder, (32, 32, 1))
        >>> model.compile(keras.optimizers.Adam(2e-4))
        >>> model.fit(images, epochs=10)
        >>> model.decode(model.encode(images[:8]), size=(100, 60)).shape
        (8, 100, 60, 1)

    Source: Bond-Taylor & Willcocks, "Gradient Origin Networks", ICLR 2021, section 3.3.
    """

    def __init__(
        self,
        decoder: ImplicitDecoder,
        image_shape: tuple[int, ...],
        loss: str | Callable = "squared_error",
        step: str = "gauss-newton",
        inner_steps: int = 1,
        inner_scale: float | None = None,
        step_size: float = 1.0,
        damping: float = 1.0,
        learn_origin: bool = False,
        latent_regularizer: float = 0.0,
        detach_origin: bool = False,
        points_per_step: int | None = None,
        **kwargs: Any,
    ):
        image_shape = checked_shape(image_shape, decoder)
        super().__init__(
            decoder,
            image_shape=image_shape,
            loss=loss,
            step=step,
            inner_steps=inner_steps,
            inner_scale=inner_scale,
            step_size=step_size,
            damping=damping,
            learn_origin=learn_origin,
            latent_regularizer=latent_regularizer,
            detach_origin=detach_origin,
            **kwargs,
        )
        if isinstance(self.pixel_loss, losses.Own):
            self.pixel_loss.check(image_shape, pointwise="An ImplicitGON")
        self.coordinates = observations.grid(image_shape[:-1])
        self.points = len(self.coordinates)
        self.points_per_step = points_per_step
        if points_per_step is not None:
            self.points_per_step = arguments.integer("points_per_step", points_per_step)
            if points_per_step > self.points:
                raise ValueError(
                    f"points_per_step must be at most {self.points}, the points of image_shape. "
                    f"Received: points_per_step={points_per_step}"
                )
            # The mean error of the points at hand stands for that of all.
            self.image_metrics[0] = keras.metrics.MeanMetricWrapper(self._squared_error, "sse")
        self.chance = None
        if points_per_step is not None or decoder.dropout > 0.0:
            self.chance = self.add_seed("chance")

        # functions of points in chunks that bound the memory
        points = tf.TensorSpec((None, self.coordinates.shape[1]))
        self._decode_points = graph(self.values_at, tf.TensorSpec((None, self.latent_dim)), points)
        self._linearize_points = graph(self.linearized_at, points)
        self._encode_points = graph(self.latents_of_values)
        self._fold = self.fold_origin  # by chunks of points, hence not one graph

    def _squared_error(self, images, reconstructions):
        mean = ops.mean(ops.square(images - reconstructions), axis=range(1, len(images.shape)))
        return math.prod(self.image_shape) * mean

    def default_optimizer(self) -> keras.optimizers.Optimizer:
        """What `compile` takes by default: Muon at 5e-4, or Adam at 2e-4 for the gradient step."""
        return keras.optimizers.Adam(2e-4) if self.step == "gradient" else Muon(5e-4)

    @property
    def origin_step(self) -> Step:
        """The step of `gon_tf.origin` that this model takes."""
        if self.step == "gauss-newton":
            return Step(self.step_size, self.damping)
        return Step(self.step_size * (self.inner_scale or 1.0 / (64 * self.decoder.channels)))

    def network_at(
        self, coordinates: tf.Tensor, kept: tf.Tensor | None = None, training: bool | None = None
    ) -> PointwiseNetwork:
        """The decoder at points, as the loss sees it: pictures, or logits for the cross-entropy.

        Args:
            coordinates: `[points, coordinate_dim]` or `[batch, points, coordinate_dim]`.
            kept: factors of the hidden units, see `ImplicitDecoder.kept_units`.
            training: as in `ImplicitDecoder.call`.
        """
        logits = self.pixel_loss.name == "cross_entropy"
        decode = self.decoder.logits if logits else self.decoder
        return PointwiseNetwork(
            lambda latents, points: decode(latents, points, kept=kept, training=training),
            coordinates,
        )

    def network(self, training: bool | None = None) -> PointwiseNetwork:
        """The decoder at all points of the grid, `[n, points, channels]`."""
        return self.network_at(self.coordinates, training=training)

    def problem(
        self, images: tf.Tensor, targets: Any = None, training: bool | None = None
    ) -> Problem:
        """What the latents of a batch of images are to explain: the values at all points."""
        problem = super().problem(images, targets, training)
        values = ops.reshape(problem.images, (-1, self.points, self.decoder.channels))
        return dataclasses.replace(problem, images=values)

    def training_problem(self, images: tf.Tensor, targets: Any = None) -> Problem:
        """The same at points, and with units, that are drawn anew for each step.

        Both passes, and all images, see the same points and leave out the same units: there is one
        network, and one origin.
        """
        problem = self.problem(images, targets, training=True)
        if self.chance is None:
            return problem
        seed = tf.identity(self.chance)
        self.chance.assign_add([0, 1])
        coordinates, values, loss = self.draw_points(problem.images, seed)
        network = self.network_at(coordinates, self.draw_units(seed), training=True)
        return dataclasses.replace(problem, network=network, images=values, loss=loss)

    def compile(self, optimizer: Any = None, loss: Any = None, **kwargs: Any) -> None:
        """As `LatentModel.compile`; with `points_per_step` a loss must take each by itself."""
        if loss is not None and self.points_per_step is not None:
            losses.own(loss).check(self.image_shape, pointwise="points_per_step")
        super().compile(optimizer, loss, **kwargs)

    def error(self, problem: Problem, outputs: tf.Tensor) -> tf.Tensor:
        """Loss of each image's outputs, `[batch]`: at some points it stands for that of all."""
        error = super().error(problem, outputs)
        if self.chosen_loss is None:
            return error
        return error * (self.points / problem.images.shape[1])

    def pictures(self, values: tf.Tensor) -> tf.Tensor:
        """Values at all points of the grid as images; those at some points as they are."""
        if values.shape[1] != self.points:
            return values
        return ops.reshape(values, (-1, *self.image_shape))

    def latents_of_values(
        self, values: tf.Tensor, coordinates: tf.Tensor, weights: tf.Tensor, shared: bool
    ) -> tf.Tensor:
        """Latents of observed values inside a graph; `shared` if all have the same coordinates."""
        network, loss = self.network_at(coordinates), losses.Weighted(self.pixel_loss, weights)
        problem = Problem(network, inputs.to_unit_range(values), loss)
        origin = self.origin_of(problem, network, shared=self.shares_origin and shared)
        return self.latents_from(origin, network, problem.images)

    def linearized_at(self, coordinates: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Outputs and Jacobian at the origin at points, inside a graph."""
        return self.network_at(coordinates).jacobian(self.start())

    def draw_points(self, values: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, Any]:
        """Points for a training step: their coordinates, the values there, and their loss."""
        if self.points_per_step is None:
            return self.coordinates, values, self.pixel_loss
        order = tf.argsort(tf.random.stateless_uniform([self.points], seed))
        chosen = order[: self.points_per_step]
        loss = losses.Weighted(self.pixel_loss, self.points / self.points_per_step)
        return ops.take(self.coordinates, chosen, axis=0), ops.take(values, chosen, axis=1), loss

    def draw_units(self, seed: tf.Tensor) -> tf.Tensor | None:
        """Factors of the hidden units for a training step; None without dropout."""
        if self.decoder.dropout == 0.0:
            return None
        shape = (self.decoder.depth, self.decoder.width)
        return self.decoder.kept_units(tf.random.stateless_uniform(shape, seed))

    def values_at(self, latents: tf.Tensor, coordinates: tf.Tensor) -> tf.Tensor:
        """Values of signals at points, `[batch, points, channels]`, inside a graph."""
        return self.pixel_loss.outputs_to_images(self.network_at(coordinates)(latents))

    # pyrefly: ignore[bad-override] (a GON encodes images only)
    def encode(self, values: Any, coordinates: Any = None, mask: Any = None) -> np.ndarray:
        """Latents of signals, `[batch, latent_dim]` float32, from what is known of them.

        All values of the grid, by default. With a mask or coordinates the loss at the known points
        stands for that of the whole grid: its mean over them, times the grid's number of points.
        A full mask, or the grid's own coordinates, give the same latents as neither.

        Args:
            values: `[batch, *image_shape]`, uint8 or float in [0, 1]; with `coordinates`
                `[batch, points, channels]`.
            coordinates: of the values, `[points, coordinate_dim]` if all signals share them,
                or `[batch, points, coordinate_dim]`. The grid runs from -1 to 1.
            mask: true where a value is known: the values' shape without channels, with or
                without batch. What values are elsewhere does not matter, NaN is allowed.

        Raises:
            ValueError: if shapes do not match each other or the model, a known value lies outside
                [0, 1], or nothing is known of a signal.
            TypeError: if the values are integers other than uint8.
        """
        if coordinates is None and mask is None:
            return super().encode(values)
        seen = observations.observe(values, coordinates, mask, self.image_shape)
        encode, floats = self.points_encoder(seen)
        rows = rows_of(floats)
        return np.concatenate([encode(seen[part]) for part in slices(len(seen.values), rows)])

    def points_encoder(self, seen: observations.Observations) -> tuple[Callable, int]:
        """The function that encodes some of the observations, and the floats each one takes."""
        points, shared = seen.coordinates.shape[-2], seen.coordinates.ndim == 2
        if not (shared and self.folds):
            floats = points * self.floats_of_point
            return lambda part: self._encode_points(*vars(part).values(), shared=shared), floats
        jacobian = self.jacobian_in_chunks(seen.coordinates)

        def encode(part):
            loss = losses.Weighted(self.pixel_loss, part.weights)
            origin = Origin.of_jacobian(self.start(), *jacobian, loss, self.origin_step)
            return origin.latents(inputs.to_unit_range(part.values))

        return encode, points * self.decoder.channels * self.latent_dim

    @property
    def images_at_once(self) -> int:
        """How many images `encode` holds on the device."""
        return rows_of(self.points * self.floats_of_point)

    @property
    def floats_of_point(self) -> int:
        """Those of a hidden layer and of the Jacobian."""
        return max(self.decoder.width, self.decoder.channels * self.latent_dim)

    def jacobian_in_chunks(self, coordinates: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Outputs and Jacobian at the origin at points: what a point needs of it is its own."""
        chunk = max(1, FLOATS // self.floats_of_point)
        parts = [self._linearize_points(coordinates[p]) for p in slices(len(coordinates), chunk)]
        outputs, jacobians = zip(*parts, strict=True)
        return tf.concat(outputs, axis=1), tf.concat(jacobians, axis=-1)

    def fold_origin(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Kernel and bias of the affine map from images to latents."""
        jacobian = self.jacobian_in_chunks(self.coordinates)
        origin = Origin.of_jacobian(self.start(), *jacobian, self.pixel_loss, self.origin_step)
        return origin.fold()

    def pixel_metric(self, latents: np.ndarray) -> np.ndarray:
        """As `LatentModel.pixel_metric`, from the derivatives of a few points of each picture."""
        chosen = latents[np.arange(METRIC_LATENTS) * len(latents) // METRIC_LATENTS]
        random, total = np.random.default_rng(0), np.zeros(())
        count = min(self.points, METRIC_POINTS)
        for part in np.array_split(chosen, METRIC_LATENTS // 64):
            points = random.permutation(self.points)[:count]
            network = PointwiseNetwork(
                lambda latents, points: self.decoder(latents, points, training=False),
                tf.gather(self.coordinates, points),
            )
            jacobian = np.asarray(network.jacobian(tf.constant(part))[1], np.float64)
            total = total + np.einsum("nlo,nmo->lm", jacobian, jacobian, optimize=True)
        return total * (self.points / count / METRIC_LATENTS)

    def images_of(self, latents: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Images of a batch of latents inside a graph."""
        return ops.reshape(super().images_of(latents, training), (-1, *self.image_shape))

    def decode(self, latents: Any, size: tuple[int, ...] | None = None) -> np.ndarray:
        """Signals of latents, `[batch, *size, channels]` float32, at any resolution.

        Memory stays bounded, but for the result: points and signals are decoded in chunks.

        Args:
            latents: `[batch, latent_dim]`, any number.
            size: sides of the grid, e.g. (height, width); that of `image_shape` by default. Its
                corners are those of the grid that the model was trained on.

        Raises:
            ValueError: if a shape is another or a value is not finite.
        """
        latents = inputs.checked_latents(latents, self.latent_dim)
        sides = self.image_shape[:-1]
        if size is not None:
            sides = observations.checked_size(size, len(sides))
        coordinates = observations.grid(sides)
        points = min(len(coordinates), max(1, FLOATS // self.decoder.width))
        rows = rows_of(points * self.decoder.width)
        values = np.empty((len(latents), len(coordinates), self.decoder.channels), np.float32)
        for row in slices(len(latents), rows):
            for piece in slices(len(coordinates), points):
                values[row, piece] = self._decode_points(latents[row], coordinates[piece])
        return values.reshape(len(latents), *sides, self.decoder.channels)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "image_shape": self.image_shape,
            "points_per_step": self.points_per_step,
        }


def checked_shape(image_shape: Any, decoder: Any) -> tuple[int, ...]:
    """`image_shape` as the sides of a grid and the channels that suit the decoder.

    Raises:
        TypeError: if the decoder is not an `ImplicitDecoder`.
        ValueError: if the shape is another.
    """
    if not isinstance(decoder, ImplicitDecoder):
        raise TypeError(
            f"decoder must be a gon_tf.ImplicitDecoder. Received: {type(decoder).__name__}"
        )
    shape = observations.integers("image_shape", image_shape)
    if len(shape) != decoder.coordinate_dim + 1 or shape[-1] != decoder.channels:
        raise ValueError(
            f"image_shape must be {decoder.coordinate_dim} sides, then {decoder.channels} channels "
            f"like the decoder's. Received: image_shape={image_shape!r}"
        )
    return shape


def rows_of(floats: int) -> int:
    """How many signals of so many numbers are on the device at once."""
    return min(CHUNK, max(1, FLOATS // floats))


def slices(count: int, size: int) -> list[slice]:
    """Slices of at most `size` that cover `count` items; one that is empty if there are none."""
    return [slice(start, start + size) for start in range(0, max(count, 1), size)]

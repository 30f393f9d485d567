"""Encoding from any points, and decoding at any, in chunks that bound the memory."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from keras import ops

from gon_tf import losses, origin
from gon_tf.models import inputs, observations
from gon_tf.models.base import CHUNK
from gon_tf.models.gon import GON

FLOATS = 2**24  # of one hidden layer, or of its Jacobian, that are on the device at once


class PointwiseGON(GON):
    """A GON with a decoder of latents and coordinates: `decoder(latents, coordinates)`.

    Args:
        decoder: as in `ImplicitGON`.
        image_shape: the sides of the grid, then the channels.
        **kwargs: arguments of `GON`.
    """

    def __init__(self, decoder, image_shape, **kwargs):
        super().__init__(decoder, image_shape=image_shape, **kwargs)
        self.coordinates = observations.grid(image_shape[:-1])
        self.points = len(self.coordinates)
        self._fold = self._kernel_and_bias  # by chunks of points, hence not one graph
        self._encode_points = tf.function(
            self.latents_of_values, autograph=False, reduce_retracing=True
        )
        self._decode_points = compiled(self.values_at)
        self._linearize_points = tf.function(
            self._linearize_at, autograph=False, reduce_retracing=True
        )

    def network_at(self, coordinates, kept=None, training=None):
        """The decoder at points, as the loss sees it.

        Args:
            coordinates: `[points, coordinate_dim]` or `[batch, points, coordinate_dim]`.
            kept: factors of the hidden units, see `ImplicitDecoder.kept_units`.
            training: as in `ImplicitDecoder.call`.

        Returns:
            A `PointwiseNetwork`: pictures, or logits for the cross-entropy.
        """
        squared = self.pixel_loss.name == "squared_error"
        decode = self.decoder if squared else self.decoder.logits
        return PointwiseNetwork(
            lambda latents, points: decode(latents, points, kept=kept, training=training),
            coordinates,
        )

    def network(self, latents, training=None):
        """The decoder at all points of the grid, `[n, *image_shape]`."""
        outputs = self.network_at(self.coordinates, training=training)(latents)
        return ops.reshape(outputs, (-1, *self.image_shape))

    def latents_of(self, images, training=None):
        """Latents of a batch of float32 images inside a graph or an outer tape."""
        network = self.network_at(self.coordinates, training=training)
        values = ops.reshape(images, (-1, self.points, self.decoder.channels))
        return self.latents_from_origin(network, values, self.pixel_loss, self.shares_origin)

    def values_at(self, latents, coordinates):
        """Values of signals at points, `[batch, points, channels]`, inside a graph."""
        return self.pixel_loss.outputs_to_images(self.network_at(coordinates)(latents))

    def encode(self, values, coordinates=None, mask=None) -> np.ndarray:
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
        rows = min(CHUNK, max(1, FLOATS // floats))
        return np.concatenate([encode(seen[part]) for part in slices(len(seen.values), rows)])

    def points_encoder(self, seen):
        """The function that encodes some of the observations, and the floats each one takes."""
        points, shared = seen.coordinates.shape[-2], seen.coordinates.ndim == 2
        if not (shared and self.folds):
            floats = points * self.floats_of_point
            return lambda part: self._encode_points(*vars(part).values(), shared=shared), floats
        linearization = self.linearize(seen.coordinates)

        def encode(part):
            loss = losses.Weighted(self.pixel_loss, part.weights)
            curvature = origin.flatten(loss.curvature(linearization.outputs))
            weighted = dataclasses.replace(linearization, loss=loss, curvature=curvature)
            return weighted.latents(inputs.to_unit_range(part.values), self.origin_step)

        return encode, points * self.decoder.channels * self.latent_dim

    @property
    def floats_of_point(self):
        """Those of a hidden layer and of the Jacobian."""
        return max(self.decoder.width, self.decoder.channels * self.latent_dim)

    def latents_of_values(self, values, coordinates, weights, shared):
        """Latents of observations inside a graph; `shared` if all have the same coordinates."""
        return self.latents_from_origin(
            self.network_at(coordinates),
            inputs.to_unit_range(values),
            losses.Weighted(self.pixel_loss, weights),
            self.shares_origin and shared,
        )

    def linearize(self, coordinates) -> origin.Linearization:
        """The network at points around the origin: what a point needs of it is its own."""
        chunk = max(1, FLOATS // self.floats_of_point)
        parts = [self._linearize_points(coordinates[p]) for p in slices(len(coordinates), chunk)]
        outputs, jacobians, curvatures = zip(*parts, strict=True)
        return origin.Linearization(
            origin=self.start(),
            outputs=tf.concat(outputs, axis=1),
            jacobian=tf.concat(jacobians, axis=-1),
            curvature=tf.concat(curvatures, axis=-1),
            penalty_gradient=tf.zeros((1, self.latent_dim)),
            loss=self.pixel_loss,
        )

    def _linearize_at(self, coordinates):
        network = self.network_at(coordinates)
        linearization = origin.linearize(network, self.start(), self.pixel_loss)
        return linearization.outputs, linearization.jacobian, linearization.curvature

    def _kernel_and_bias(self):
        return self.linearize(self.coordinates).fold(self.origin_step)

    def decode(self, latents, size=None) -> np.ndarray:
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
        rows = min(CHUNK, max(1, FLOATS // (points * self.decoder.width)))
        values = np.empty((len(latents), len(coordinates), self.decoder.channels), np.float32)
        for row in slices(len(latents), rows):
            for piece in slices(len(coordinates), points):
                values[row, piece] = self._decode_points(latents[row], coordinates[piece])
        return values.reshape(len(latents), *sides, self.decoder.channels)


@dataclasses.dataclass(frozen=True)
class PointwiseNetwork:
    """A decoder at points: a function of latents `[n, latent_dim]`, as `gon_tf.origin` wants it.

    Attributes:
        decode: the decoder, a function of latents and coordinates.
        coordinates: `[points, coordinate_dim]` or `[n, points, coordinate_dim]`.
    """

    decode: Callable
    coordinates: tf.Tensor | np.ndarray
    jacobian_is_cheap = True

    def __call__(self, latents):
        """Values at the points, `[n, points, channels]` float32."""
        return ops.cast(self.decode(latents, self.coordinates), "float32")

    def outputs_and_jacobian(self, latents):
        """Those of `gon_tf.origin`, with a pass for each channel instead of one for each latent.

        A value depends on no other point. If each point has latents of its own, one cotangent for
        a channel gives the derivatives of all its values.
        """
        latent_dim, dim = latents.shape[-1], self.coordinates.shape[-1]
        n, points = tf.shape(latents)[0], tf.shape(self.coordinates)[-2]
        own_latents = tf.repeat(latents, points, axis=0)
        own_points = tf.reshape(tf.broadcast_to(self.coordinates, [n, points, dim]), [-1, 1, dim])
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(own_latents)
            values = ops.cast(self.decode(own_latents, own_points), "float32")
            channels = tf.unstack(values, axis=-1)
        derivatives = [tape.gradient(channel, own_latents) for channel in channels]
        jacobian = tf.reshape(tf.stack(derivatives, axis=-1), [n, points, latent_dim, -1])
        jacobian = tf.reshape(tf.transpose(jacobian, [0, 2, 1, 3]), [n, latent_dim, -1])
        return tf.reshape(values, [n, points, len(channels)]), jacobian


def compiled(function):
    """`function` as a graph for shapes of any size."""
    return tf.function(function, autograph=False, reduce_retracing=True)


def slices(count: int, size: int) -> list[slice]:
    """Slices of at most `size` that cover `count` items; one that is empty if there are none."""
    return [slice(start, start + size) for start in range(0, max(count, 1), size)]

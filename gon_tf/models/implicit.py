"""Implicit Gradient Origin Network: signals as functions of their coordinates."""

from __future__ import annotations

import math

import keras
import tensorflow as tf
from keras import ops

from gon_tf import arguments, losses, origin
from gon_tf.decoders.implicit import ImplicitDecoder
from gon_tf.models import inputs, observations
from gon_tf.models.pointwise import PointwiseGON


@keras.saving.register_keras_serializable("gon_tf")
class ImplicitGON(PointwiseGON):
    """A GON whose decoder draws a signal point by point, at any resolution.

    The signals may be images, or of any other number of dimensions: sounds, volumes. They are
    trained on a grid whose coordinates run from -1 to 1 along every side. A signal's latents come
    from whatever values of it are known, so the model fills in what is missing:

        >>> latents = model.encode(images, mask=mask)       # in-painting: known pixels only
        >>> model.decode(latents, size=(256, 256))          # super-resolution

    Both passes sum the loss over the points. If only some are known, or trained on, their sum is
    scaled up to the number of points of the grid: a gradient step is then as long as that of the
    whole signal would be. (A Gauss-Newton step does not depend on the scale.)

    Args:
        decoder: a `gon_tf.ImplicitDecoder`.
        image_shape: the sides of the grid, then the channels: (height, width, channels), or
            (length, channels), or (depth, height, width, channels), and so on.
        loss: as in `GON`.
        step: "gauss-newton" or "gradient", as in `GON`.
        inner_steps: as in `GON`.
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
        >>> model = gon_tf.ImplicitGON(decoder, (28, 28, 1))
        >>> model.compile(keras.optimizers.Adam(2e-4))
        >>> model.fit(images, epochs=10)
        >>> model.decode(model.encode(images[:8]), size=(100, 60)).shape
        (8, 100, 60, 1)

    Source: Bond-Taylor & Willcocks, "Gradient Origin Networks", ICLR 2021, section 3.3.
    """

    def __init__(
        self,
        decoder,
        image_shape,
        loss="squared_error",
        step="gauss-newton",
        inner_steps=1,
        inner_scale=None,
        step_size=1.0,
        damping=1.0,
        learn_origin=False,
        latent_regularizer=0.0,
        detach_origin=False,
        points_per_step=None,
        **kwargs,
    ):
        super().__init__(
            decoder,
            checked_shape(image_shape, decoder),
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

    def _squared_error(self, images, reconstructions):
        mean = ops.mean(ops.square(images - reconstructions), axis=range(1, len(images.shape)))
        return math.prod(self.image_shape) * mean

    @property
    def origin_step(self):
        """The step of `gon_tf.origin` that this model takes."""
        if self.step == "gauss-newton":
            return origin.GaussNewton(self.step_size, self.damping)
        scale = self.inner_scale or 1.0 / (64 * self.decoder.channels)
        return origin.Gradient(self.step_size * scale)

    def batch_loss(self, data, training):
        """Loss of a batch, a scalar; updates the metrics."""
        if not training or self.chance is None:
            return super().batch_loss(data, training)
        images = inputs.to_unit_range(inputs.only_images(data))
        values = ops.reshape(images, (-1, self.points, self.decoder.channels))
        seed = tf.identity(self.chance)
        self.chance.assign_add([0, 1])
        # Both passes, and all images, see the same points and leave out the same units: there is
        # one network, and one origin.
        coordinates, values, loss = self.draw_points(values, seed)
        network = self.network_at(coordinates, self.draw_units(seed), training)
        found = self.latents_from_origin(network, values, loss, self.shares_origin)
        outputs = network(found)
        total = ops.mean(loss(outputs, values)) + self.penalty(found)
        self.update_metrics(values, self.pixel_loss.outputs_to_images(outputs), total)
        return total

    def draw_points(self, values, seed):
        """Points for a training step: their coordinates, the values there, and their loss."""
        if self.points_per_step is None:
            return self.coordinates, values, self.pixel_loss
        order = tf.argsort(tf.random.stateless_uniform([self.points], seed))
        chosen = order[: self.points_per_step]
        loss = losses.Weighted(self.pixel_loss, self.points / self.points_per_step)
        return ops.take(self.coordinates, chosen, axis=0), ops.take(values, chosen, axis=1), loss

    def draw_units(self, seed):
        """Factors of the hidden units for a training step; None without dropout."""
        if self.decoder.dropout == 0.0:
            return None
        shape = (self.decoder.depth, self.decoder.width)
        return self.decoder.kept_units(tf.random.stateless_uniform(shape, seed))

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "image_shape": self.image_shape,
            "points_per_step": self.points_per_step,
        }


def checked_shape(image_shape, decoder) -> tuple[int, ...]:
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

"""A decoder for pictures of 64 pixels and more: residual blocks, and a sketch to encode by."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from gon_tf import arguments
from gon_tf.decoders import activations, linear
from gon_tf.decoders.conv import first_grid
from gon_tf.decoders.picture import PictureDecoder
from gon_tf.decoders.sketch import LinearDecoder

SMALLEST_SKETCH = 8  # pixels of a side


@keras.saving.register_keras_serializable("gon_tf")
class ResidualDecoder(PictureDecoder):
    """Latents `[batch, latent_dim]` to images `[batch, height, width, channels]`.

    A picture larger than `sketch_size` is made from a small one, its sketch, which is one matrix of
    the latents:

        F(z) = sigmoid(enlarged(s) + details(s)),  s = sketch(z)

    The details at a place depend on the sketch around it, by the same convolutions everywhere, so
    that they are learned from all places of all pictures, and serve new ones. At each size there
    are residual units h + conv3x3(act(h)); a 1x1 convolution and bilinear interpolation double the
    sides. Nothing here treats one pixel of a grid unlike its neighbour, so that no texture of the
    grid shows in the pictures, as it does with transposed convolutions.

    The latents of an image are those that explain the image made as small (area averages) by the
    sketch: the step from the origin costs the same for pictures of any size, and the encoder that
    a model folds to is as small. The decoder is trained for the whole picture alone.

    Without a sketch, the same layers begin with a grid of 4 to 16 pixels, by one matrix.

    Args:
        image_shape: (height, width, channels). Both sides are the same power of two times a grid
            of 4 to 16 pixels, e.g. 28, 48, 64, 96 or 256.
        latent_dim: number of latents, >= 1.
        filters: channels at the picture's own size, >= 1; half of it has twice as many, and so on.
        most_filters: largest number of channels, >= 1.
        depth: residual units at each size, >= 1; three times as many at the first.
        activation: name of a Keras activation with a second derivative.
        sketch_size: largest side of the sketch, >= 8 pixels; None for no sketch.
        output_activation: "sigmoid", or None for unbounded outputs.

    Raises:
        ValueError: if an argument is out of range.

    Example:
        >>> decoder = gon_tf.ResidualDecoder(image_shape=(64, 64, 3), latent_dim=256)
        >>> tuple(decoder(np.zeros((2, 256))).shape)
        (2, 64, 64, 3)
        >>> decoder.sketch.image_shape
        (16, 16, 3)

    Source: He et al., "Identity Mappings in Deep Residual Networks", ECCV 2016; Odena et al.,
    "Deconvolution and Checkerboard Artifacts", Distill 2016; Lim et al., "Enhanced Deep Residual
    Networks for Single Image Super-Resolution", CVPRW 2017.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        latent_dim: int,
        filters: int = 16,
        most_filters: int = 128,
        depth: int = 1,
        activation: str = "elu",
        sketch_size: int | None = 16,
        output_activation: str | None = "sigmoid",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        # config
        self.image_shape = arguments.image_shape("image_shape", image_shape)
        self.latent_dim = arguments.integer("latent_dim", latent_dim)
        self.filters = arguments.integer("filters", filters)
        self.most_filters = arguments.integer("most_filters", most_filters)
        self.depth = arguments.integer("depth", depth)
        self.activation = activation
        self.sketch_size = sketch_size
        if sketch_size is not None:
            self.sketch_size = arguments.integer("sketch_size", sketch_size, SMALLEST_SKETCH)
        self.output_activation = arguments.choice(
            "output_activation", output_activation, ("sigmoid", None)
        )
        self.activate = activations.get(activation)

        # what comes first: the sketch, or a grid
        height, width, channels = self.image_shape
        *grid, doublings = first_grid(self.image_shape)
        self.sketch, self.halvings = None, 0  # from the picture to its sketch
        if sketch_size:
            while self.halvings < doublings and max(height, width) >> self.halvings > sketch_size:
                self.halvings += 1
        if self.halvings:
            small = (height >> self.halvings, width >> self.halvings, channels)
            self.sketch = LinearDecoder(small, self.latent_dim, self.output_activation)
            doublings = self.halvings
        widths = [min(filters * 2**left, most_filters) for left in reversed(range(doublings + 1))]
        if self.sketch:
            self.first = self._conv(widths[0], 3)
        else:
            self.first = keras.layers.EinsumDense(
                "bl,lhwc->bhwc",
                output_shape=(*grid, widths[0]),
                bias_axes="c",
                kernel_initializer=fan_in(),
            )

        # layers that enlarge
        counts = [3 * self.depth, *[self.depth] * doublings]
        self.units = [
            [self._conv(width, 3) for _ in range(count)]
            for width, count in zip(widths, counts, strict=True)
        ]
        self.narrow = [self._conv(width, 1) for width in widths[1:]]
        self.enlarge = Enlarge(dtype=self.dtype_policy)
        # What makes the picture stays in float32 under a mixed precision policy. The details begin
        # as none, so that training begins with the sketch, whatever the size of the picture.
        self.head = self._conv(channels, 3, dtype="float32")
        if self.sketch:
            self.head.kernel_initializer = keras.initializers.Zeros()
        self.enlarge_picture = Enlarge(dtype="float32")
        self.build((None, self.latent_dim))

    def _conv(self, filters, kernel_size, dtype=None):
        return keras.layers.Conv2D(
            filters,
            kernel_size,
            padding="same",
            data_format="channels_last",
            kernel_initializer=fan_in(),
            dtype=dtype or self.dtype_policy,
        )

    @property
    def chain(self) -> list[Callable]:
        """All layers from latents to logits, as `gon_tf.decoders.linear` takes them."""

        def residual(units):
            return [linear.Sum(([], [self.activate, unit])) for unit in units]

        layers: list[Callable] = [self.first, *residual(self.units[0])]
        for narrow, units in zip(self.narrow, self.units[1:], strict=True):
            layers += [narrow, self.enlarge, *residual(units)]
        layers += [self.activate, self.head]
        if self.sketch is None:
            return layers
        return [*self.sketch.chain, linear.Sum(([self.enlarge_picture] * self.halvings, layers))]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "image_shape": self.image_shape,
            "latent_dim": self.latent_dim,
            "filters": self.filters,
            "most_filters": self.most_filters,
            "depth": self.depth,
            "activation": self.activation,
            "sketch_size": self.sketch_size,
            "output_activation": self.output_activation,
        }


@keras.saving.register_keras_serializable("gon_tf")
class Enlarge(keras.layers.Layer):
    """Images `[batch, height, width, channels]` to twice the sides, by bilinear interpolation.

    By two matrix products: TensorFlow's own operator has no second derivative, and leaves it out
    without an error.
    """

    def call(self, images: keras.KerasTensor) -> keras.KerasTensor:
        """The enlarged images; `tf.image.resize` gives the same."""
        _, height, width, _ = images.shape
        return along_sides(bilinear(height), bilinear(width), images)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """Twice the height and the width."""
        batch, height, width, channels = input_shape
        return (batch, 2 * height, 2 * width, channels)


@linear.linearize.register
def _(layer: Enlarge, images):
    def pull(cotangents):
        _, height, width, _ = cotangents.shape
        return along_sides(bilinear(height // 2).T, bilinear(width // 2).T, cotangents)

    return layer(images), linear.Derivative(lambda t: linear.of_all(layer, t), pull)


def along_sides(rows: np.ndarray, columns: np.ndarray, images: Any) -> Any:
    """A matrix applied to the rows of images and one to their columns."""
    _, height, width, channels = images.shape
    (tall, _), (wide, _) = rows.shape, columns.shape
    rows, columns = (ops.cast(matrix, images.dtype) for matrix in (rows, columns))
    images = ops.matmul(rows, ops.reshape(images, (-1, height, width * channels)))
    images = ops.matmul(columns, ops.reshape(images, (-1, width, channels)))
    return ops.reshape(images, (-1, tall, wide, channels))


@functools.cache
def bilinear(side: int) -> np.ndarray:
    """The matrix that doubles a side by linear interpolation, `[2 * side, side]` float32."""
    places = (np.arange(2 * side) + 0.5) / 2.0 - 0.5
    distances = np.abs(np.clip(places, 0, side - 1)[:, None] - np.arange(side))
    return np.maximum(1.0 - distances, 0.0).astype(np.float32)


def fan_in() -> keras.initializers.Initializer:
    """Kernels that keep the size of what goes through them."""
    return keras.initializers.VarianceScaling(1.0, "fan_in", "uniform")

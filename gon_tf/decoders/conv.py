"""The convolutional decoder of the published GON: a stack of transposed convolutions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from gon_tf import arguments
from gon_tf.decoders import activations
from gon_tf.decoders.picture import PictureDecoder

NORMALIZATIONS = (None, "batch", "instance", "group")
SMALLEST_GRID, LARGEST_GRID = 4, 16
TORCH_EPSILON = 1e-5  # Keras' 1e-3 would shrink the latents of a new network 1000 times


@keras.saving.register_keras_serializable("gon_tf")
class ConvDecoder(PictureDecoder):
    """Latents `[batch, latent_dim]` to images `[batch, height, width, channels]`.

    The latents become a small grid by one matrix product (a transposed convolution of a single
    pixel); every further layer is a 4x4 transposed convolution that doubles both sides and halves
    the channels, the last one giving the image. At 32x32 this is the network of the paper:
    4x4 x 4 `filters`, 8x8 x 2 `filters`, 16x16 x `filters`, 32x32 x channels.

    Args:
        image_shape: (height, width, channels). Both sides are the same power of two times a grid
            of 4 to 16 pixels, e.g. 28, 32, 48 or 64.
        latent_dim: number of latents, >= 1.
        filters: channels of the last hidden layer, >= 1. The layer before it has twice as many.
        activation: name of a Keras activation with a second derivative.
        normalization: None, "instance", "group" (8 groups), or "batch" for reproduction of the
            published networks: epsilon 1e-5, momentum 0.9 and the statistics of the batch always,
            at inference too, so that an image's latents depend on the other images of its batch.
        output_activation: "sigmoid", or None for unbounded outputs.
        allow_piecewise_linear: accept activations such as relu, for the ablation.

    Raises:
        ValueError: if an argument is out of range.

    Example:
        >>> decoder = gon_tf.ConvDecoder(image_shape=(32, 32, 1), latent_dim=256)
        >>> tuple(decoder(np.zeros((2, 256))).shape)
        (2, 32, 32, 1)

    Source: Bond-Taylor & Willcocks, "Gradient Origin Networks", ICLR 2021, section 4.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        latent_dim: int,
        filters: int = 16,
        activation: str = "elu",
        normalization: str | None = None,
        output_activation: str | None = "sigmoid",
        allow_piecewise_linear: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        # config
        self.image_shape = arguments.image_shape("image_shape", image_shape)
        self.latent_dim = arguments.integer("latent_dim", latent_dim)
        self.filters = arguments.integer("filters", filters)
        self.activation = activation
        self.normalization = arguments.choice("normalization", normalization, NORMALIZATIONS)
        self.output_activation = arguments.choice(
            "output_activation", output_activation, ("sigmoid", None)
        )
        self.allow_piecewise_linear = arguments.boolean(
            "allow_piecewise_linear", allow_piecewise_linear
        )
        activations.get(activation, allow_piecewise_linear=allow_piecewise_linear)

        # layers
        *grid, doublings = first_grid(self.image_shape)
        widths = [self.filters * 2**power for power in reversed(range(doublings))]
        channels = [*widths, self.image_shape[-1]]
        self.projections = [self._project(grid, channels[0])]
        self.projections += [
            self._upsample(width, dtype="float32" if last else self.dtype_policy)
            for width, last in zip(channels[1:], [False] * (doublings - 1) + [True], strict=True)
        ]
        self.normalizations = [normalization_layer(normalization, width) for width in widths]
        self.hidden_activations = [keras.layers.Activation(activation) for _ in widths]
        self.build((None, self.latent_dim))

    def _project(self, grid, width):
        return keras.layers.EinsumDense(
            "bl,lhwc->bhwc",
            output_shape=(*grid, width),
            bias_axes="c",
            kernel_initializer=uniform(width * math.prod(grid)),
            bias_initializer=uniform(width * math.prod(grid)),
        )

    def _upsample(self, width, dtype):
        # The last layer makes the picture: it stays in float32 under a mixed precision policy.
        return keras.layers.Conv2DTranspose(
            width,
            kernel_size=4,
            strides=2,
            padding="same",
            data_format="channels_last",
            kernel_initializer=uniform(width * 16),
            bias_initializer=uniform(width * 16),
            dtype=dtype,
        )

    @property
    def chain(self) -> list[Callable] | None:
        """All layers from latents to logits, as `gon_tf.decoders.linear` takes them, if it can.

        None with a normalisation, which mixes values.
        """
        if self.normalization is not None:
            return None
        first, *upsamplings = self.projections
        pairs = zip(self.hidden_activations, upsamplings, strict=True)
        return [first, *(layer for pair in pairs for layer in pair)]

    def logits(self, latents: keras.KerasTensor, training: bool | None = None) -> keras.KerasTensor:
        """The outputs before the output activation, `[batch, height, width, channels]`."""
        hidden = latents
        *hidden_layers, last = self.projections
        for project, normalize, activate in zip(
            hidden_layers, self.normalizations, self.hidden_activations, strict=True
        ):
            hidden = activate(normalize(project(hidden), training=training))
        return last(hidden)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "image_shape": self.image_shape,
            "latent_dim": self.latent_dim,
            "filters": self.filters,
            "activation": self.activation,
            "normalization": self.normalization,
            "output_activation": self.output_activation,
            "allow_piecewise_linear": self.allow_piecewise_linear,
        }


@keras.saving.register_keras_serializable("gon_tf")
class BatchStatistics(keras.layers.BatchNormalization):
    """Batch normalisation by the statistics of the batch at inference too.

    The moving averages mix the pass at the origin with the pass at the latents and describe
    neither; they are kept as a record of training only.
    """

    def call(self, inputs: keras.KerasTensor, training: bool | None = None) -> keras.KerasTensor:
        """Normalised `inputs`, any shape with channels last."""
        values = ops.cast(inputs, "float32")
        axes = tuple(range(len(values.shape) - 1))
        # At the origin all images are equal, the variance is 0, and whatever the mean has lost to
        # rounding is divided by sqrt(1e-5): take the mean of what is left, too.
        mean = ops.mean(values, axis=axes)
        mean = mean + ops.mean(values - mean, axis=axes)
        variance = ops.mean(ops.square(values - mean), axis=axes)
        if training:
            for record, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
                record.assign(self.momentum * record + (1.0 - self.momentum) * value)
        scale = ops.rsqrt(variance + self.epsilon) * self.gamma
        return ops.cast((values - mean) * scale + self.beta, self.compute_dtype)


def normalization_layer(normalization: str | None, width: int) -> keras.layers.Layer:
    """The Keras layer for one of `NORMALIZATIONS`."""
    if normalization == "batch":
        return BatchStatistics(epsilon=TORCH_EPSILON, momentum=0.9)
    if normalization == "instance":
        return keras.layers.GroupNormalization(groups=-1, epsilon=TORCH_EPSILON)
    if normalization == "group":
        return keras.layers.GroupNormalization(groups=math.gcd(8, width), epsilon=TORCH_EPSILON)
    return keras.layers.Identity()


def first_grid(image_shape: tuple[int, int, int]) -> tuple[int, int, int]:
    """Height and width of the first grid, and how often it is doubled to make the image.

    Raises:
        ValueError: if the sides are not a grid of 4 to 16 pixels, doubled at least once.
    """
    height, width, _ = image_shape
    doublings = 0
    while height % 2 == width % 2 == 0 and min(height, width) // 2 >= SMALLEST_GRID:
        height, width, doublings = height // 2, width // 2, doublings + 1
    if doublings == 0 or max(height, width) > LARGEST_GRID:
        raise ValueError(
            "The decoder doubles a grid of 4 to 16 pixels, so both sides must be such a grid times "
            "the same power of two, e.g. 28, 32, 48 or 64. "
            f"Received: image_shape={image_shape}"
        )
    return height, width, doublings


def uniform(fan: int) -> keras.initializers.Initializer:
    """PyTorch's default of a transposed convolution: U(-1/sqrt(fan), 1/sqrt(fan))."""
    bound = 1.0 / math.sqrt(fan)
    return keras.initializers.RandomUniform(-bound, bound)

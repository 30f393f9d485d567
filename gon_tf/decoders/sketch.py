"""A small picture by one matrix: what a decoder of large pictures encodes them by."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras

from gon_tf import arguments
from gon_tf.decoders.picture import PictureDecoder


@keras.saving.register_keras_serializable("gon_tf")
class LinearDecoder(PictureDecoder):
    """Latents to the logits of a small picture by one matrix.

    Args:
        image_shape: (height, width, channels).
        latent_dim: number of latents, >= 1.
        output_activation: "sigmoid", or None for unbounded outputs.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        latent_dim: int,
        output_activation: str | None = "sigmoid",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.image_shape = arguments.image_shape("image_shape", image_shape)
        self.latent_dim = arguments.integer("latent_dim", latent_dim)
        self.output_activation = arguments.choice(
            "output_activation", output_activation, ("sigmoid", None)
        )
        # A picture stays in float32 under a mixed precision policy.
        self.matrix = keras.layers.Dense(
            math.prod(self.image_shape), kernel_initializer="lecun_uniform", dtype="float32"
        )
        self.grid = keras.layers.Reshape(self.image_shape, dtype="float32")
        self.build((None, self.latent_dim))

    @property
    def chain(self) -> list[Callable]:
        """The matrix, as `gon_tf.decoders.linear` takes it."""
        return [self.matrix, self.grid]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "image_shape": self.image_shape,
            "latent_dim": self.latent_dim,
            "output_activation": self.output_activation,
        }

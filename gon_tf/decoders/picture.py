"""What decoders of whole pictures have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from gon_tf.decoders import linear


class PictureDecoder(keras.Model):
    """Latents `[batch, latent_dim]` to pictures `[batch, *image_shape]`, by a chain of layers.

    A subclass sets `image_shape`, `latent_dim` and `output_activation`, makes its layers, and then
    calls `build((None, latent_dim))`.
    """

    image_shape: tuple[int, int, int]
    latent_dim: int
    output_activation: str | None

    @property
    def chain(self) -> list[Callable] | None:
        """All layers from latents to logits, as `gon_tf.decoders.linear` takes them.

        None if there is more to `logits` than that.
        """
        return None

    def build(self, input_shape: tuple) -> None:
        """Creates the weights of all layers."""
        self.logits(keras.KerasTensor((None, self.latent_dim)))
        self.built = True

    def logits(self, latents: keras.KerasTensor, training: bool | None = None) -> keras.KerasTensor:
        """The outputs before the output activation, `[batch, height, width, channels]`."""
        if self.chain is None:
            raise NotImplementedError(f"{type(self).__name__} needs a chain, or logits of its own.")
        return linear.outputs(self.chain, latents)

    def call(self, latents: keras.KerasTensor, training: bool | None = None) -> keras.KerasTensor:
        """Pictures of a batch of latents."""
        logits = self.logits(latents, training=training)
        return ops.sigmoid(logits) if self.output_activation == "sigmoid" else logits

    def compute_output_shape(self, input_shape: tuple) -> tuple[Any, ...]:
        """Shape of the pictures for a shape of latents."""
        return (input_shape[0], *self.image_shape)

"""What a model asks of a decoder, beside being a built Keras model of latents."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import keras


@runtime_checkable
class Shaped(Protocol):
    """A decoder that says how many latents it takes and what it gives."""

    latent_dim: int
    image_shape: tuple[int, ...]


@runtime_checkable
class Decoder(Shaped, Protocol):
    """A decoder whose outputs have an activation: `call` is that of `logits`."""

    output_activation: str | None

    def logits(self, latents: Any, training: bool | None = None) -> Any:
        """The outputs before the output activation, `[batch, *image_shape]`."""


@runtime_checkable
class Sketching(Decoder, Protocol):
    """A decoder that makes its pictures from smaller ones, by which images can be encoded.

    The sides of a picture are a whole number of times those of its sketch, the same for both.
    """

    sketch: keras.Model | None  # from the same latents to small pictures; a `Decoder`, too


def sketch_of(decoder: keras.Model) -> keras.Model:
    """The decoder that latents come from: the sketch of one that makes sketches, or itself."""
    return getattr(decoder, "sketch", None) or decoder


def shapes_of(decoder: Any) -> tuple[int, tuple[int, ...]]:
    """(latent_dim, image_shape) of a decoder of pictures.

    Raises:
        TypeError: if it is not a Keras model.
        ValueError: if it is not built, or not from a vector to an image.
    """
    if not isinstance(decoder, keras.Model):
        raise TypeError(
            "decoder must be a Keras model from latents to images, such as gon_tf.ConvDecoder. "
            f"Received: {type(decoder).__name__}"
        )
    if isinstance(decoder, Shaped):
        return decoder.latent_dim, tuple(decoder.image_shape)
    try:
        latents_shape, images_shape = decoder.input_shape, decoder.output_shape
    except AttributeError:  # a subclass knows what it was called with, or built for
        given = (decoder.get_build_config() or {}).get("input_shape") if decoder.built else None
        if given is None:
            raise ValueError(
                "decoder must know its shapes: give it a keras.Input, or call it once. "
                f"Received: the model {decoder.name!r}, not built"
            ) from None
        latents_shape = tuple(given)
        images_shape = tuple(decoder(keras.KerasTensor((None, *latents_shape[1:]))).shape)
    if len(latents_shape) != 2 or len(images_shape) != 4 or None in images_shape[1:]:
        raise ValueError(
            "decoder must map [batch, latent_dim] to [batch, height, width, channels]. "
            f"Received: {latents_shape} to {images_shape}"
        )
    return latents_shape[1], tuple(images_shape[1:])

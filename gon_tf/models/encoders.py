"""Encoders of the baselines: a decoder's mirror image, or the user's own network."""

from __future__ import annotations

from typing import Any

import keras

from gon_tf.decoders.conv import ConvDecoder, normalization_layer, uniform


def encoder_for(model: Any, outputs: int) -> keras.Model:
    """The encoder that `model` was given, or else the mirror image of its decoder.

    Args:
        model: a `LatentModel` with the argument `encoder`: None, or a built Keras model from images
            to `[batch, outputs]`.
        outputs: numbers that the encoder gives for an image.

    Raises:
        TypeError: if the encoder is not a Keras model.
        ValueError: if its shapes do not fit, or the decoder has no mirror image.
    """
    encoder = model.encoder
    if encoder is None:
        return mirrored(model.decoder, outputs)
    if not isinstance(encoder, keras.Model):
        raise TypeError(
            f"encoder must be a Keras model from images to latents. Received: encoder={encoder!r}"
        )
    try:
        shapes = encoder.input_shape, encoder.output_shape
    except AttributeError:
        raise ValueError(
            "encoder must know its shapes: give it a keras.Input. "
            f"Received: the model {encoder.name!r}, not built"
        ) from None
    expected = (None, *model.image_shape), (None, outputs)
    if shapes != expected:
        raise ValueError(
            f"encoder must map {expected[0]} to {expected[1]}. Received: {shapes[0]} to {shapes[1]}"
        )
    return encoder


def check_conv(decoder: Any, advice: str) -> None:
    """Raises ValueError unless `decoder` is a ConvDecoder, whose layers have a counterpart."""
    if not isinstance(decoder, ConvDecoder):
        raise ValueError(
            "Only a gon_tf.ConvDecoder has layers that an encoder can mirror"
            f"{advice}. Received: decoder of the class {type(decoder).__name__}"
        )


def mirrored(decoder: ConvDecoder, outputs: int) -> keras.Model:
    """The encoder that mirrors a `ConvDecoder`: the same layers in reverse.

    A strided 4x4 convolution stands for each transposed one, with as many filters as that has
    input channels, then the decoder's normalisation and activation; a matrix product of the last
    grid gives the `outputs`. Initialised as in PyTorch, like the decoder: U(-1/sqrt(fan_in), ...).

    Raises:
        ValueError: if the decoder is of another class.
    """
    check_conv(decoder, "; give another decoder's model an encoder=...")
    first, *upsamplings = decoder.projections
    layers = [keras.Input(decoder.image_shape)]
    for upsample in reversed(upsamplings):
        channels_in, width = upsample.kernel.shape[2:]
        layers += [
            keras.layers.Conv2D(
                width,
                kernel_size=4,
                strides=2,
                padding="same",
                data_format="channels_last",
                kernel_initializer=uniform(channels_in * 16),
                bias_initializer=uniform(channels_in * 16),
            ),
            normalization_layer(decoder.normalization, width),
            keras.layers.Activation(decoder.activation),
        ]
    _, height, grid_width, width = tuple(first.kernel.shape)
    fan = height * grid_width * width
    layers += [
        keras.layers.Flatten(data_format="channels_last"),
        # Latents stay in float32 under a mixed precision policy.
        keras.layers.Dense(
            outputs,
            kernel_initializer=uniform(fan),
            bias_initializer=uniform(fan),
            dtype="float32",
        ),
    ]
    return keras.Sequential(layers, name="encoder")

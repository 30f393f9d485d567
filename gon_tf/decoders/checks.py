"""What the step from the origin asks of somebody's own decoder, said before it fails."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf


def check_derivatives(decoder: keras.Model, latent_dim: int) -> None:
    """Raise ValueError unless a decoder can be trained through a step from the origin.

    Args:
        decoder: a built Keras model whose derivatives are taken by automatic differentiation.
        latent_dim: its number of latents.

    Raises:
        ValueError: if a layer has no second derivative in TensorFlow, or the pictures do not depend
            on the latents at the origin.

    Example:
        >>> check_derivatives(gon_tf.ConvDecoder((8, 8, 1), latent_dim=4), 4)
    """
    for layer in decoder._flatten_layers():
        kind = getattr(layer, "interpolation", "nearest")
        if isinstance(layer, keras.layers.UpSampling2D) and kind != "nearest":
            raise ValueError(
                f"TensorFlow has no second derivative of {kind} resizing, which training a GON "
                "takes; use UpSampling2D(interpolation='nearest') and a convolution. Received: "
                f"the layer {layer.name!r}"
            )
    origin = tf.zeros((1, latent_dim))
    with tf.GradientTape() as tape:
        tape.watch(origin)
        pictures = keras.ops.cast(decoder(origin), "float32")
        weights = np.random.default_rng(0).standard_normal(pictures.shape)
        value = tf.reduce_sum(pictures * tf.constant(weights, tf.float32))
    slope = tape.gradient(value, origin)
    if slope is None or not np.any(np.asarray(slope)):
        raise ValueError(
            "The decoder's pictures do not change with the latents at the origin, so that no image "
            "has any: ReLU right behind the latents, for one, has slope 0 there; use elu, silu or "
            f"softplus. Received: {decoder.name!r}"
        )

"""Encodings of coordinates: Keras layers from `[..., coordinate_dim]` to `[..., features]`.

A network of smooth activations prefers low frequencies; sines of the coordinates at many
frequencies let it draw fine detail. A SIREN brings its own sines and needs no encoding.
"""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from gon_tf import arguments


@keras.saving.register_keras_serializable("gon_tf")
class NeRFEncoding(keras.layers.Layer):
    """Sines and cosines of every coordinate at frequencies that double from octave to octave.

    For one coordinate x: sin(pi 2^k x) for k = 0 ... octaves - 1, then the cosines; the features
    of the coordinates follow one another.

    Args:
        octaves: number of frequencies, >= 1. The finest wave is 2^(2 - octaves) long, in units of
            the coordinates' range of [-1, 1].

    Raises:
        ValueError: if `octaves` is out of range.

    Example:
        >>> tuple(gon_tf.decoders.NeRFEncoding(octaves=4)(np.zeros((7, 2))).shape)
        (7, 16)

    Source: Mildenhall et al., "NeRF: Representing Scenes as Neural Radiance Fields for View
        Synthesis", ECCV 2020, equation 4.
    """

    def __init__(self, octaves: int = 10, **kwargs: Any):
        super().__init__(**in_float32(kwargs))
        self.octaves = arguments.integer("octaves", octaves)

    def call(self, coordinates: keras.KerasTensor) -> keras.KerasTensor:
        """Features `[..., 2 * octaves * coordinate_dim]` of coordinates `[..., coordinate_dim]`."""
        frequencies = math.pi * 2.0 ** ops.arange(self.octaves, dtype="float32")
        angles = coordinates[..., None] * frequencies
        features = ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)
        return ops.reshape(features, (*ops.shape(coordinates)[:-1], self.width(coordinates.shape)))

    def width(self, shape: tuple) -> int:
        """Number of features of coordinates of this shape."""
        return 2 * self.octaves * shape[-1]

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """Shape of the features for a shape of coordinates."""
        return (*input_shape[:-1], self.width(input_shape))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "octaves": self.octaves}


@keras.saving.register_keras_serializable("gon_tf")
class GaussianEncoding(keras.layers.Layer):
    """Gaussian Fourier features: sines and cosines of random projections of the coordinates.

    The features of a point x are sin(2 pi x P), then cos(2 pi x P), where the entries of P are
    drawn from N(0, scale^2) once.

    Args:
        frequencies: number of projections, >= 1; there are twice as many features.
        scale: standard deviation of the frequencies, in cycles per unit of the coordinates, > 0.
            More of it gives finer detail, and noise where there is no data.
        learn_projection: whether P is trained.

    Raises:
        ValueError: if an argument is out of range.

    Example:
        >>> tuple(gon_tf.decoders.GaussianEncoding(frequencies=32)(np.zeros((7, 2))).shape)
        (7, 64)

    Source: Tancik et al., "Fourier Features Let Networks Learn High Frequency Functions in Low
        Dimensional Domains", NeurIPS 2020, section 6.1.
    """

    def __init__(
        self,
        frequencies: int = 32,
        scale: float = 1.0,
        learn_projection: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**in_float32(kwargs))
        self.frequencies = arguments.integer("frequencies", frequencies)
        self.scale = arguments.number("scale", scale, above=True)
        self.learn_projection = arguments.boolean("learn_projection", learn_projection)

    def build(self, input_shape: tuple) -> None:
        """Draws the projection."""
        self.projection = self.add_weight(
            shape=(input_shape[-1], self.frequencies),
            initializer=keras.initializers.RandomNormal(stddev=self.scale),
            trainable=self.learn_projection,
            name="projection",
        )

    def call(self, coordinates: keras.KerasTensor) -> keras.KerasTensor:
        """Features `[..., 2 * frequencies]` of coordinates `[..., coordinate_dim]`."""
        angles = 2.0 * math.pi * ops.matmul(coordinates, self.projection)
        return ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """Shape of the features for a shape of coordinates."""
        return (*input_shape[:-1], 2 * self.frequencies)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "frequencies": self.frequencies,
            "scale": self.scale,
            "learn_projection": self.learn_projection,
        }


ENCODINGS = {None: keras.layers.Identity, "nerf": NeRFEncoding, "gaussian": GaussianEncoding}


def get(encoding: str | keras.layers.Layer | None) -> keras.layers.Layer:
    """The layer of an encoding: "nerf", "gaussian", None (the coordinates themselves) or a layer.

    Raises:
        ValueError: if it is none of these.
    """
    if isinstance(encoding, keras.layers.Layer):
        return encoding
    if (encoding is not None and not isinstance(encoding, str)) or encoding not in ENCODINGS:
        raise ValueError(
            f"encoding must be one of {list(ENCODINGS)} or a Keras layer. "
            f"Received: encoding={encoding!r}"
        )
    return ENCODINGS[encoding](dtype="float32")


def in_float32(kwargs: dict) -> dict:
    """A layer's keyword arguments with float32 as its type: bfloat16 has 3 digits for an angle."""
    return {"dtype": "float32", **kwargs}


__all__ = ["GaussianEncoding", "NeRFEncoding", "get"]

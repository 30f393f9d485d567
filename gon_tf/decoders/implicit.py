"""The implicit decoder of the published GON: a SIREN, a network from a point to its value."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from gon_tf import arguments
from gon_tf.decoders import activations, encodings, modulations
from gon_tf.decoders.sine import sine


@keras.saving.register_keras_serializable("gon_tf")
class ImplicitDecoder(keras.Model):
    """Latents and coordinates to the values of a signal there: `decoder(latents, coordinates)`.

    One network from a point to its value draws every signal, at any resolution; the latents say
    which one. They enter beside the coordinates, as in the paper, or modulate the hidden layers.
    With sines it is a SIREN: hidden layers sin(omega (W h + b)), a linear last layer.

    The coordinates `[points, coordinate_dim]` are those of one signal, whatever the batch: the
    first layer multiplies them and the latents separately, which is its product with the two side
    by side for each point of each image, for a fraction of the work.

    Args:
        channels: values at a point, >= 1.
        latent_dim: number of latents, >= 1.
        width: units of each hidden layer, >= 1.
        depth: number of hidden layers, >= 1.
        omega: frequency of the sines, > 0: one number, or (first layer, other hidden layers).
        activation: "sine", or the name of a Keras activation with a second derivative.
        encoding: of the coordinates: None, "nerf", "gaussian", a layer of
            `gon_tf.decoders.encodings` or any other Keras layer.
        modulation: False (latents beside the coordinates), "shift" (a linear map of the latents
            shifts each hidden layer), or "multiplicative" (a ReLU network of the latents scales
            each hidden layer; True means this one).
        dropout: share of the units of each hidden layer that a training step leaves out,
            0 <= dropout < 1. All points, all images and both passes of the step leave out the
            same units (see `kept_units`), so that it trains one smaller network.
        coordinate_dim: dimensions of a point: 1 for signals, 2 for images, 3 for volumes.
        output_activation: None (linear) or "sigmoid".

    Raises:
        ValueError: if an argument is out of range.

    Example:
        >>> decoder = gon_tf.ImplicitDecoder(channels=1, latent_dim=32)
        >>> tuple(decoder(np.zeros((2, 32)), np.zeros((784, 2))).shape)
        (2, 784, 1)

    Source: Bond-Taylor & Willcocks, "Gradient Origin Networks", ICLR 2021, section 3.3; Sitzmann
        et al., "Implicit Neural Representations with Periodic Activation Functions", NeurIPS 2020
        (weights: section 3.2); Dupont et al., "From data to functa", ICML 2022 ("shift"); Mehta
        et al., "Modulated Periodic Activations", ICCV 2021 ("multiplicative").
    """

    def __init__(
        self,
        channels: int,
        latent_dim: int,
        width: int = 256,
        depth: int = 4,
        omega: float | tuple[float, float] = 30.0,
        activation: str = "sine",
        encoding: str | keras.layers.Layer | None = None,
        modulation: bool | str = False,
        dropout: float = 0.0,
        coordinate_dim: int = 2,
        output_activation: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(autocast=False, **kwargs)
        # config
        self.channels = arguments.integer("channels", channels)
        self.latent_dim = arguments.integer("latent_dim", latent_dim)
        self.width = arguments.integer("width", width)
        self.depth = arguments.integer("depth", depth)
        self.omega = checked_omega(omega)
        self.activation = activation
        self.encoding = encoding
        self.modulation = arguments.choice("modulation", modulation, modulations.MODULATIONS)
        self.dropout = checked_rate(dropout)
        self.coordinate_dim = arguments.integer("coordinate_dim", coordinate_dim)
        self.output_activation = arguments.choice(
            "output_activation", output_activation, ("sigmoid", None)
        )

        # layers
        self.activate = ops.sin if self.is_sine else activations.get(activation)
        self.encode_coordinates = encodings.get(encoding)
        if not self.encode_coordinates.built:
            self.encode_coordinates.build((None, self.coordinate_dim))
        shape = self.encode_coordinates.compute_output_shape((None, self.coordinate_dim))
        self._build_hidden(features=shape[-1])
        self.last = self._linear(self.width, self.channels, 1.0, dtype="float32")
        self.built = True

    def _build_hidden(self, features):
        # The first layer sees the digits of the coordinates and the last one makes the picture:
        # both stay in float32 under a mixed precision policy.
        first_omega, omega = self.frequencies
        modulate = modulations.MODULATIONS[self.modulation]
        fan_in = features + (self.latent_dim if modulate is modulations.Concatenation else 0)
        bounds = 1.0 / (fan_in if self.is_sine else math.sqrt(fan_in)), 1.0 / math.sqrt(fan_in)
        first = modulations.Linear(features, self.width, *bounds, first_omega, dtype="float32")
        others = [
            self._linear(self.width, self.width, omega, dtype=self.dtype_policy)
            for _ in range(self.depth - 1)
        ]
        self.hidden = [first, *others]
        gains = [first_omega] + [omega] * (self.depth - 1)
        self.modulate = modulate(self.latent_dim, self.width, gains, bounds[0], dtype="float32")

    def _linear(self, inputs, units, gain, dtype):
        bias_bound = 1.0 / math.sqrt(inputs)
        bound = math.sqrt(6.0) / self.frequencies[1] * bias_bound if self.is_sine else bias_bound
        return modulations.Linear(inputs, units, bound, bias_bound, gain, dtype=dtype)

    @property
    def is_sine(self) -> bool:
        """Whether the hidden layers are sines (a SIREN)."""
        return self.activation == "sine"

    @property
    def frequencies(self) -> tuple[float, float]:
        """Omega of the first and of the other hidden layers; 1 if they are no sines."""
        if not self.is_sine:
            return 1.0, 1.0
        return self.omega if isinstance(self.omega, tuple) else (self.omega, self.omega)

    def build(self, *shapes: tuple) -> None:
        """All weights exist since construction."""
        self.built = True

    def kept_units(self, noise: keras.KerasTensor) -> keras.KerasTensor:
        """Factors of the hidden units for one training step, `[depth, width]`.

        Args:
            noise: uniform in [0, 1), `[depth, width]`.

        Returns:
            0 for the share `dropout` of the units, 1 / (1 - dropout) for the others.
        """
        return ops.cast(noise >= self.dropout, "float32") / (1.0 - self.dropout)

    def logits(
        self,
        latents: keras.KerasTensor,
        coordinates: keras.KerasTensor,
        kept: keras.KerasTensor | None = None,
        training: bool | None = None,
    ) -> keras.KerasTensor:
        """The outputs before the output activation; the arguments of `call`."""
        hidden = ops.convert_to_tensor(coordinates, dtype="float32")
        hidden = self.encode_coordinates(hidden)
        modulated = self.modulate(ops.convert_to_tensor(latents, dtype="float32"))
        activate = sine if self.is_sine and training else self.activate
        for number, layer in enumerate(self.hidden):
            shift, scale = modulated[number]
            hidden = layer(hidden)
            if shift is not None:
                hidden = hidden + ops.cast(shift, hidden.dtype)
            hidden = activate(hidden)
            if scale is not None:
                hidden = hidden * ops.cast(scale, hidden.dtype)
            if kept is not None:
                hidden = hidden * ops.cast(kept[number], hidden.dtype)
        return self.last(hidden)

    def call(
        self,
        latents: keras.KerasTensor,
        coordinates: keras.KerasTensor,
        kept: keras.KerasTensor | None = None,
        training: bool | None = None,
    ) -> keras.KerasTensor:
        """Values of signals at points, `[batch, points, channels]`.

        Args:
            latents: `[batch, latent_dim]`.
            coordinates: `[points, coordinate_dim]`, or `[batch, points, coordinate_dim]` if every
                signal has points of its own. The grid of an image runs from -1 to 1.
            kept: factors of the hidden units (`kept_units`) or None, for all.
            training: whether to take the sine that trains fast (see `gon_tf.decoders.sine`), the
                same to rounding, instead of the one that every runtime has.
        """
        logits = self.logits(latents, coordinates, kept, training)
        return ops.sigmoid(logits) if self.output_activation == "sigmoid" else logits

    def compute_output_shape(self, latents_shape: tuple, coordinates_shape: tuple) -> tuple:
        """Shape of the values for shapes of latents and coordinates."""
        return (latents_shape[0], coordinates_shape[-2], self.channels)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        encoding = self.encoding
        if isinstance(encoding, keras.layers.Layer):
            encoding = keras.saving.serialize_keras_object(encoding)
        return {
            **super().get_config(),
            "channels": self.channels,
            "latent_dim": self.latent_dim,
            "width": self.width,
            "depth": self.depth,
            "omega": self.omega,
            "activation": self.activation,
            "encoding": encoding,
            "modulation": self.modulation,
            "dropout": self.dropout,
            "coordinate_dim": self.coordinate_dim,
            "output_activation": self.output_activation,
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict | None = None
    ) -> ImplicitDecoder:
        """The decoder that `get_config` describes."""
        encoding = keras.saving.deserialize_keras_object(config["encoding"], custom_objects)
        return cls(**{**config, "encoding": encoding})


def checked_omega(omega: Any) -> float | tuple[float, float]:
    """`omega` as a number > 0 or a pair of them."""
    if not isinstance(omega, tuple | list):
        return arguments.number("omega", omega, above=True)
    if len(omega) != 2:
        raise ValueError(
            "omega must be a number or a pair (first layer, other hidden layers). "
            f"Received: omega={omega!r}"
        )
    first, others = (arguments.number("omega", value, above=True) for value in omega)
    return first, others


def checked_rate(dropout: Any) -> float:
    """`dropout` as a number >= 0 and < 1."""
    rate = arguments.number("dropout", dropout)
    if rate >= 1.0:
        raise ValueError(f"dropout must be a number < 1. Received: dropout={dropout!r}")
    return rate

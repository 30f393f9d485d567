"""Keras layers as the page's script knows them: what each of them becomes in a model's file."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from gon_tf.decoders import (
    ConvDecoder,
    GaussianEncoding,
    ImplicitDecoder,
    NeRFEncoding,
    ResidualDecoder,
    linear,
)
from gon_tf.decoders.residual import Enlarge
from gon_tf.decoders.sketch import LinearDecoder

ACTIVATIONS = ("linear", "relu", "elu", "selu", "silu", "softplus", "tanh", "sigmoid")


def layers_of(decoder: keras.Model, latent_dim: int, logits: bool) -> list[dict]:
    """The layers of a decoder of pictures, in their order, as plain values and arrays.

    Args:
        decoder: a `ConvDecoder` without normalisation, a `ResidualDecoder`, or a `keras.Sequential`
            or functional model that is a chain of layers.
        latent_dim: number of latents.
        logits: whether to leave out the sigmoid at the end.

    Raises:
        ValueError: if there is a layer that the page does not know; the message names it.
    """
    found, _ = parts_of(chain_of(decoder), (latent_dim,))
    if logits and found[-1:] == [{"kind": "activation", "name": "sigmoid"}]:
        return found[:-1]
    if logits:
        raise unknown(decoder, "with the cross-entropy it must end in a sigmoid")
    return found


def parts_of(chain: Sequence[Any], shape: tuple[int, ...]) -> tuple[list[dict], tuple[int, ...]]:
    """What the layers of a chain become, and the shape of what they give for one image."""
    found = []
    for layer in chain:
        parts = described(layer, shape)
        shape = output_shape(layer, shape)
        found.extend(part for part in parts if part.get("name") != "linear")
    return found, shape


def chain_of(decoder: keras.Model) -> list[Any]:
    """The layers of a decoder in their order.

    Raises:
        ValueError: if they are no chain.
    """
    if type(decoder) in (ConvDecoder, LinearDecoder, ResidualDecoder):
        if decoder.chain is None:
            raise unknown(decoder.normalizations[0], "the page has none of this kind")
        return [*decoder.chain, keras.layers.Activation(decoder.output_activation)]
    if isinstance(decoder, keras.Sequential):
        return list(decoder.layers)
    functional = hasattr(decoder, "operations") and isinstance(decoder, keras.Model)
    if not functional or len(decoder.inputs) != 1:
        raise unknown(decoder, "it is of a class of its own")
    for layer in decoder.layers[1:]:
        nodes = layer._inbound_nodes
        if len(nodes) != 1 or len(nodes[0].input_tensors) != 1:
            raise unknown(layer, "its inputs are not the outputs of the layer before it alone")
    return list(decoder.layers[1:])


def output_shape(layer: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Shape of a layer's outputs for one image."""
    if isinstance(layer, linear.Sum):
        return parts_of(layer.chains[0], shape)[1]
    if not isinstance(layer, keras.layers.Layer):
        return shape  # a function of single values
    if isinstance(layer, keras.layers.EinsumDense):
        return tuple(layer.partial_output_shape)
    return tuple(layer.compute_output_shape((None, *shape))[1:])


def unknown(layer: Any, why: str) -> ValueError:
    """The error for a layer that cannot go."""
    name = getattr(layer, "name", None) or getattr(layer, "__name__", "")
    return ValueError(
        "A page knows ConvDecoder without normalisation, ResidualDecoder, ImplicitDecoder, and "
        "chains of Dense, Reshape, Flatten, Conv2D, Conv2DTranspose and activations. "
        f"Received: the layer {name!r} ({type(layer).__name__}): {why}"
    )


@functools.singledispatch
def described(layer: Any, shape: tuple[int, ...]) -> list[dict]:
    """What a layer becomes, for inputs of a shape.

    Raises:
        ValueError: if the page does not know the layer.
    """
    if not isinstance(layer, keras.layers.Layer):
        return [activation(layer, layer)]
    raise unknown(layer, "the page has none of this kind")


@described.register(keras.layers.InputLayer)
@described.register(keras.layers.Identity)
@described.register(keras.layers.Flatten)
@described.register(keras.layers.Reshape)
def _(layer: Any, shape: tuple[int, ...]) -> list[dict]:
    return []  # numbers stay where they are


@described.register(keras.layers.Activation)
@described.register(keras.layers.ELU)
@described.register(keras.layers.ReLU)
def _(layer: Any, shape: tuple[int, ...]) -> list[dict]:
    plain = {"alpha": 1.0, "max_value": None, "negative_slope": 0.0, "threshold": 0.0}
    for name, value in layer.get_config().items():
        if value != plain.get(name, value):
            raise unknown(layer, f"the page has it with {name}={plain[name]} only")
    name = type(layer).__name__.lower()
    return [activation(layer, layer.activation if name == "activation" else name)]


@described.register
def _(layer: linear.Sum, shape: tuple[int, ...]) -> list[dict]:
    return [{"kind": "sum", "chains": [parts_of(chain, shape)[0] for chain in layer.chains]}]


@described.register
def _(layer: Enlarge, shape: tuple[int, ...]) -> list[dict]:
    height, width, channels = shape
    return [{"kind": "enlarge", "height": height, "width": width, "channels": channels}]


def activation(layer: Any, function: Any) -> dict:
    """An activation by its name."""
    name = function if isinstance(function, str) else getattr(function, "__name__", None)
    if name not in ACTIVATIONS or (
        not isinstance(function, str) and function is not keras.activations.get(name)
    ):
        raise unknown(layer, f"of activations the page has {', '.join(ACTIVATIONS)}")
    return {"kind": "activation", "name": name}


@described.register
def _(layer: keras.layers.Dense, shape: tuple[int, ...]) -> list[dict]:
    kernel = np.asarray(layer.kernel)
    return [dense(kernel, bias_of(layer, kernel.shape[1])), activation(layer, layer.activation)]


@described.register
def _(layer: keras.layers.EinsumDense, shape: tuple[int, ...]) -> list[dict]:
    if layer.equation != "bl,lhwc->bhwc" or layer.bias_axes != "c":
        raise unknown(layer, "the page has it as ConvDecoder's first layer only")
    kernel, bias = np.asarray(layer.kernel), np.asarray(layer.bias)
    bias = np.broadcast_to(bias, kernel.shape[1:]).reshape(-1)
    return [dense(kernel.reshape(len(kernel), -1), bias), activation(layer, layer.activation)]


@described.register
def _(layer: keras.layers.Conv2DTranspose, shape: tuple[int, ...]) -> list[dict]:
    size, stride = window_of(layer)
    if layer.output_padding is not None:
        raise unknown(layer, "the page has it without output_padding")
    kernel = np.asarray(layer.kernel)  # [size, size, outputs, inputs]
    height, width, channels = output_shape(layer, shape)
    before = max(size - stride, 0) // 2 if layer.padding == "same" else 0
    rows, columns, inputs = shape
    return [
        {
            "kind": "transposed convolution",
            "kernel": kernel.reshape(-1, inputs).T.copy(),
            "bias": bias_of(layer, channels),
            "window": {
                **{"height": height, "width": width, "channels": channels, "size": size},
                **{"stride": stride, "before": before, "rows": rows, "columns": columns},
            },
        },
        activation(layer, layer.activation),
    ]


@described.register
def _(layer: keras.layers.Conv2D, shape: tuple[int, ...]) -> list[dict]:
    size, stride = window_of(layer)
    kernel = np.asarray(layer.kernel)  # [size, size, inputs, outputs]
    height, width, channels = shape
    rows, columns, outputs = output_shape(layer, shape)
    before = 0
    if layer.padding == "same":
        before = max((rows - 1) * stride + size - height, 0) // 2
        if height != width and before != max((columns - 1) * stride + size - width, 0) // 2:
            raise unknown(layer, "rows and columns are padded differently")
    return [
        {
            "kind": "convolution",
            "kernel": kernel.reshape(-1, outputs),
            "bias": bias_of(layer, outputs),
            "window": {
                **{"height": height, "width": width, "channels": channels, "size": size},
                **{"stride": stride, "before": before, "rows": rows, "columns": columns},
            },
        },
        activation(layer, layer.activation),
    ]


def window_of(layer: Any) -> tuple[int, int]:
    """Side and stride of a convolution's window, which must be square."""
    sides, strides = set(layer.kernel_size), set(layer.strides)
    plain = layer.groups == 1 if isinstance(layer, keras.layers.Conv2D) else True
    if len(sides) > 1 or len(strides) > 1 or set(layer.dilation_rate) != {1} or not plain:
        raise unknown(layer, "the page has square windows, without dilation or groups")
    if layer.data_format != "channels_last" or layer.padding not in ("same", "valid"):
        raise unknown(layer, "the page has channels last and padding 'same' or 'valid'")
    return sides.pop(), strides.pop()


def dense(kernel: np.ndarray, bias: np.ndarray) -> dict:
    """A matrix `[inputs, outputs]` with a bias."""
    return {"kind": "dense", "kernel": kernel, "bias": bias}


def bias_of(layer: Any, outputs: int) -> np.ndarray:
    """The bias of a layer, zeros if it has none."""
    return np.zeros(outputs, np.float32) if layer.bias is None else np.asarray(layer.bias)


def points_of(decoder: ImplicitDecoder, logits: bool) -> dict:
    """An implicit decoder: its hidden layers with the gains multiplied in, and how latents enter.

    Raises:
        ValueError: if it has an encoding or an activation that the page does not know.
    """
    if decoder.activation != "sine" and decoder.activation not in ACTIVATIONS:
        raise unknown(decoder, f"of activations the page has sine, {', '.join(ACTIVATIONS)}")
    layers = [matrix_of(layer) for layer in decoder.hidden]
    modulate = decoder.modulate
    if decoder.modulation is False:
        layers[0]["shift"] = matrix_of(modulate.first)["kernel"]
    elif decoder.modulation == "shift":
        for layer, shift in zip(layers, modulate.shifts, strict=True):
            layer["shift"] = matrix_of(shift)["kernel"]
    else:
        for layer, scale in zip(layers, modulate.scales, strict=True):
            layer["scale"] = matrix_of(scale)
    return {
        "kind": "points",
        "encoding": encoding_of(decoder.encode_coordinates),
        "activation": decoder.activation,
        "layers": layers,
        "last": matrix_of(decoder.last),
        "squashes": decoder.output_activation == "sigmoid" and not logits,
    }


def matrix_of(layer: Any) -> dict:
    """A layer of an implicit decoder as the matrix and bias that it comes to."""
    found = {"kernel": layer.gain * np.asarray(layer.kernel)}
    if layer.bias is not None:
        found["bias"] = layer.gain * np.asarray(layer.bias)
    return found


def encoding_of(layer: Any) -> dict:
    """An encoding of coordinates.

    Raises:
        ValueError: if the page does not know it.
    """
    if isinstance(layer, keras.layers.Identity):
        return {"kind": "none"}
    if type(layer) is NeRFEncoding:
        return {"kind": "nerf", "octaves": layer.octaves}
    if type(layer) is GaussianEncoding:
        return {"kind": "gaussian", "projection": np.asarray(layer.projection)}
    raise unknown(layer, "of encodings the page has NeRFEncoding and GaussianEncoding")

"""Weights of the published PyTorch networks, brought into this project's models.

These are the paper's convolutional and variational networks, its SIREN, and gon-pytorch's implicit
decoders. The first layer of an implicit one multiplies coordinates and latents side by side by one
matrix; here each has its own, so the published matrix is cut in two. The order of the inputs
differs between the two implementations.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from gon_tf import models
from gon_tf.decoders import ConvDecoder, ImplicitDecoder, encodings, modulations

# A weight of the model for each parameter of PyTorch, and the permutation of the axes between them.
Pairs = dict[str, tuple[Any, tuple[int, ...] | None]]

TO_EINSUM = (0, 2, 3, 1)  # transposed convolution of one pixel: [in, out, h, w] to [in, h, w, out]
TO_CONV_TRANSPOSE = (2, 3, 1, 0)  # [in, out, h, w] to [h, w, out, in]
TO_DENSE = (1, 0)  # linear layer: [out, in] to [in, out]
NORMALIZATION = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}


def load_torch_weights(model: keras.Model, state: Mapping[str, Any]) -> None:
    """Puts the weights of a published network into `model`, which must have the same layers.

    Args:
        model: a `GON` or `VariationalGON` with a `ConvDecoder(..., normalization="batch")`, or an
            `ImplicitGON` (the paper's, or gon-pytorch's with its encodings, modulation and learned
            origin).
        state: {PyTorch parameter name: array or CPU tensor}, as `state_dict()` gives it.

    Raises:
        ValueError: if a weight is missing, left over, or of another shape. The model is then as it
            was before.

    Example:
        >>> decoder = gon_tf.ConvDecoder((32, 32, 1), 32, normalization="batch")
        >>> model = gon_tf.GON(decoder, step="gradient")
        >>> gon_tf.convert.load_torch_weights(model, torch.load("gon.pt", weights_only=True))
    """
    state = {name: np.asarray(value) for name, value in state.items()}
    pairs, state = published_weights(model, state)
    unknown = [name for name in state if name not in pairs and not name.endswith("_tracked")]
    missing = [name for name in pairs if name not in state]
    if unknown or missing:
        raise ValueError(
            "The weights are not those of this decoder. "
            f"Received: {'no ' + missing[0] if missing else 'also ' + unknown[0]}"
        )
    values = {}
    for name, (weight, axes) in pairs.items():
        fits = axes and state[name].ndim == len(axes)
        values[name] = np.transpose(state[name], axes) if fits else state[name]
        if values[name].shape != tuple(weight.shape):
            raise ValueError(
                f"{name} must become the shape {tuple(weight.shape)}. "
                f"Received: {state[name].shape}, which becomes {values[name].shape}"
            )
    for name, (weight, _) in pairs.items():
        weight.assign(values[name])


def published_weights(model: keras.Model, state: dict[str, Any]) -> tuple[Pairs, dict[str, Any]]:
    """What goes where in `model`, and the state by the names of these pairs."""
    if isinstance(model, models.ImplicitGON):
        return implicit_weights(model, state)
    if isinstance(model, models.VariationalGON):
        return variational_weights(model), state
    return conv_decoder_weights(model.decoder), state


def variational_weights(model: models.VariationalGON) -> Pairs:
    """What goes where in a `VariationalGON`."""
    pairs: Pairs = {}
    for name, layer in (("fc21", model.mean_map), ("fc22", model.log_variance_map)):
        pairs[f"{name}.weight"] = (layer.kernel, TO_DENSE)
        pairs[f"{name}.bias"] = (layer.bias, None)
    decoder = conv_decoder_weights(model.decoder)
    return pairs | {f"main.{name}": pair for name, pair in decoder.items()}


def conv_decoder_weights(decoder: ConvDecoder) -> Pairs:
    """What goes where in a `ConvDecoder`.

    The published network is a sequence of (transposed convolution, normalisation, activation).
    """
    pairs: Pairs = {}
    for number, layer in enumerate(decoder.projections):
        axes = TO_CONV_TRANSPOSE if number else TO_EINSUM
        pairs[f"{3 * number}.weight"] = (layer.kernel, axes)
        pairs[f"{3 * number}.bias"] = (layer.bias, None)
    for number, layer in enumerate(decoder.normalizations):
        for theirs, ours in NORMALIZATION.items():
            if hasattr(layer, ours):
                pairs[f"{3 * number + 1}.{theirs}"] = (getattr(layer, ours), None)
    return pairs


def implicit_weights(
    model: models.ImplicitGON, state: dict[str, Any]
) -> tuple[Pairs, dict[str, Any]]:
    """What goes where in an `ImplicitGON`.

    Args:
        model: an `ImplicitGON`.
        state: {PyTorch parameter name: array} of a published network.

    Returns:
        The pairs, and `state` by their names: the first layer's matrix as "<name>, coordinates"
        and "<name>, latents", without what is no weight here (a NeRF encoding's frequencies, an
        origin that is zero).
    """
    if any(name.startswith("decoder.") for name in state):
        return gon_pytorch_weights(model, dict(state))
    return siren_weights(model.decoder, dict(state))


def siren_weights(decoder: ImplicitDecoder, state: dict[str, Any]) -> tuple[Pairs, dict[str, Any]]:
    """The paper's network: a sequence of layers, the inputs being (row, column, latents)."""
    layers = [f"{number}.linear" for number in range(decoder.depth + 1)]
    cut_first_layer(state, f"{layers[0]}.weight", decoder, latents_first=False)
    return linear_weights(decoder, layers), state


def gon_pytorch_weights(
    model: models.ImplicitGON, state: dict[str, Any]
) -> tuple[Pairs, dict[str, Any]]:
    """gon-pytorch's network: the inputs are (latents, encoding); modulation, learned origin."""
    decoder = model.decoder
    layers = [f"decoder.net.blocks.{number}.0.linear" for number in range(decoder.depth + 1)]
    cut_first_layer(state, f"{layers[0]}.weight", decoder, latents_first=True)
    pairs = linear_weights(decoder, layers)
    if isinstance(decoder.modulate, modulations.Scales):
        for number, layer in enumerate(decoder.modulate.scales):
            name = f"decoder.mod_network.blocks.{number}.0"
            pairs[f"{name}.weight"] = (layer.kernel, TO_DENSE)
            pairs[f"{name}.bias"] = (layer.bias, None)
    if isinstance(decoder.encode_coordinates, encodings.GaussianEncoding):
        projection = decoder.encode_coordinates.projection
        pairs["decoder.pos_encoder.proj_matrix"] = (projection, None)
    else:
        state.pop("decoder.pos_encoder.proj_matrix", None)
    if model.learn_origin:
        pairs["init_latent"] = (model.origin, None)
    elif "init_latent" in state and not np.any(state["init_latent"]):
        del state["init_latent"]
    return pairs, state


def linear_weights(decoder: ImplicitDecoder, names: list[str]) -> Pairs:
    """Pairs of the decoder's layers, `names` being theirs in the published network."""
    pairs: Pairs = {}
    for name, layer in zip(names, [*decoder.hidden, decoder.last], strict=True):
        pairs[f"{name}.weight"] = (layer.kernel, TO_DENSE)
        pairs[f"{name}.bias"] = (layer.bias, None)
    if isinstance(decoder.modulate, modulations.Concatenation):
        coordinates, latents = parts_of(f"{names[0]}.weight")
        pairs[coordinates] = pairs.pop(f"{names[0]}.weight")
        pairs[latents] = (decoder.modulate.first.kernel, TO_DENSE)
    return pairs


def cut_first_layer(
    state: dict[str, Any], name: str, decoder: ImplicitDecoder, *, latents_first: bool
) -> None:
    """Puts the parts of the first layer's matrix `[out, in]` into `state` in its place."""
    concatenates = isinstance(decoder.modulate, modulations.Concatenation)
    if not concatenates or name not in state or np.ndim(state[name]) != 2:
        return
    matrix = state.pop(name)
    coordinates, latents = parts_of(name)
    if latents_first:
        cut = decoder.latent_dim
        state[latents], state[coordinates] = matrix[:, :cut], matrix[:, cut:]
    else:
        cut = decoder.hidden[0].kernel.shape[0]
        state[coordinates], state[latents] = matrix[:, :cut], matrix[:, cut:]


def parts_of(name: str) -> tuple[str, str]:
    """Names of the two parts of the first layer's matrix: coordinates, latents."""
    return f"{name}, coordinates", f"{name}, latents"

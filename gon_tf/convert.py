"""Weights of the published PyTorch networks, brought into this project's models."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gon_tf import models
from gon_tf.convert_implicit import implicit_weights

TO_EINSUM = (0, 2, 3, 1)  # transposed convolution of one pixel: [in, out, h, w] to [in, h, w, out]
TO_CONV_TRANSPOSE = (2, 3, 1, 0)  # [in, out, h, w] to [h, w, out, in]
TO_DENSE = (1, 0)  # linear layer: [out, in] to [in, out]
NORMALIZATION = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}


def load_torch_weights(model, state: Mapping) -> None:
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


def published_weights(model, state: dict) -> tuple[dict, dict]:
    """{PyTorch name: (weight, permutation of the axes or None)}, and the state by these names."""
    if isinstance(model, models.ImplicitGON):
        return implicit_weights(model, state)
    if isinstance(model, models.VariationalGON):
        return variational_weights(model), state
    return conv_decoder_weights(model.decoder), state


def variational_weights(model) -> dict:
    """{PyTorch name: (weight, permutation of the axes or None)} of a `VariationalGON`."""
    pairs = {}
    for name, layer in (("fc21", model.mean_map), ("fc22", model.log_variance_map)):
        pairs[f"{name}.weight"] = (layer.kernel, TO_DENSE)
        pairs[f"{name}.bias"] = (layer.bias, None)
    decoder = conv_decoder_weights(model.decoder)
    return pairs | {f"main.{name}": pair for name, pair in decoder.items()}


def conv_decoder_weights(decoder) -> dict:
    """{PyTorch name: (weight, permutation of the axes or None)} of a `ConvDecoder`.

    The published network is a sequence of (transposed convolution, normalisation, activation).
    """
    pairs = {}
    for number, layer in enumerate(decoder.projections):
        axes = TO_CONV_TRANSPOSE if number else TO_EINSUM
        pairs[f"{3 * number}.weight"] = (layer.kernel, axes)
        pairs[f"{3 * number}.bias"] = (layer.bias, None)
    for number, layer in enumerate(decoder.normalizations):
        for theirs, ours in NORMALIZATION.items():
            if hasattr(layer, ours):
                pairs[f"{3 * number + 1}.{theirs}"] = (getattr(layer, ours), None)
    return pairs

"""Weights of the published implicit networks: the paper's SIREN, and gon-pytorch's decoders.

Their first layer multiplies coordinates and latents side by side by one matrix; here each has its
own, so the published matrix is cut in two. The order of the inputs differs between the two.
"""

from __future__ import annotations

import numpy as np

from gon_tf.decoders import encodings, modulations

TO_KERNEL = (1, 0)  # [out, in] to [in, out]


def implicit_weights(model, state: dict) -> tuple[dict, dict]:
    """What goes where in an `ImplicitGON`.

    Args:
        model: an `ImplicitGON`.
        state: {PyTorch parameter name: array} of a published network.

    Returns:
        {name: (weight, permutation of the axes or None)} of the model, and `state` by these
        names: the first layer's matrix as "<name>, coordinates" and "<name>, latents", without
        what is no weight here (a NeRF encoding's frequencies, an origin that is zero).
    """
    if any(name.startswith("decoder.") for name in state):
        return gon_pytorch_weights(model, dict(state))
    return siren_weights(model.decoder, dict(state))


def siren_weights(decoder, state: dict) -> tuple[dict, dict]:
    """The paper's network: a sequence of layers, the inputs being (row, column, latents)."""
    layers = [f"{number}.linear" for number in range(decoder.depth + 1)]
    cut_first_layer(state, f"{layers[0]}.weight", decoder, latents_first=False)
    return linear_weights(decoder, layers), state


def gon_pytorch_weights(model, state: dict) -> tuple[dict, dict]:
    """gon-pytorch's network: the inputs are (latents, encoding); modulation, learned origin."""
    decoder = model.decoder
    layers = [f"decoder.net.blocks.{number}.0.linear" for number in range(decoder.depth + 1)]
    cut_first_layer(state, f"{layers[0]}.weight", decoder, latents_first=True)
    pairs = linear_weights(decoder, layers)
    if isinstance(decoder.modulate, modulations.Scales):
        for number, layer in enumerate(decoder.modulate.scales):
            name = f"decoder.mod_network.blocks.{number}.0"
            pairs[f"{name}.weight"] = (layer.kernel, TO_KERNEL)
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


def linear_weights(decoder, names: list[str]) -> dict:
    """Pairs of the decoder's layers, `names` being theirs in the published network."""
    pairs = {}
    for name, layer in zip(names, [*decoder.hidden, decoder.last], strict=True):
        pairs[f"{name}.weight"] = (layer.kernel, TO_KERNEL)
        pairs[f"{name}.bias"] = (layer.bias, None)
    if isinstance(decoder.modulate, modulations.Concatenation):
        coordinates, latents = parts_of(f"{names[0]}.weight")
        pairs[coordinates] = pairs.pop(f"{names[0]}.weight")
        pairs[latents] = (decoder.modulate.first.kernel, TO_KERNEL)
    return pairs


def cut_first_layer(state: dict, name: str, decoder, *, latents_first: bool) -> None:
    """Puts the parts of the first layer's matrix `[out, in]` into `state` in its place."""
    concatenates = isinstance(decoder.modulate, modulations.Concatenation)
    if not concatenates or np.ndim(state.get(name)) != 2:
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

"""Presets: a trained model as a folder of plain files.

    config.json        class and constructor arguments of the model and its decoder, versions
    metadata.json      where it comes from: data, recipe, metrics, licence
    model.weights.h5   the weights, with the Gaussian of the latents

Nothing in a preset is code: the classes are those named below, their arguments plain values, the
weights arrays. A preset may come from a stranger: whatever it claims is checked before it has an
effect, and no model is built that is larger than its weights.
"""

from __future__ import annotations

import os
import platform
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import gon_tf
from gon_tf import zoo
from gon_tf.presets import weights
from gon_tf.presets.config import build, check, describe, first_line
from gon_tf.zoo.files import CONFIG, METADATA, WEIGHTS, new_preset, read_json, write_json


def save(model, folder, metadata: dict | None = None, *, overwrite: bool = False) -> None:
    """Writes `model` to `folder`, all of it or nothing.

    Args:
        model: a model of this project with a decoder of this project.
        folder: path of the folder. Its parent must exist.
        metadata: further entries of metadata.json.
        overwrite: replace the preset in a folder that exists; other files in it stay.

    Raises:
        FileExistsError: if the folder exists, without `overwrite`.
        ValueError: if the model or decoder is of another class: use `model.save("x.keras")`.
        OSError: if the folder cannot be written.
    """
    folder = Path(folder)
    if folder.exists() and not overwrite:
        raise FileExistsError(f"{folder} exists already: choose another folder, or overwrite it.")
    if not folder.parent.is_dir():
        raise FileNotFoundError(f"The folder {folder.parent} does not exist.")
    config = {**describe(model), "versions": versions()}
    metadata = {**shapes(model), **(metadata or {})}
    with new_preset(folder) as temporary:
        # A copy that was never compiled has no optimizer state to save.
        copy = build(config, folder / CONFIG)
        copy.set_weights(model.get_weights())
        copy.save_weights(temporary / WEIGHTS)
        write_json(temporary / METADATA, metadata)
        write_json(temporary / CONFIG, config)


def load(model: str | os.PathLike) -> keras.Model:
    """A trained model, ready to encode, decode and sample.

    Args:
        model: name of a zoo model (`gon_tf.list_models()`), path of a preset folder, or URL of a
            model on a web server that has a zoo (`https://HOST/PATH/NAME`): it is downloaded to
            `$GON_TF_CACHE`, or the folder where the system keeps such things, and kept there.

    Raises:
        ValueError: if there is no such model, or the preset is damaged.
        OSError: if a file of the preset is missing, or a server cannot be reached.

    Example:
        >>> gon_tf.load("mnist-conv").sample(16).shape
        (16, 32, 32, 1)
    """
    folder = zoo.locate(model)
    config, path = read_json(folder / CONFIG), folder / WEIGHTS
    if not path.is_file():
        raise FileNotFoundError(f"The preset {folder} has no {WEIGHTS}.")
    check(config, "model", folder / CONFIG)
    try:
        room = weights.room_for(weights.check(path))
    except ValueError as error:
        raise not_the_weights(path, error) from error
    with room:
        built = build(config, folder / CONFIG)
    try:
        built.load_weights(path)
    except (ValueError, OSError, KeyError, TypeError, RuntimeError) as error:
        raise not_the_weights(path, error) from error
    if not all(np.all(np.isfinite(weight)) for weight in built.get_weights()):
        raise ValueError(f"{path} holds weights that are NaN or infinite.")
    return built


def not_the_weights(path: Path, error: Exception) -> ValueError:
    """The error for a file that is not what config.json promises."""
    return ValueError(
        f"{path} does not hold the weights of the model in {CONFIG}: {first_line(error)}"
    )


def refit(model, images, components: int):
    """The same network with another distribution of latents to sample from.

    Args:
        model: a model whose `sample` draws from a mixture; its weights are not changed.
        images: those that it was trained on: an array, or a data set of batches.
        components: Gaussians in the mixture, >= 1; more than one needs scikit-learn
            (`pip install "gon-tf[mixture]"`).

    Returns:
        A new model, which reconstructs as `model` does.

    Raises:
        ValueError: if the model samples from a prior, or there are too few images.
        ImportError: if scikit-learn is needed and missing.

    Example:
        >>> images = gon_tf.data.load("mnist:train", (32, 32, 1), 1000)
        >>> mixture = gon_tf.presets.refit(gon_tf.load("mnist-conv"), images, components=10)
    """
    config = describe(model)
    if "components" not in config["arguments"]:
        raise ValueError(
            f"A {type(model).__name__} samples from the prior N(0, I): there is nothing to refit."
        )
    config["arguments"]["components"] = components
    copy = build(config, Path(CONFIG))
    # Only the weights of the mixture differ in shape; they are fitted anew.
    of_mixture = {id(weight) for weight in copy.prior.variables}
    for new, old in zip(copy.weights, model.weights, strict=True):
        if id(new) not in of_mixture:
            new.assign(old)
    copy.fit_latents(images)
    return copy


def shapes(model) -> dict:
    """What the registry says of a model's size."""
    return {
        "image_shape": list(model.image_shape),
        "latent_dim": model.latent_dim,
        "parameters": int(sum(np.prod(weight.shape) for weight in model.trainable_weights)),
    }


def versions() -> dict:
    """Versions of what the weights were made with."""
    return {
        "gon_tf": gon_tf.__version__,
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
        "python": platform.python_version(),
    }

"""Presets: a trained model as a folder of plain files.

    config.json        class and constructor arguments of the model and its decoder, versions
    metadata.json      where it comes from: data, recipe, metrics, licence
    model.weights.h5   the weights, with what is known of how latents are distributed

Nothing in a preset is code: the classes are those that are registered with Keras, their arguments
plain values, the weights arrays. A preset may come from a stranger: whatever it claims is checked
before it has an effect, and no model is built that is larger than its weights.
"""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import gon_tf
from gon_tf import files, zoo
from gon_tf.presets import weights
from gon_tf.presets.config import build, check, describe
from gon_tf.zoo import CONFIG, METADATA, WEIGHTS


def save(
    model: keras.Model,
    folder: str | os.PathLike,
    metadata: dict | None = None,
    *,
    overwrite: bool = False,
) -> None:
    """Writes `model` to `folder`, all of it or nothing.

    Args:
        model: a model of this project whose decoder is of this project too, or of a class of one's
            own that is registered (`keras.saving.register_keras_serializable`). To load it, that
            class must have been imported.
        folder: path of the folder. Its parent must exist.
        metadata: further entries of metadata.json.
        overwrite: replace the preset in a folder that exists; other files in it stay.

    Raises:
        FileExistsError: if the folder exists, without `overwrite`, or holds a config.json that is
            not a preset's.
        ValueError: if the model or decoder is of another class: use `model.save("x.keras")`.
        OSError: if the folder cannot be written.
    """
    folder = files.path_of(folder)
    if folder.exists() and not overwrite:
        raise FileExistsError(f"{folder} exists already: choose another folder, or overwrite it.")
    if not folder.parent.is_dir():
        raise FileNotFoundError(f"The folder {folder.parent} does not exist.")
    former = folder / CONFIG
    if former.exists() and not {"class", "arguments"} <= set(files.read_json(former)):
        raise FileExistsError(f"{former} is not a preset's; choose another folder.")
    content = files.json_bytes({**describe(model), "versions": versions()})
    config = files.parse_json(content, folder / CONFIG)
    check(config, folder / CONFIG)  # what cannot be loaded is not saved
    metadata = {**shapes(model), **(metadata or {})}
    with files.filling(folder, CONFIG) as temporary:
        # A copy that was never compiled has no optimizer state to save.
        copy = build(config, folder / CONFIG)
        copy.copy_from(model)
        copy.save_weights(temporary / WEIGHTS)
        files.write_json(temporary / METADATA, metadata)
        files.write_json(temporary / CONFIG, config)


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
    return read(*zoo.read(model))


def read(folder: Path, contents: dict[str, bytes]) -> keras.Model:
    """The model in the config.json and model.weights.h5 of a preset; see `load`."""
    config = files.parse_json(contents[CONFIG], folder / CONFIG)
    check(config, folder / CONFIG)
    with weights.room_for(weights.check(contents[WEIGHTS], folder / WEIGHTS)):
        built = build(config, folder / CONFIG)
    weights.load(built, contents[WEIGHTS], folder / WEIGHTS)
    return built


def shapes(model: Any) -> dict:
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

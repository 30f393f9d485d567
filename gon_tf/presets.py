"""Presets: a trained model as a folder of plain files.

    config.json        class and constructor arguments of the model and its decoder, versions
    metadata.json      where it comes from: data, recipe, metrics, licence
    model.weights.h5   the weights, with the Gaussian of the latents

Nothing in a preset is code: the classes are those named below, the weights are arrays.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shutil
import tempfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import gon_tf
from gon_tf import decoders, models, zoo

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
CLASSES = {
    cls.__name__: cls
    for cls in (
        models.GON,
        models.VariationalGON,
        models.ImplicitGON,
        models.Autoencoder,
        models.TiedAutoencoder,
        models.VariationalAutoencoder,
        models.GLO,
        decoders.ConvDecoder,
        decoders.ImplicitDecoder,
        decoders.GaussianEncoding,
        decoders.NeRFEncoding,
    )
}
PARTS = ("decoder", "encoder", "encoding")  # arguments that are layers themselves
OF_EVERY_LAYER = ("name", "trainable", "dtype")  # Keras' own arguments, not saved


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
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        # A copy that was never compiled has no optimizer state to save.
        copy = build(config, folder / CONFIG)
        copy.set_weights(model.get_weights())
        copy.save_weights(temporary / WEIGHTS)
        write_json(temporary / METADATA, metadata)
        write_json(temporary / CONFIG, config)
        temporary.chmod(0o755)
        move(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def move(temporary: Path, folder: Path) -> None:
    """Puts the finished preset `temporary` in the place of `folder`."""
    if not folder.exists():
        temporary.rename(folder)
        return
    # Without its config a folder is no preset, so an interruption leaves none that is mixed.
    (folder / CONFIG).unlink(missing_ok=True)
    for name in (WEIGHTS, METADATA, CONFIG):
        os.replace(temporary / name, folder / name)


def load(model: str | os.PathLike) -> keras.Model:
    """A trained model, ready to encode, decode and sample.

    Args:
        model: name of a zoo model (`gon_tf.list_models()`) or path of a preset folder.

    Raises:
        ValueError: if there is no such model, or the preset is damaged.
        OSError: if a file of the preset is missing.

    Example:
        >>> gon_tf.load("mnist-conv").sample(16).shape
        (16, 32, 32, 1)
    """
    folder = zoo.locate(model)
    config = read_json(folder / CONFIG)
    built = build(config, folder / CONFIG)
    path = folder / WEIGHTS
    if not path.is_file():
        raise FileNotFoundError(f"The preset {folder} has no {WEIGHTS}.")
    try:
        built.load_weights(path)
    except (ValueError, OSError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} does not hold the weights of the model in {CONFIG}: {first_line(error)}"
        ) from error
    if not all(np.all(np.isfinite(weight)) for weight in built.get_weights()):
        raise ValueError(f"{path} holds weights that are NaN or infinite.")
    return built


def describe(thing) -> dict:
    """Class and constructor arguments of a model or decoder, as JSON values.

    Raises:
        ValueError: if it is not of a class of this project.
    """
    name = type(thing).__name__
    if CLASSES.get(name) is not type(thing):
        raise ValueError(
            f"A preset holds {', '.join(CLASSES)}. Received: {name}; "
            'save this model with model.save("name.keras").'
        )
    arguments = thing.get_config()
    for argument in OF_EVERY_LAYER:
        arguments.pop(argument, None)
    for argument in PARTS:
        if isinstance(part := getattr(thing, argument, None), keras.layers.Layer):
            arguments[argument] = describe(part)
    return {"class": name, "arguments": arguments}


def build(config: dict, path: Path):
    """The model or decoder that `describe` described, with new weights.

    Raises:
        ValueError: if the description is not one of a class of this project.
    """
    try:
        cls, arguments = CLASSES[config["class"]], dict(config["arguments"])
        for argument in PARTS:
            if isinstance(part := arguments.get(argument), dict):
                arguments[argument] = build(part, path)
        return cls(**arguments)
    except KeyError as error:
        raise ValueError(f"{path} names no class of gon_tf: {error} is unknown.") from error
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} does not describe a model: {first_line(error)}") from error


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


def read_json(path: Path) -> dict:
    """The JSON object in a file.

    Raises:
        ValueError: if it is none.
        FileNotFoundError: if there is no such file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"The preset {path.parent} has no {path.name}.")
    with contextlib.suppress(UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        values = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(values, dict):
            return values
    raise ValueError(f"{path} is not a JSON object.")


def write_json(path: Path, values: dict) -> None:
    """Writes a JSON object for people to read."""
    path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def first_line(error: Exception) -> str:
    """What an error says, in one line."""
    return str(error).strip().split("\n", maxsplit=1)[0]

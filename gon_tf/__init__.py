"""Gradient Origin Networks for Keras 3: autoencoders without an encoder.

The names below are imported when they are first used, so that `gon-tf --help` needs no TensorFlow.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import wrapt

if TYPE_CHECKING:
    from gon_tf import (
        anomaly,
        callbacks,
        convert,
        data,
        decoders,
        export,
        latents,
        losses,
        metrics,
        models,
        optimizers,
        origin,
        training,
        zoo,
    )
    from gon_tf.decoders import ConvDecoder, ImplicitDecoder
    from gon_tf.models import (
        GLO,
        GON,
        Autoencoder,
        ImplicitGON,
        TiedAutoencoder,
        VariationalAutoencoder,
        VariationalGON,
    )
    from gon_tf.presets import load
    from gon_tf.training import distribute, train
    from gon_tf.zoo import list_models

__version__ = "0.1.0"

_MODULE_OF = {
    "Autoencoder": "gon_tf.models",
    "ConvDecoder": "gon_tf.decoders",
    "GLO": "gon_tf.models",
    "GON": "gon_tf.models",
    "ImplicitDecoder": "gon_tf.decoders",
    "ImplicitGON": "gon_tf.models",
    "TiedAutoencoder": "gon_tf.models",
    "VariationalAutoencoder": "gon_tf.models",
    "VariationalGON": "gon_tf.models",
    "distribute": "gon_tf.training",
    "list_models": "gon_tf.zoo",
    "load": "gon_tf.presets",
    "train": "gon_tf.training",
}
_MODULES = (
    "anomaly",
    "callbacks",
    "convert",
    "data",
    "decoders",
    "export",
    "latents",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "origin",
    "training",
    "zoo",
)
_WITHOUT_KERAS = ("gon_tf.anomaly", "gon_tf.training", "gon_tf.zoo")

__all__ = [
    "GLO",
    "GON",
    "Autoencoder",
    "ConvDecoder",
    "ImplicitDecoder",
    "ImplicitGON",
    "TiedAutoencoder",
    "VariationalAutoencoder",
    "VariationalGON",
    "anomaly",
    "callbacks",
    "convert",
    "data",
    "decoders",
    "distribute",
    "export",
    "latents",
    "list_models",
    "load",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "origin",
    "train",
    "training",
    "zoo",
]


def _register_classes(_):
    for module in ("gon_tf.decoders", "gon_tf.models", "gon_tf.optimizers"):
        importlib.import_module(module)


# `keras.saving.load_model` must know the project's classes before any of them has been named.
wrapt.register_post_import_hook(_register_classes, "keras")


def __getattr__(name: str) -> Any:
    module = _MODULE_OF.get(name, f"gon_tf.{name}" if name in _MODULES else None)
    if module is None:
        raise AttributeError(f"module 'gon_tf' has no attribute {name!r}")
    if module not in _WITHOUT_KERAS:
        # First, or the hook above would import the half of a module that comes to import Keras.
        importlib.import_module("keras")
    imported = importlib.import_module(module)
    return getattr(imported, name) if name in _MODULE_OF else imported


def __dir__():
    return [*__all__, "__version__"]

"""Gradient Origin Networks for Keras 3: autoencoders without an encoder.

The public names are imported when they are first used, so that `gon-tf --help` needs no TensorFlow.
"""

from __future__ import annotations

import importlib
import sys

# Nothing more, and not even `typing`: until `gon-tf` takes the signals, Ctrl-C prints a traceback.
TYPE_CHECKING = False
if TYPE_CHECKING:  # the table below, for editors and type checkers
    from gon_tf import anomaly as anomaly
    from gon_tf import callbacks as callbacks
    from gon_tf import convert as convert
    from gon_tf import data as data
    from gon_tf import decoders as decoders
    from gon_tf import export as export
    from gon_tf import latent_files as latent_files
    from gon_tf import latents as latents
    from gon_tf import losses as losses
    from gon_tf import metrics as metrics
    from gon_tf import models as models
    from gon_tf import optimizers as optimizers
    from gon_tf import origin as origin
    from gon_tf import presets as presets
    from gon_tf import sampling as sampling
    from gon_tf import sklearn as sklearn
    from gon_tf import training as training
    from gon_tf import zoo as zoo
    from gon_tf.decoders import ConvDecoder as ConvDecoder
    from gon_tf.decoders import ImplicitDecoder as ImplicitDecoder
    from gon_tf.decoders import ResidualDecoder as ResidualDecoder
    from gon_tf.models import GLO as GLO
    from gon_tf.models import GON as GON
    from gon_tf.models import Autoencoder as Autoencoder
    from gon_tf.models import ImplicitGON as ImplicitGON
    from gon_tf.models import TiedAutoencoder as TiedAutoencoder
    from gon_tf.models import VariationalAutoencoder as VariationalAutoencoder
    from gon_tf.models import VariationalGON as VariationalGON
    from gon_tf.presets import load as load
    from gon_tf.training import distribute as distribute
    from gon_tf.training import train as train
    from gon_tf.zoo import list_models as list_models

if TYPE_CHECKING:
    from typing import Any

__version__ = "0.1.0"

_NAMES = {
    "gon_tf": (
        *("anomaly", "callbacks", "convert", "data", "decoders", "export", "latent_files"),
        *("latents", "losses", "metrics", "models", "optimizers", "origin", "presets"),
        *("sampling", "sklearn", "training", "zoo"),
    ),
    "gon_tf.decoders": ("ConvDecoder", "ImplicitDecoder", "ResidualDecoder"),
    "gon_tf.models": (
        *("Autoencoder", "GLO", "GON", "ImplicitGON", "TiedAutoencoder"),
        *("VariationalAutoencoder", "VariationalGON"),
    ),
    "gon_tf.presets": ("load",),
    "gon_tf.training": ("distribute", "train"),
    "gon_tf.zoo": ("list_models",),
}
_HOMES = {name: module for module, names in _NAMES.items() for name in names}
_WITHOUT_KERAS = ("gon_tf.anomaly", "gon_tf.sampling", "gon_tf.training", "gon_tf.zoo")

__all__ = sorted(_HOMES)


class _Registering:
    """Imports the classes of the project as soon as Keras has been imported.

    `keras.saving.load_model` must know them before any of them has been named.
    """

    @classmethod
    def find_spec(cls, name: str, path: Any, target: Any = None) -> Any:
        if name != "keras":
            return None
        import importlib.util

        # Who asks need not import: TensorFlow only looks whether there is a Keras.
        sys.meta_path.remove(cls)
        try:
            spec = importlib.util.find_spec(name)
        finally:
            sys.meta_path.insert(0, cls)
        if spec and spec.loader:
            execute = spec.loader.exec_module
            spec.loader.exec_module = lambda module: execute(module) or cls.register()
        return spec

    @classmethod
    def register(cls) -> None:
        if cls in sys.meta_path:
            sys.meta_path.remove(cls)
        if sys.modules["keras"].config.backend() != "tensorflow":
            return  # Keras may serve others; who uses a name of the project is told
        for module in ("gon_tf.decoders", "gon_tf.models", "gon_tf.optimizers"):
            importlib.import_module(module)


# Not wrapt's import hooks: they take 0.1 s, in which Ctrl-C would print a traceback.
if "keras" in sys.modules:
    _Registering.register()
else:
    sys.meta_path.insert(0, _Registering)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'gon_tf' has no attribute {name!r}")
    is_module = _HOMES[name] == "gon_tf"
    module = f"gon_tf.{name}" if is_module else _HOMES[name]
    if module not in _WITHOUT_KERAS:
        # First, or the hook above would import the half of a module that comes to import Keras.
        importlib.import_module("gon_tf.startup").check_backend()
        importlib.import_module("keras")
    imported = importlib.import_module(module)
    return imported if is_module else getattr(imported, name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]

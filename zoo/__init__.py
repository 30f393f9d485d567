"""The zoo: trained models that come with the package, and mirrors of such models.

A zoo is a folder, or the same tree on a web server: a preset folder for each model (see
`gon_tf.presets`) and registry.json, which has the checksum of every file. `GON_TF_ZOO` names the
one that names of models refer to; without it, it is the folder of this file.

    registry.py   the index of a zoo
    mirror.py     where a model comes from
    download.py   a file from a web server

Nothing here needs TensorFlow. `gon_tf.presets.publish` adds a model to a zoo.
"""

from gon_tf.zoo.mirror import ROOT, at, entries, fetch, find, folder, list_models, locate, read
from gon_tf.zoo.registry import (
    CONFIG,
    METADATA,
    REGISTRY,
    WEIGHTS,
    Entry,
    UnknownModelError,
    entry_of,
    index,
    write,
)

__all__ = [
    "CONFIG",
    "METADATA",
    "REGISTRY",
    "ROOT",
    "WEIGHTS",
    "Entry",
    "UnknownModelError",
    "at",
    "entries",
    "entry_of",
    "fetch",
    "find",
    "folder",
    "index",
    "list_models",
    "locate",
    "read",
    "write",
]

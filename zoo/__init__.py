"""The zoo: trained models that come with the package, and their registry.

A model is a preset folder (see `gon_tf.presets`) beside this file; registry.json indexes them with
the checksum of every file. This module needs no TensorFlow.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parent
REGISTRY = "registry.json"


class UnknownModelError(ValueError):
    """There is no zoo model of that name."""


@dataclass(frozen=True)
class Entry:
    """What the registry says of a model.

    Attributes:
        name: "<dataset>-<variant>".
        dataset: e.g. "fashion-mnist".
        variant: "conv", "variational" or "implicit".
        parameters: number of trained weights.
        image_shape: [height, width, channels].
        latent_dim: number of latents.
        metrics: measured values, with the data they were measured on.
        files: {file name: {"sha256": hex digest, "bytes": size}}.
    """

    name: str
    dataset: str
    variant: str
    parameters: int
    image_shape: list[int]
    latent_dim: int
    metrics: dict
    files: dict


def entries() -> tuple[Entry, ...]:
    """All models, in the order of their names."""
    registry = json.loads((ROOT / REGISTRY).read_text(encoding="utf-8"))
    return tuple(Entry(**entry) for entry in registry["models"])


def list_models(dataset: str | None = None, variant: str | None = None) -> list[str]:
    """Names of the models, of one data set or variant if given.

    Example:
        >>> gon_tf.list_models(dataset="mnist")
        ['mnist-conv']
    """
    return [
        entry.name
        for entry in entries()
        if dataset in (None, entry.dataset) and variant in (None, entry.variant)
    ]


def find(name: str) -> Entry:
    """The entry of a model.

    Raises:
        UnknownModelError: if there is none; the text suggests the nearest name.
    """
    known = {entry.name: entry for entry in entries()}
    if name in known:
        return known[name]
    if "://" in name:
        raise UnknownModelError(f"A model is a folder or a zoo model. Received: the URL {name!r}")
    nearest = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {nearest[0]!r}?" if nearest else f"there are {', '.join(known)}."
    raise UnknownModelError(f"{name!r} is neither a preset folder nor a zoo model: {hint}")


def folder(name: str) -> Path:
    """The preset folder of a model, its files checked against the registry.

    Raises:
        UnknownModelError: if there is no such model.
        ValueError: if a file is not the one that was registered.
        FileNotFoundError: if a file is missing.
    """
    entry = find(name)
    path = ROOT / entry.name
    for file, registered in entry.files.items():
        if not (path / file).is_file():
            raise FileNotFoundError(f"The zoo model {name} has no {file}: install gon-tf again.")
        if fingerprint(path / file) != registered:
            raise ValueError(
                f"{path / file} is not the file in the registry (its sha256 differs): "
                "install gon-tf again."
            )
    return path


def locate(model: str | os.PathLike) -> Path:
    """The preset folder that `model` names: a folder, or a model of the zoo.

    Raises:
        UnknownModelError: if it is neither.
        ValueError: if it is a folder or file, but no preset; or as `folder`.
        FileNotFoundError: as `folder`.
    """
    path = Path(model)
    if (path / "config.json").is_file():
        return path
    if path.exists():
        raise ValueError(f"{path} is not a preset: it has no config.json.")
    return folder(os.fspath(model))


def fingerprint(path: Path) -> dict:
    """sha256 and size of a file."""
    content = path.read_bytes()
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def index(root: Path = ROOT) -> tuple[Entry, ...]:
    """Writes registry.json for the preset folders in `root`, which end in "-<variant>"."""
    found = tuple(_entry(config.parent) for config in sorted(root.glob("*/config.json")))
    text = json.dumps({"format": 1, "models": [asdict(entry) for entry in found]}, indent=2)
    temporary = root / f".{REGISTRY}"
    temporary.write_text(text + "\n", encoding="utf-8")
    temporary.replace(root / REGISTRY)
    return found


def _entry(preset: Path) -> Entry:
    metadata = json.loads((preset / "metadata.json").read_text(encoding="utf-8"))
    dataset, _, variant = preset.name.rpartition("-")
    files = ("config.json", "metadata.json", "model.weights.h5")
    return Entry(
        name=preset.name,
        dataset=dataset,
        variant=variant,
        parameters=metadata["parameters"],
        image_shape=metadata["image_shape"],
        latent_dim=metadata["latent_dim"],
        metrics=metadata["metrics"],
        files={file: fingerprint(preset / file) for file in files},
    )

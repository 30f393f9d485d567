"""Adding a model to a zoo: checked as if it came from a stranger, then visible all at once."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras

from gon_tf import files, presets
from gon_tf.presets.card import card
from gon_tf.zoo import hub, registry
from gon_tf.zoo.registry import CONFIG, METADATA, REGISTRY

PATIENCE = 60  # seconds to wait for somebody else who publishes
NEEDED = ("description", "dataset", "metrics", "licence")  # what people who use a model must know


def publish(
    preset: str | os.PathLike,
    place: str | os.PathLike,
    name: str | None = None,
    licence: str | None = None,
    *,
    metadata: dict[str, Any] | None = None,
    overwrite: bool = False,
) -> registry.Entry:
    """Copies a preset into the zoo in a folder, or to the Hugging Face hub.

    A reader sees the model when it is whole: in a folder the registry, which comes last, has its
    checksums; on the hub all files come in one commit, with a model card.

    Args:
        preset: folder of a preset that loads.
        place: folder of the zoo, made if it is not there; or `hf://USER/MODEL`, a repository that
            is created if it is not there, by the account that is logged in (`hf auth login`).
        name: of the model there, "<dataset>-<variant>"; by default that of the preset's folder.
        licence: of the weights, for metadata.json; by default what that says.
        metadata: further entries for metadata.json, which replace those that are there.
        overwrite: replace a model of that name.

    Returns:
        The model's entry in the registry.

    Raises:
        ValueError: if the preset is damaged or does not say what people must know.
        FileExistsError: if there is a model of that name, without `overwrite`.
        OSError: if a file is missing, the zoo cannot be written or the hub not be reached.
        ImportError: if the hub is asked for, and huggingface_hub is not installed.
    """
    given = {**(metadata or {}), **({"licence": licence} if licence else {})}
    name, contents = prepare(preset, name, given)
    place = str(os.fspath(place))
    if place.startswith(hub.SCHEME):
        return to_hub(place, name, contents, overwrite=overwrite)
    return to_folder(files.path_of(place), name, contents, [Path(preset)], overwrite=overwrite)


def prepare(
    preset: str | os.PathLike, name: str | None = None, given: dict[str, Any] | None = None
) -> tuple[str, dict[str, bytes]]:
    """The name and the files that a model is published under and with; see `publish`."""
    preset = files.path_of(preset).absolute()
    name = name or preset.name
    registry.check_name(name)
    if "-" not in name:
        raise ValueError(f"A model's name is <dataset>-<variant>. Received: {name!r}")
    contents = registry.read(preset)  # what is checked is what is published
    metadata = files.parse_json(contents[METADATA], preset / METADATA)
    if given:
        metadata |= given
        contents[METADATA] = files.json_bytes(metadata)
    check_metadata(metadata, presets.shapes(presets.read(preset, contents)), preset / METADATA)
    return name, contents


def to_folder(
    place: Path, name: str, contents: dict[str, bytes], sources: list[Path], *, overwrite: bool
) -> registry.Entry:
    """Writes a model into the zoo in a folder, and indexes the zoo anew."""
    files.check_apart(place / name, sources)
    place.mkdir(parents=True, exist_ok=True)
    with files.locked(place / ".lock", PATIENCE):
        if (place / name).exists() and not overwrite:
            raise FileExistsError(f"{place / name} exists already; --overwrite replaces it.")
        registry.scan(place)  # what is there must not keep the new model from being indexed
        registry.write(place / name, contents)
        found = registry.index(place)
    return next(entry for entry in found if entry.name == name)


def to_hub(url: str, name: str, contents: dict[str, bytes], *, overwrite: bool) -> registry.Entry:
    """Writes a model, its registry and its card to a repository of the hub."""
    entry, repository = hub_files(url, name, contents)
    hub.write(url, repository, f"Publish {name}", overwrite=overwrite)
    return entry


def hub_files(
    url: str, name: str, contents: dict[str, bytes]
) -> tuple[registry.Entry, dict[str, bytes]]:
    """What a repository of the hub holds of a model, and the model's entry.

    config.json says Keras' own words, too, so that `keras.saving.load_model(url)` reads it.
    """
    config = files.parse_json(contents[CONFIG], CONFIG)
    model = presets.read(Path(name), contents)
    config |= keras.saving.serialize_keras_object(model)
    contents = {**contents, CONFIG: files.json_bytes(config)}
    entry = registry.entry_of(Path(name), contents)
    listed = {"format": registry.FORMAT, "models": [asdict(entry)]}
    metadata = files.parse_json(contents[METADATA], METADATA)
    return entry, {
        **contents,
        REGISTRY: files.json_bytes(listed),
        "README.md": card(url, entry, metadata).encode(),
    }


def missing(metadata: dict) -> list[str]:
    """What a model's metadata do not say, and must."""
    return [key for key in NEEDED if not metadata.get(key)]


def check_metadata(metadata: dict, shapes: dict, path: Path) -> None:
    """Raises ValueError unless a model's metadata says what it must, and what is true."""
    if unsaid := missing(metadata):
        raise ValueError(f"{path} does not say what people must know: {', '.join(unsaid)}.")
    for key, value in shapes.items():
        if metadata.get(key) != value:
            raise ValueError(f"{path} says {key}={metadata.get(key)!r}, but the model has {value}.")

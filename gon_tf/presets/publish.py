"""Adding a model to a zoo: checked as if it came from a stranger, then visible all at once."""

from __future__ import annotations

import os
from pathlib import Path

from gon_tf import files, presets
from gon_tf.zoo import registry
from gon_tf.zoo.registry import METADATA

PATIENCE = 60  # seconds to wait for somebody else who publishes
NEEDED = ("description", "dataset", "metrics", "licence")  # what people who use a model must know


def publish(
    preset: str | os.PathLike,
    place: str | os.PathLike,
    name: str | None = None,
    licence: str | None = None,
    *,
    overwrite: bool = False,
) -> registry.Entry:
    """Copies a preset into the zoo in a folder, and indexes the zoo anew.

    A reader sees the model when it is whole: the registry, which comes last, has its checksums.

    Args:
        preset: folder of a preset that loads.
        place: folder of the zoo, made if it is not there.
        name: of the model there, "<dataset>-<variant>"; by default that of the preset's folder.
        licence: for metadata.json, if it has none.
        overwrite: replace a model of that name.

    Returns:
        The model's entry in the registry.

    Raises:
        ValueError: if the preset is damaged or does not say what people must know.
        FileExistsError: if there is a model of that name, without `overwrite`.
        OSError: if a file is missing or the zoo cannot be written.
    """
    preset, place = files.path_of(preset).absolute(), files.path_of(place)
    name = name or preset.name
    registry.check_name(name)
    if "-" not in name:
        raise ValueError(f"A model's name is <dataset>-<variant>. Received: {name!r}")
    contents = registry.read(preset)  # what is checked is what is published
    metadata = files.parse_json(contents[METADATA], preset / METADATA)
    if licence and not metadata.get("licence"):
        metadata["licence"] = licence
        contents[METADATA] = files.json_bytes(metadata)
    check_metadata(metadata, presets.shapes(presets.read(preset, contents)), preset / METADATA)
    files.check_apart(place / name, [preset])
    place.mkdir(parents=True, exist_ok=True)
    with files.locked(place / ".lock", PATIENCE):
        if (place / name).exists() and not overwrite:
            raise FileExistsError(f"{place / name} exists already; --overwrite replaces it.")
        registry.scan(place)  # what is there must not keep the new model from being indexed
        registry.write(place / name, contents)
        found = registry.index(place)
    return next(entry for entry in found if entry.name == name)


def check_metadata(metadata: dict, shapes: dict, path: Path) -> None:
    """Raises ValueError unless a model's metadata says what it must, and what is true."""
    if missing := [key for key in NEEDED if not metadata.get(key)]:
        raise ValueError(f"{path} does not say what people must know: {', '.join(missing)}.")
    for key, value in shapes.items():
        if metadata.get(key) != value:
            raise ValueError(f"{path} says {key}={metadata.get(key)!r}, but the model has {value}.")

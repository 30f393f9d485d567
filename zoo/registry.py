"""registry.json: what a zoo holds. It may come from a stranger's server, so nothing is trusted."""

from __future__ import annotations

import difflib
import hashlib
import os
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from gon_tf import files

REGISTRY = "registry.json"
FORMAT = 1
MOST_BYTES = 2**22  # of a registry
CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
FILES = {CONFIG: 2**20, METADATA: 2**20, WEIGHTS: 2**32}  # of a preset, with the most bytes of each
OF_METADATA = ("parameters", "image_shape", "latent_dim", "metrics")  # what an entry takes of it
MOST_SIDES, MOST_LETTERS = 10, 100  # of an image's shape, and of a name
NAME = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
SHA256 = re.compile(r"[0-9a-f]{64}")


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

    def __post_init__(self):
        check_name(self.name)
        shape = self.image_shape if isinstance(self.image_shape, list) else [None]
        if not (
            len(shape) <= MOST_SIDES
            and all(type(number) is int for number in (self.parameters, self.latent_dim, *shape))
            and all(is_text(text) for text in (self.dataset, self.variant))
            and isinstance(self.metrics, dict)
        ):
            raise ValueError(f"The entry of {self.name} has a value of a wrong kind.")
        if not isinstance(self.files, dict) or set(self.files) != set(FILES):
            raise ValueError(f"The files of {self.name} must be {', '.join(FILES)}.")
        for file, registered in self.files.items():
            if not is_fingerprint(registered, FILES[file]):
                raise ValueError(f"{self.name} has no valid sha256 and size of {file}.")

    @property
    def digest(self) -> str:
        """Short name of exactly these files."""
        parts = "".join(self.files[file]["sha256"] for file in FILES)
        return hashlib.sha256(parts.encode()).hexdigest()[:16]


def is_text(value: Any) -> bool:
    """Whether `value` is a text of a bearable length."""
    return isinstance(value, str) and len(value) <= MOST_LETTERS


def check_name(name: Any) -> None:
    """Raises ValueError unless `name` can be that of a model: never a path, never hidden."""
    if not is_text(name) or not NAME.fullmatch(name):
        raise ValueError(
            "A model's name has lower-case letters and digits, joined by - _ or ., at most 100. "
            f"Received: {str(name)[:200]!r}"
        )


def is_fingerprint(value: Any, most_bytes: int) -> bool:
    """Whether `value` is what `fingerprint` gives for a content of at most so many bytes."""
    return (
        isinstance(value, dict)
        and set(value) == {"sha256", "bytes"}
        and isinstance(value["sha256"], str)
        and SHA256.fullmatch(value["sha256"]) is not None
        and type(value["bytes"]) is int
        and 0 < value["bytes"] <= most_bytes
    )


def parse(content: bytes, source: str | os.PathLike) -> tuple[Entry, ...]:
    """The entries of a registry."""
    source = os.fspath(source)
    registry = files.parse_json(content, source)
    models = registry.get("models")
    if registry.get("format") != FORMAT or not isinstance(models, list):
        raise ValueError(f"{source} is not a registry of gon_tf models (format {FORMAT}).")
    known = {field.name for field in fields(Entry)}
    if not all(isinstance(model, dict) and set(model) == known for model in models):
        raise ValueError(f"{source} is damaged: every model has {', '.join(sorted(known))}.")
    try:
        found = tuple(Entry(**model) for model in models)
    except ValueError as error:
        raise ValueError(f"{source} is damaged: {error}") from error
    if len({entry.name for entry in found}) < len(found):
        raise ValueError(f"{source} is damaged: it names a model twice.")
    return found


def find(name: str, among: Iterable[Entry], where: str = "") -> Entry:
    """The entry of that name."""
    known = {entry.name: entry for entry in among}
    if name in known:
        return known[name]
    nearest = difflib.get_close_matches(name, known, n=1)
    hint = (
        f"did you mean {nearest[0]!r}?" if nearest else f"there are {', '.join(known) or 'none'}."
    )
    raise UnknownModelError(f"{name!r} is neither a preset folder nor a zoo model{where}: {hint}")


def index(root: Path) -> tuple[Entry, ...]:
    """Writes registry.json for the preset folders in `root`, which end in "-<variant>"."""
    found = scan(root)
    models = [asdict(entry) for entry in found]
    files.write_json(root / REGISTRY, {"format": FORMAT, "models": models})
    return found


def scan(root: Path) -> tuple[Entry, ...]:
    """The entries of all preset folders in `root`, but for those that are still being written."""
    presets = sorted(config.parent for config in root.glob(f"*/{CONFIG}"))
    return tuple(entry_of(preset) for preset in presets if not preset.name.startswith("."))


def entry_of(preset: Path, contents: dict[str, bytes] | None = None) -> Entry:
    """The entry of a preset folder; of its files as they are now, or were when they were read."""
    contents = contents or read(preset)
    metadata = files.parse_json(contents[METADATA], preset / METADATA)
    if missing := [key for key in OF_METADATA if key not in metadata]:
        raise ValueError(f"{preset / METADATA} has no {', '.join(missing)}.")
    dataset, _, variant = preset.name.rpartition("-")
    return Entry(
        preset.name,
        dataset,
        variant,
        *(metadata[key] for key in OF_METADATA),
        files={file: fingerprint(content) for file, content in contents.items()},
    )


def read(preset: Path, names: Iterable[str] = FILES) -> dict[str, bytes]:
    """Files of a preset folder, which may be anybody's, as they were at one moment."""
    for _ in range(3):
        contents = {file: files.read_plain(preset / file, FILES[file]) for file in names}
        # Whoever saves a preset takes its config away first, and puts the new one last.
        if files.read_plain(preset / CONFIG, FILES[CONFIG]) == contents[CONFIG]:
            return contents
    raise ValueError(f"{preset} is being written; try again.")


def write(preset: Path, contents: dict[str, bytes]) -> None:
    """Writes files of a preset to its folder; what else is there stays."""
    with files.filling(preset, CONFIG) as temporary:
        for file, content in contents.items():
            (temporary / file).write_bytes(content)


def fingerprint(content: bytes) -> dict:
    """sha256 and size of a file's content, as `files.fingerprint` of the file."""
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}

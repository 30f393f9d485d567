"""Where models come from: the zoo of the package, another folder, or a web server."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from gon_tf.zoo import download, hub, registry
from gon_tf.zoo.registry import CONFIG, REGISTRY, WEIGHTS, Entry

from gon_tf import files

ROOT = Path(__file__).parent


@dataclass(frozen=True)
class FolderZoo:
    """A zoo in a folder: its models are used where they lie.

    Attributes:
        root: the folder.
        advice: what to do about a file that is damaged.
    """

    root: Path
    advice: str = "publish the model again"

    def __str__(self):
        return str(self.root)

    @functools.cached_property
    def entries(self) -> tuple[Entry, ...]:
        """All models, in the order of their names."""
        path = self.root / REGISTRY
        if not os.path.lexists(path):
            raise FileNotFoundError(f"{self.root} is not a zoo: it has no {REGISTRY}.")
        return registry.parse(files.read_plain(path, registry.MOST_BYTES), path)

    def read(self, entry: Entry) -> tuple[Path, dict[str, bytes]]:
        """The preset folder of a model, and its files, which are those of the registry."""
        preset = self.root / entry.name
        if preset.is_symlink():
            raise ValueError(f"{preset} is a link; a zoo holds the folders themselves.")
        contents = {}
        for file, registered in entry.files.items():
            if not os.path.lexists(preset / file):
                raise FileNotFoundError(f"The zoo model {entry.name} has no {file}: {self.advice}.")
            contents[file] = files.read_plain(preset / file, registry.FILES[file])
            if registry.fingerprint(contents[file]) != registered:
                raise ValueError(
                    f"{preset / file} is not the file in the registry (its sha256 differs): "
                    f"{self.advice}."
                )
        return preset, contents


@dataclass(frozen=True)
class WebZoo:
    """A zoo on a web server: its models are downloaded to the cache.

    The folder of a model in the cache is named by its checksums, so it is never changed, and
    serves all mirrors of the model.

    Attributes:
        url: of the folder that has registry.json.
    """

    url: str

    def __str__(self):
        return self.url

    @functools.cached_property
    def entries(self) -> tuple[Entry, ...]:
        """All models, in the order of their names.

        The registry that came last is kept: if the server cannot be reached, it is used, and a
        warning says so.
        """
        url = f"{self.url}/{REGISTRY}"
        copy = cache() / "registries" / f"{hashlib.sha256(self.url.encode()).hexdigest()[:16]}.json"
        try:
            content = download.read(url, registry.MOST_BYTES)
        except ConnectionError as error:
            if not copy.is_file():
                raise
            warnings.warn(f"{error} The registry of the last time is used.", stacklevel=2)
            return registry.parse(files.read_plain(copy, registry.MOST_BYTES), copy)
        found = registry.parse(content, url)
        with contextlib.suppress(OSError):  # a cache that cannot be written may have the model
            files.write(copy, content)
        return found

    def read(self, entry: Entry) -> tuple[Path, dict[str, bytes]]:
        """The preset folder of a model in the cache, downloaded if it is not there or damaged.

        Several processes may ask at once: one downloads, the others wait.
        """
        cached = FolderZoo(cache() / "models" / entry.digest)
        with contextlib.suppress(ValueError, OSError):
            return cached.read(entry)
        patience = sum(download.seconds(file["bytes"]) for file in entry.files.values())
        if cached.root.is_symlink() or not cached.root.is_dir():
            files.remove(cached.root)
        with files.locked(cached.root / ".lock", patience):
            with contextlib.suppress(ValueError, OSError):
                return cached.read(entry)
            contents = {file: self._download(entry, file) for file in entry.files}
            files.remove(cached.root / entry.name)  # damaged, or a link to who knows where
            registry.write(cached.root / entry.name, contents)
        return cached.root / entry.name, contents

    def _download(self, entry: Entry, file: str) -> bytes:
        url, registered = f"{self.url}/{entry.name}/{file}", entry.files[file]
        content = download.read(url, registered["bytes"], exactly=True)
        if registry.fingerprint(content) != registered:
            raise ValueError(f"{url} is not the file in the registry (its sha256 differs).")
        return content


@dataclass(frozen=True)
class HubZoo(WebZoo):
    """One model on the Hugging Face hub: its files and registry.json are a repository's own.

    Attributes:
        url: `hf://USER/MODEL`, of its newest state, or `hf://USER/MODEL@REVISION`.
    """

    @functools.cached_property
    def _registry(self) -> tuple[bytes, str]:
        """registry.json, and the commit that it is of: the files are those of the same."""
        return hub.read(self.url, REGISTRY, registry.MOST_BYTES)

    @functools.cached_property
    def entries(self) -> tuple[Entry, ...]:
        """The model alone."""
        return registry.parse(self._registry[0], f"{self.url}/{REGISTRY}")

    def _download(self, entry: Entry, file: str) -> bytes:
        registered = entry.files[file]
        for anew in (False, True):  # what the hub's client has kept may be damaged
            place = hub.at_commit(self.url, self._registry[1])
            content, _ = hub.read(place, file, registered["bytes"], anew=anew)
            if registry.fingerprint(content) == registered:
                return content
        raise ValueError(f"{self.url}/{file} is not the file in the registry (its sha256 differs).")


def cache() -> Path:
    """Folder of what is downloaded: `$GON_TF_CACHE`, or one where the system keeps such things."""
    if folder := os.environ.get("GON_TF_CACHE"):
        return files.path_of(folder)
    import platformdirs

    try:
        return platformdirs.user_cache_path("gon-tf", appauthor=False)
    except RuntimeError as error:
        message = "There is no home folder to keep models in; set GON_TF_CACHE."
        raise FileNotFoundError(message) from error


def at(place: str | os.PathLike | None = None) -> FolderZoo | WebZoo:
    """The zoo at a place.

    Args:
        place: a folder or a URL; `$GON_TF_ZOO` by default, or else the zoo of the package.

    Raises:
        ValueError: if the URL is not https, http of this machine, hf, or file.
    """
    place = str(os.fspath(place or os.environ.get("GON_TF_ZOO") or ROOT))
    if place == os.fspath(ROOT):
        return FolderZoo(ROOT, advice="install gon-tf again")
    scheme, slashes, rest = place.partition("://")
    if not slashes:
        folder = files.path_of(place)
        if "@" in place and not folder.exists():  # a URL, perhaps with a password
            rest = place.rpartition("@")[2]
            raise ValueError(f"There is no folder ...@{rest}; a URL begins with https://.")
        return FolderZoo(folder)
    if scheme.lower() == "file":
        return FolderZoo(Path(url2pathname(urlsplit(place).path)))
    url = f"{scheme.lower()}://{rest.rstrip('/')}"
    if url.startswith(hub.SCHEME):
        hub.parse(url)
        return HubZoo(url)
    download.check_url(url)
    if "?" in url or "#" in url:
        raise ValueError(
            f"A zoo's URL is https://HOST/PATH, without ? or #. Received: {download.shown(url)!r}"
        )
    return WebZoo(url)


def entries() -> tuple[Entry, ...]:
    """All models of the zoo, in the order of their names."""
    return at().entries


def list_models(dataset: str | None = None, variant: str | None = None) -> list[str]:
    """Names of the models, of one data set or variant if given.

    Example:
        >>> gon_tf.list_models(dataset="mnist", variant="conv")
        ['mnist-conv']
    """
    return [
        entry.name
        for entry in entries()
        if dataset in (None, entry.dataset) and variant in (None, entry.variant)
    ]


def find(model: str) -> Entry:
    """The entry of a model, by its name or URL.

    Args:
        model: name in the zoo, or URL: `https://HOST/PATH/NAME` for NAME in the zoo at
            `https://HOST/PATH`, `hf://USER/MODEL` for a model on the Hugging Face hub.
    """
    return _zoo_and_entry(model)[1]


def folder(model: str) -> Path:
    """The preset folder of a model, its files checked against the registry; see `fetch`."""
    return fetch(model)[0]


def fetch(model: str) -> tuple[Path, dict[str, bytes]]:
    """The preset folder of a model, by its name or URL, and the files that were checked.

    Raises:
        UnknownModelError: if there is no such model.
        ValueError: if a file is not the one that was registered.
        FileNotFoundError: if a file is missing.
        ConnectionError: if it must be downloaded and the server cannot be reached.
    """
    zoo, entry = _zoo_and_entry(model)
    return zoo.read(entry)


def _zoo_and_entry(model: str) -> tuple[FolderZoo | WebZoo, Entry]:
    if model.lower().startswith(hub.SCHEME):
        zoo = at(model)
        if len(zoo.entries) != 1:
            raise ValueError(f"{model} must hold one model. Received: {len(zoo.entries)}")
        return zoo, zoo.entries[0]
    place, slash, name = model.rstrip("/").rpartition("/") if "://" in model else ("", "", model)
    zoo = at(place if slash else None)
    where = "" if str(zoo) == str(ROOT) else f" of {zoo}"
    return zoo, registry.find(name, zoo.entries, where)


def locate(model: str | os.PathLike) -> Path:
    """The preset folder that `model` names: a folder, a model of the zoo or a URL.

    Raises:
        UnknownModelError: if it is none of these.
        ValueError: if it is a folder or file, but no preset; or as `fetch`.
        OSError: as `fetch`.
    """
    return _own(model) or folder(os.fspath(model))


def read(
    model: str | os.PathLike, names: Iterable[str] = (CONFIG, WEIGHTS)
) -> tuple[Path, dict[str, bytes]]:
    """What `locate` finds, and its files, as they were checked: of a user's own those `names`."""
    own = _own(model)
    return (own, registry.read(own, names)) if own else fetch(os.fspath(model))


def _own(model: str | os.PathLike) -> Path | None:
    """The preset folder that `model` is the path of; None if it names a model of a zoo."""
    name = os.fspath(model)
    if "://" in name or not (path := files.path_of(name)).exists():
        return None
    if not (path / CONFIG).exists():
        raise ValueError(f"{path} is not a preset: it has no {CONFIG}.")
    with contextlib.suppress(ValueError, OSError):
        if name == path.name and isinstance(zoo := at(), FolderZoo):
            registry.find(name, zoo.entries)
            warnings.warn(
                f"The folder {name} is taken, not the zoo model of that name; ./{name} says so.",
                stacklevel=3,
            )
    return path

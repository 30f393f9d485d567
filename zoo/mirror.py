"""Where models come from: the zoo of the package, another folder, or a web server."""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import warnings
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from gon_tf.zoo import download, files, registry
from gon_tf.zoo.registry import REGISTRY, Entry

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
        if path.is_symlink():
            raise ValueError(f"{path} is a link; a zoo holds the file itself.")
        if not path.is_file():
            raise FileNotFoundError(f"{self.root} is not a zoo: it has no {REGISTRY}.")
        if path.stat().st_size > registry.MOST_BYTES:
            raise ValueError(f"{path} is too large: {path.stat().st_size:,} bytes.")
        return registry.parse(path.read_bytes(), path)

    def folder(self, entry: Entry) -> Path:
        """The preset folder of a model, its files checked against the registry.

        Raises:
            ValueError: if a file is not the one that was registered.
            FileNotFoundError: if a file is missing.
        """
        preset = self.root / entry.name
        if preset.is_symlink():
            raise ValueError(f"{preset} is a link; a zoo holds the folders themselves.")
        files.check_plain(preset)
        for file, registered in entry.files.items():
            if not (preset / file).is_file():
                raise FileNotFoundError(f"The zoo model {entry.name} has no {file}: {self.advice}.")
            if files.fingerprint(preset / file) != registered:
                raise ValueError(
                    f"{preset / file} is not the file in the registry (its sha256 differs): "
                    f"{self.advice}."
                )
        return preset


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
            return registry.parse(copy.read_bytes(), copy)
        found = registry.parse(content, url)
        copy.parent.mkdir(parents=True, exist_ok=True)
        files.write_whole(copy, content)
        return found

    def folder(self, entry: Entry) -> Path:
        """The preset folder of a model in the cache, downloaded if it is not there or damaged.

        Several processes may ask at once: one downloads, the others wait.

        Raises:
            ConnectionError: if the server cannot be reached; what came stays for the next time.
            FileNotFoundError: if the server lacks a file.
            ValueError: if the server has another file than the registry says.
        """
        import filelock

        cached = FolderZoo(cache() / "models" / entry.digest)
        if is_intact(cached, entry):
            return cached.root / entry.name
        cached.root.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(cached.root / ".lock"):
            if not is_intact(cached, entry):
                self._download(entry, cached.root)
        return cached.folder(entry)

    def _download(self, entry: Entry, target: Path) -> None:
        partial, complete = target / ".partial", target / entry.name
        partial.mkdir(exist_ok=True)
        for file, registered in entry.files.items():
            download.fetch(f"{self.url}/{entry.name}/{file}", partial / file, registered)
        shutil.rmtree(complete, ignore_errors=True)
        partial.rename(complete)


def is_intact(zoo: FolderZoo, entry: Entry) -> bool:
    """Whether a folder holds the files of a model."""
    try:
        zoo.folder(entry)
    except (ValueError, OSError):
        return False
    return True


def cache() -> Path:
    """Folder of what is downloaded: `$GON_TF_CACHE`, or one where the system keeps such things."""
    if folder := os.environ.get("GON_TF_CACHE"):
        return Path(folder).expanduser()
    import platformdirs

    return platformdirs.user_cache_path("gon-tf", appauthor=False)


def at(place: str | os.PathLike | None = None) -> FolderZoo | WebZoo:
    """The zoo at a place.

    Args:
        place: a folder or a URL; `$GON_TF_ZOO` by default, or else the zoo of the package.

    Raises:
        ValueError: if the URL is not https, http of this machine, or file.
    """
    place = os.fspath(place or os.environ.get("GON_TF_ZOO") or ROOT)
    if place == os.fspath(ROOT):
        return FolderZoo(ROOT, advice="install gon-tf again")
    if "://" not in place:
        return FolderZoo(Path(place).expanduser())
    parts = urlsplit(place)
    if parts.scheme == "file":
        return FolderZoo(Path(url2pathname(parts.path)))
    if parts.query or parts.fragment:
        raise ValueError(f"A zoo's URL is https://HOST/PATH. Received: {place!r}")
    download.check_url(place)
    return WebZoo(place.rstrip("/"))


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

    Raises:
        UnknownModelError: if there is none; the text suggests the nearest name.
        OSError: if the zoo cannot be read.
        ValueError: if the zoo's registry is damaged.
    """
    return _zoo_and_entry(model)[1]


def folder(model: str) -> Path:
    """The preset folder of a model, its files checked against the registry.

    Args:
        model: name in the zoo, or URL: `https://HOST/PATH/NAME` for NAME in the zoo at
            `https://HOST/PATH`.

    Raises:
        UnknownModelError: if there is no such model.
        ValueError: if a file is not the one that was registered.
        FileNotFoundError: if a file is missing.
        ConnectionError: if it must be downloaded and the server cannot be reached.
    """
    zoo, entry = _zoo_and_entry(model)
    return zoo.folder(entry)


def _zoo_and_entry(model: str) -> tuple[FolderZoo | WebZoo, Entry]:
    place, slash, name = model.rstrip("/").rpartition("/") if "://" in model else ("", "", model)
    zoo = at(place if slash else None)
    where = "" if str(zoo) == str(ROOT) else f" of {zoo}"
    return zoo, registry.find(name, zoo.entries, where)


def locate(model: str | os.PathLike) -> Path:
    """The preset folder that `model` names: a folder, a model of the zoo or a URL.

    Raises:
        UnknownModelError: if it is none of these.
        ValueError: if it is a folder or file, but no preset; or as `folder`.
        OSError: as `folder`.
    """
    if "://" in os.fspath(model):
        return folder(os.fspath(model))
    path = Path(model)
    if (path / files.CONFIG).exists():
        files.check_plain(path)
        return path
    if path.exists():
        raise ValueError(f"{path} is not a preset: it has no {files.CONFIG}.")
    return folder(os.fspath(model))

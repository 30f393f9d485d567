"""Models on the Hugging Face hub, by its own client: `hf://USER/MODEL`, perhaps `@REVISION`.

The client knows who is logged in, keeps what it has downloaded, and takes `HF_ENDPOINT`,
`HF_HOME` and `HF_HUB_OFFLINE` from the environment.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gon_tf import files

SCHEME = "hf://"
NAME = re.compile(
    r"hf://(?P<repository>[\w.-]+/[\w.-]+)(?:@(?P<revision>(?!.*\.\.)[\w.][\w./-]*))?", re.ASCII
)


def parse(url: str) -> tuple[str, str | None]:
    """Repository and revision of `hf://USER/MODEL@REVISION`; None if no revision is named.

    Raises:
        ValueError: if it is written otherwise.
    """
    parts = NAME.fullmatch(url) if len(url) <= 300 else None
    if parts is None:
        raise ValueError(
            "A model on the hub is hf://USER/MODEL, or hf://USER/MODEL@REVISION. "
            f"Received: {url[:200]!r}"
        )
    return parts["repository"], parts["revision"]


def at_commit(url: str, commit: str) -> str:
    """The same model at a commit."""
    return f"{SCHEME}{parse(url)[0]}@{commit}"


def client() -> Any:
    """The package `huggingface_hub`.

    Raises:
        ImportError: if it is not installed.
    """
    try:
        import huggingface_hub
    except ModuleNotFoundError as error:
        raise ImportError('hf:// needs huggingface_hub: pip install "gon-tf[hub]".') from error
    return huggingface_hub


def read(url: str, file: str, most_bytes: int, *, anew: bool = False) -> tuple[bytes, str]:
    """The content of a file of a model, and the commit that it is of.

    Args:
        url: `hf://USER/MODEL` or `hf://USER/MODEL@REVISION`.
        file: its name.
        most_bytes: that it may have; the hub says how many before they are downloaded.
        anew: download it even if the client has kept it.

    Raises:
        ImportError: if huggingface_hub is not installed.
        FileNotFoundError: if there is no such model, revision or file, or not for this user.
        ConnectionError: if the hub cannot be reached and nothing is kept.
        ValueError: if the file is larger.
    """
    repository, revision = parse(url)
    hub = client()
    with errors_named(url, file):
        found = hub.hf_hub_download(repository, file, revision=revision, dry_run=True)
        if found.file_size is None or found.file_size > most_bytes:
            raise ValueError(f"{url}/{file} is too large; {most_bytes:,} bytes are the most.")
        path = Path(hub.hf_hub_download(repository, file, revision=revision, force_download=anew))
    # snapshots/COMMIT/FILE, a link to where the client keeps the content.
    return files.read_plain(path.resolve(), most_bytes), path.parent.name


def write(url: str, contents: dict[str, bytes], message: str, *, overwrite: bool = False) -> str:
    """Makes files those of a model, in one commit; the model is created if it is not there.

    Args:
        url: `hf://USER/MODEL`.
        contents: content of each file. Others that are there stay.
        message: of the commit.
        overwrite: replace what is there.

    Returns:
        The page of the commit.

    Raises:
        ImportError: if huggingface_hub is not installed.
        FileExistsError: if there is such a file, without `overwrite`.
        PermissionError: if nobody is logged in, or not somebody who may write there.
        ConnectionError: if the hub cannot be reached.
        ValueError: if the URL names a revision: what is published becomes the newest state.
    """
    repository, revision = parse(url)
    if revision:
        raise ValueError(f"A model is published as hf://USER/MODEL, without @. Received: {url}")
    hub = client()
    with errors_named(url, "model"):
        api = hub.HfApi(library_name="gon-tf")
        api.create_repo(repository, exist_ok=True)
        there = [name for name in contents if api.file_exists(repository, name)]
        if there and not overwrite:
            raise FileExistsError(f"{url} has a {there[0]} already; --overwrite replaces it.")
        operations = [hub.CommitOperationAdd(name, content) for name, content in contents.items()]
        done = api.create_commit(repository, operations, commit_message=message)
    return done.commit_url


@contextlib.contextmanager
def errors_named(url: str, file: str) -> Iterator[None]:
    """Turns what the client raises into one sentence, of the kinds that mirrors raise."""
    from huggingface_hub import errors

    try:
        yield
    except errors.GatedRepoError as error:
        raise PermissionError(f"{url} is gated: ask for access on its page first.") from error
    except errors.RepositoryNotFoundError as error:
        raise FileNotFoundError(
            f"There is no model {url}, or it is not for you to see (`hf auth login`)."
        ) from error
    except errors.RevisionNotFoundError as error:
        raise FileNotFoundError(f"{url}: there is no such revision.") from error
    except errors.LocalEntryNotFoundError as error:
        raise ConnectionError(
            f"{url} cannot be read: there is no connection to the hub; are you offline?"
        ) from error
    except errors.EntryNotFoundError as error:
        raise FileNotFoundError(
            f"{url} has no {file}: `gon-tf zoo publish` makes models of gon_tf there."
        ) from error
    except errors.LocalTokenNotFoundError as error:
        raise PermissionError("Nobody is logged in to the hub: `hf auth login`.") from error
    except errors.HfHubHTTPError as error:
        status = getattr(error.response, "status_code", None)
        if status in (401, 403):
            raise PermissionError(
                f"The hub does not let you write to {url}: `hf auth login`."
            ) from error
        raise ConnectionError(f"{url}: the hub answers {status}.") from error
    except (ValueError, OSError, ImportError):
        raise
    except Exception as error:  # of the library below the client, which changes
        raise ConnectionError(f"{url} cannot be read: {files.first_line(error)}") from error

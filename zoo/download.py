"""A file from a web server: resumed, retried, and trusted only when its checksum is right."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urljoin, urlsplit

from gon_tf.zoo import files

if TYPE_CHECKING:
    import requests
    import tqdm

T = TypeVar("T")
ATTEMPTS = 4
PAUSE = 0.5  # seconds before the second attempt; doubled each time
TIMEOUT = (10, 30)  # seconds to connect, and between two pieces
REDIRECTS = 5
CHUNK = 2**16


class TemporaryError(Exception):
    """What may go well if tried again."""


def read(url: str, most_bytes: int) -> bytes:
    """The content of a small file.

    Raises:
        ConnectionError: if the server cannot be reached, or breaks off or fails every time.
        FileNotFoundError: if the server has no such file.
        ValueError: if it is larger, or the URL may not be read.
    """

    def attempt():
        content = bytearray()
        with answer(url) as response:
            for chunk in response.iter_content(CHUNK):
                content += chunk
                if len(content) > most_bytes:
                    raise ValueError(f"{url} is too large; {most_bytes:,} bytes are the most.")
        return bytes(content)

    return with_retries(url, attempt)


def fetch(url: str, target: Path, registered: dict) -> None:
    """Makes the file at `url` the file `target`, whose first part may be there already.

    Shows a progress bar on stderr if that is a terminal.

    Args:
        url: https, or http of this machine.
        target: path of the file. Only when this function has returned does it hold what it should.
        registered: {"sha256": hex digest, "bytes": size}.

    Raises:
        ConnectionError, FileNotFoundError: as `read`; what has come stays, for the next time.
        ValueError: if the server has another file; it is deleted.
    """
    import tqdm

    with tqdm.tqdm(
        desc=urlsplit(url).path.rsplit("/", 1)[-1],
        total=registered["bytes"],
        unit="B",
        unit_scale=True,
        disable=None,  # where stderr is no terminal
        leave=False,
    ) as bar:
        with_retries(url, lambda: receive(url, target, registered, bar))


def receive(url: str, target: Path, registered: dict, bar: tqdm.tqdm) -> None:
    """One attempt of `fetch`."""
    size = registered["bytes"]
    start = target.stat().st_size if target.is_file() else 0
    if start < size:
        write_rest(url, target, start, size, bar)
    if files.fingerprint(target) == registered:
        return
    target.unlink()
    if start:  # what was there may have been the beginning of another file
        raise TemporaryError("the file changed")
    raise ValueError(f"{url} is not the file in the registry (its sha256 differs).")


def write_rest(url: str, target: Path, start: int, size: int, bar: tqdm.tqdm) -> None:
    """Appends to `target`, which has `start` bytes, the others; from the first on if need be."""
    with answer(url, {"Range": f"bytes={start}-"} if start else {}) as response:
        if response.status_code == 206 and not continues(response, start):
            target.unlink()
            raise TemporaryError("the server sent another part than it was asked for")
        start = start if response.status_code == 206 else 0
        bar.reset()
        bar.update(start)
        with target.open("ab" if start else "wb") as file:
            for chunk in response.iter_content(CHUNK):
                start += len(chunk)
                if start > size:
                    break
                file.write(chunk)
                bar.update(len(chunk))
    if start < size:
        raise TemporaryError("the connection was cut")
    if start > size:
        target.unlink()
        raise ValueError(f"{url} is not the file in the registry: it has more than {size:,} bytes.")


def continues(response: requests.Response, start: int) -> bool:
    """Whether an answer is the rest of a file, from byte `start` on."""
    match = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return match is not None and int(match[1]) == start


@contextlib.contextmanager
def answer(url: str, headers: dict | None = None) -> Iterator[requests.Response]:
    """The server's answer to a request, its content still to be read.

    Raises:
        TemporaryError: if there is none, or it breaks off.
        FileNotFoundError: if the server has no such file, or does not give it away.
        ValueError: if the URL, or one that it leads to, may not be read.
    """
    import requests

    headers = {"Accept-Encoding": "identity", **(headers or {})}
    try:
        with requests.Session() as session:
            for _ in range(REDIRECTS):
                check_url(url)
                options = {"stream": True, "timeout": TIMEOUT, "allow_redirects": False}
                with session.get(url, headers=headers, **options) as response:
                    if not response.is_redirect:
                        check_status(url, response.status_code)
                        yield response
                        return
                    target = urljoin(url, response.headers["Location"])
                    if urlsplit(url).scheme == "https" != urlsplit(target).scheme:
                        raise ValueError(f"{url} leads away from https, to {target}.")
                    url = target
        raise ValueError(f"{url} redirects again and again.")
    except requests.Timeout as error:
        raise TemporaryError("the server does not answer in time") from error
    except requests.exceptions.InvalidURL as error:
        raise ValueError(f"{url} is not a URL: {error}") from error
    except requests.exceptions.SSLError as error:
        raise ConnectionError(f"There is no trusted https connection to {url}.") from error
    except requests.exceptions.ChunkedEncodingError as error:
        raise TemporaryError("the connection was cut") from error
    except requests.RequestException as error:
        raise TemporaryError("there is no connection to the server; are you offline?") from error


def check_status(url: str, status: int) -> None:
    """Raises unless the server gives the file, or the part of it that was asked for."""
    if status in (200, 206):
        return
    if status == 416 or status == 429 or status >= 500:
        raise TemporaryError(f"the server answers {status}")
    raise FileNotFoundError(f"There is no file {url} (the server answers {status}).")


def check_url(url: str) -> None:
    """Raises ValueError unless a URL can be trusted to name its server: https, or this machine."""
    parts = urlsplit(url)
    if not parts.hostname:
        raise ValueError(f"A zoo's URL is https://HOST/PATH. Received: {url!r}")
    if parts.scheme == "https" or (parts.scheme == "http" and is_this_machine(parts.hostname)):
        return
    raise ValueError(
        f"Models are read by https (or http from this machine), which proves the server. "
        f"Received: {url!r}"
    )


def is_this_machine(host: str) -> bool:
    """Whether `host` is the machine itself."""
    if host == "localhost":
        return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


def with_retries(url: str, attempt: Callable[[], T]) -> T:
    """What `attempt` returns, tried again after growing pauses when it fails for now.

    Raises:
        ConnectionError: if it fails every time.
    """
    reason = None
    for number in range(ATTEMPTS):
        if number:
            time.sleep(PAUSE * 2 ** (number - 1))
        try:
            return attempt()
        except TemporaryError as error:
            reason = error
    raise ConnectionError(f"{url} cannot be read: {reason} ({ATTEMPTS} attempts).") from reason

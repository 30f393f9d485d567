"""A file from a web server, read into memory: from one that proves who it is, in bounded time.

Any server by https; by http this machine only, and never through a proxy. A connection that is cut
goes on where it was as long as something comes, but nothing half-read is kept on a disk.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import requests

ATTEMPTS = 4  # that bring nothing
PAUSE = 0.5  # seconds before the second attempt; doubled each time
TIMEOUT = (10, 30)  # seconds to connect, and between two pieces
PATIENCE, SLOWEST = 60, 2**14  # seconds for a file in all: so many, and for each so many bytes one
REDIRECTS, LONGEST = 5, 2000  # letters of a URL
CHUNK = 2**16


class TemporaryError(Exception):
    """What may go well if tried again."""


def read(url: str, most_bytes: int, *, exactly: bool = False) -> bytes:
    """The content of a file. Shows a progress bar on stderr if that is a terminal.

    Args:
        url: https, or http of this machine.
        most_bytes: that the file may have.
        exactly: whether it has so many.

    Raises:
        ConnectionError: if the server cannot be reached, is too slow, or fails every time.
        FileNotFoundError: if the server has no such file.
        ValueError: if it is larger, or the URL, or one that it leads to, may not be read.
    """
    import tqdm

    check_url(url)
    content, result = bytearray(), Future()

    def run():
        try:
            receive(url, content, most_bytes, exactly=exactly)
            result.set_result(bytes(content))
        except BaseException as error:
            result.set_exception(error)

    # A server may hold a thread up anywhere, also within a header; this one can be left behind.
    threading.Thread(target=run, daemon=True).start()
    deadline = time.monotonic() + seconds(most_bytes)
    name = url.rpartition("/")[-1]
    with tqdm.tqdm(desc=name, unit="B", unit_scale=True, disable=None, leave=False) as bar:
        while time.monotonic() < deadline:
            wait([result], timeout=0.1)
            bar.update(len(content) - bar.n)
            if result.done():
                return result.result()
    raise ConnectionError(f"{url} cannot be read: more than {seconds(most_bytes):.0f} seconds.")


def seconds(most_bytes: int) -> float:
    """How long a file may take in all."""
    return PATIENCE + most_bytes / SLOWEST


def receive(url: str, content: bytearray, most_bytes: int, *, exactly: bool) -> None:
    """Fills `content`; see `read`."""
    failures = 0
    while True:
        before, reason = len(content), "the connection was cut"
        try:
            with answer(url, before) as response:
                if response.status_code == 200:  # all of it, whatever was asked for
                    content.clear()
                for chunk in response.iter_content(CHUNK):
                    content.extend(chunk)
                    if len(content) > most_bytes:
                        raise ValueError(f"{url} is too large; {most_bytes:,} bytes are the most.")
            if not exactly or len(content) == most_bytes:
                return
        except TemporaryError as error:
            reason = str(error)
        failures = 0 if len(content) > before else failures + 1
        if failures == ATTEMPTS:
            raise ConnectionError(f"{url} cannot be read: {reason} ({ATTEMPTS} attempts).")
        time.sleep(PAUSE * 2 ** (failures - 1))


@contextlib.contextmanager
def answer(url: str, start: int) -> Iterator[requests.Response]:
    """The server's answer to a request for a file from byte `start` on, its content to be read."""
    import requests
    from urllib3.exceptions import LocationValueError

    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    options = {"headers": headers, "stream": True, "timeout": TIMEOUT}
    try:
        with session_for(url) as session, session.get(url, **options) as response:
            check_status(url, response, start)
            yield response
    except requests.TooManyRedirects as error:
        raise ValueError(f"{url} redirects again and again.") from error
    except (requests.exceptions.InvalidSchema, LocationValueError) as error:
        raise ValueError(f"{url} is, or leads to, what is no URL of https.") from error
    except requests.exceptions.SSLError as error:
        raise ConnectionError(f"There is no trusted https connection to {url}.") from error
    except requests.Timeout as error:
        raise TemporaryError("the server does not answer in time") from error
    except requests.exceptions.ChunkedEncodingError as error:
        raise TemporaryError("the connection was cut") from error
    except requests.RequestException as error:
        raise TemporaryError("there is no connection to the server; are you offline?") from error


def session_for(url: str) -> requests.Session:
    """A session that looks at every URL, as it has parsed it, before it connects."""
    import requests
    from urllib3.util import parse_url

    class Careful(requests.Session):
        def send(self, request, **options):
            check_url(request.url)
            if is_this_machine(parse_url(request.url).host):
                options["proxies"] = {}  # which would be asked for their own machine
            if url.startswith("https:") and not request.url.startswith("https:"):
                raise ValueError(f"{url} leads away from https, to {shown(request.url)}.")
            return super().send(request, **options)

    session = Careful()
    session.max_redirects = REDIRECTS
    return session


def check_status(url: str, response: requests.Response, start: int) -> None:
    """Raises unless the server gives the file, or the part of it that was asked for."""
    status = response.status_code
    if status == 206:
        if not re.match(rf"bytes {start}-\d", response.headers.get("Content-Range", "")):
            raise TemporaryError("the server sends another part of the file than it is asked for")
    elif status in (416, 429) or status >= 500:
        raise TemporaryError(f"the server answers {status}")
    elif status != 200:
        raise FileNotFoundError(f"There is no file {url} (the server answers {status}).")


def check_url(url: str) -> None:
    """Raises ValueError unless a URL can be trusted to name its server: https, or this machine.

    Programs differ in what they take for the host of a URL with a backslash or a user name: there
    must be none, and the host is the one that the HTTP library connects to.
    """
    import requests
    from urllib3.util import parse_url

    parts = None
    if len(url) <= LONGEST and not re.search(r"[\\\s\x00-\x1f\x7f]", url):
        with contextlib.suppress(ValueError):  # which all errors of parsing are
            parts = parse_url(requests.Request("GET", url).prepare().url or "")
    if parts is None or parts.auth or not parts.host:
        raise ValueError(
            "A zoo's URL is https://HOST/PATH, without a user name, password, backslash, blank or "
            f"control character. Received: {shown(url)!r}"
        )
    if parts.scheme != "https" and not (parts.scheme == "http" and is_this_machine(parts.host)):
        raise ValueError(
            "Models are read by https (or http from this machine), which proves the server. "
            f"Received: {shown(url)!r}"
        )


def is_this_machine(host: str) -> bool:
    """Whether `host` is the machine itself."""
    if host == "localhost":
        return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    return False


def shown(url: str) -> str:
    """A URL for messages, without what may be secret in it: user name, password, query."""
    start, slashes, rest = re.split(r"[?#]", url, maxsplit=1)[0].partition("://")
    return f"{start}{slashes}{rest.rpartition('@')[2]}"[:200]

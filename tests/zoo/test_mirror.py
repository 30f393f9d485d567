"""Models from a web server that is slow, cuts connections, lies, redirects or is not there."""

import contextlib
import json
import multiprocessing
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from gon_tf.zoo import download, files

from gon_tf import zoo

CONTENT = {
    "config.json": b'{"class": "GON"}',
    "metadata.json": json.dumps(
        {"parameters": 7, "image_shape": [8, 8, 1], "latent_dim": 4, "metrics": {}}
    ).encode(),
    "model.weights.h5": bytes(range(256)) * 2048,  # many pieces
}
WEIGHTS = "/zoo/tiny-conv/model.weights.h5"


class Handler(BaseHTTPRequestHandler):
    """Serves a folder, with the faults that the server has for a path, one for each request."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.server.requests.append((self.path, self.headers.get("Range")))
        faults = self.server.faults.get(self.path)
        fault = faults.pop(0) if faults else None
        file = Path(f"{self.server.root}{self.path}")
        if isinstance(fault, int) or not file.is_file():
            self.send_error(fault or 404)
        elif isinstance(fault, str) and ":" in fault:
            self.send_response(302)
            self.send_header("Location", fault)
            self.end_headers()
        else:
            self.serve(file.read_bytes(), fault)

    def serve(self, content, fault):
        if fault == "wrong":
            content = content[:-1] + b"?"
        if fault == "long":
            content += b"more"
        start = int((self.headers.get("Range") or "bytes=0-")[6:-1])
        if fault == "no range":
            start = 0
        if fault == "other range":
            start -= 1
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if fault != "no length":
            self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        rest = content[start:]
        if fault in ("cut", "no length"):
            rest = rest[: len(rest) // 2]
        step = 1 + len(rest) // 5 if fault == "slow" else len(rest)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for begin in range(0, len(rest), step or 1):
                self.wfile.write(rest[begin : begin + step])
                time.sleep(0.2 if fault == "slow" else 0)


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A web server with a zoo of one model, and an empty cache."""
    preset = tmp_path / "www" / "zoo" / "tiny-conv"
    preset.mkdir(parents=True)
    for name, content in CONTENT.items():
        (preset / name).write_bytes(content)
    zoo.index(preset.parent)
    monkeypatch.setenv("GON_TF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(download, "PAUSE", 0.01)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.root, server.faults, server.requests = tmp_path / "www", {}, []
    server.url = f"http://127.0.0.1:{server.server_port}/zoo"
    server.model = f"{server.url}/tiny-conv"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def is_right(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()} == CONTENT


def test_model_is_downloaded_once(server):
    folder = zoo.folder(server.model)
    assert is_right(folder)
    assert folder.name == "tiny-conv"
    first = len(server.requests)
    assert zoo.locate(f"{server.model}/") == folder
    assert server.requests[first:] == [("/zoo/registry.json", None)]


def test_zoo_of_the_environment(server, monkeypatch):
    monkeypatch.setenv("GON_TF_ZOO", f"{server.url}/")
    assert zoo.list_models() == ["tiny-conv"]
    assert is_right(zoo.folder("tiny-conv"))
    with pytest.raises(zoo.UnknownModelError, match=f"zoo model of {server.url}: did you mean"):
        zoo.folder("tiny-cnov")


@pytest.mark.parametrize(
    ("faults", "ranges"),
    [
        (["slow"], [None]),
        (["cut", "cut"], [None, "bytes=262144-", "bytes=393216-"]),
        (["no length"], [None, "bytes=262144-"]),
        (["cut", "no range"], [None, "bytes=262144-"]),
        (["cut", "other range"], [None, "bytes=262144-", None]),
        (["cut", 416], [None, "bytes=262144-", "bytes=262144-"]),
        ([500, 503, 429], [None] * 4),
    ],
)
def test_faults_that_pass(server, faults, ranges):
    server.faults[WEIGHTS] = list(faults)
    assert is_right(zoo.folder(server.model))
    assert [asked for path, asked in server.requests if path == WEIGHTS] == ranges


def partial_weights(server):
    (path,) = (server.root.parent / "cache").rglob(".partial/model.weights.h5")
    return path


def test_what_has_come_stays_for_the_next_time(server):
    server.faults[WEIGHTS] = ["cut", 500, 500, 500]
    with pytest.raises(ConnectionError, match=r"the server answers 500 \(4 attempts\)"):
        zoo.folder(server.model)
    assert partial_weights(server).stat().st_size == 262144
    assert is_right(zoo.folder(server.model))
    assert server.requests[-1] == (WEIGHTS, "bytes=262144-")


def test_beginning_of_another_file_is_dropped(server):
    server.faults[WEIGHTS] = ["cut", 500, 500, 500]
    with pytest.raises(ConnectionError):
        zoo.folder(server.model)
    partial_weights(server).write_bytes(bytes(262144))
    assert is_right(zoo.folder(server.model))
    assert [asked for _, asked in server.requests[-2:]] == ["bytes=262144-", None]


@pytest.mark.parametrize(
    ("fault", "message"),
    [("wrong", "its sha256 differs"), ("long", "it has more than 524,288 bytes")],
)
def test_wrong_bytes_never_become_a_model(server, fault, message):
    server.faults[WEIGHTS] = [fault]
    with pytest.raises(ValueError, match=f"is not the file in the registry.*{message}"):
        zoo.folder(server.model)
    assert not list((server.root.parent / "cache").rglob("model.weights.h5"))


@pytest.mark.parametrize("fault", [404, 403])
def test_missing_file(server, fault):
    server.faults[WEIGHTS] = [fault]
    with pytest.raises(FileNotFoundError, match=rf"no file .*h5 \(the server answers {fault}\)"):
        zoo.folder(server.model)


def test_server_without_a_zoo(server):
    with pytest.raises(FileNotFoundError, match=r"There is no file .*registry.json"):
        zoo.folder(f"{server.url}/elsewhere/tiny-conv")


def test_redirect(server):
    shutil.copytree(server.root / "zoo", server.root / "moved")
    moved = f"{server.url}/../moved/tiny-conv/model.weights.h5".replace("zoo/../", "")
    server.faults[WEIGHTS] = [moved]
    assert is_right(zoo.folder(server.model))


@pytest.mark.parametrize("place", ["http://example.org/x", "file:///etc/passwd", "ftp://h/x"])
def test_redirect_to_where_nothing_is_proved(server, place):
    server.faults[WEIGHTS] = [place]
    with pytest.raises(ValueError, match="read by https|HOST"):
        zoo.folder(server.model)


def test_redirect_away_from_https(monkeypatch):
    class Redirect(contextlib.nullcontext):
        is_redirect = True
        headers = {"Location": "http://localhost/secret"}  # noqa: RUF012

        def __enter__(self):
            return self

    monkeypatch.setattr("requests.Session.get", lambda *_, **__: Redirect())
    with pytest.raises(ValueError, match="leads away from https, to http://localhost/secret"):
        download.read("https://example.org/registry.json", 100)


def test_redirect_in_a_circle(server):
    server.faults[WEIGHTS] = [f"{server.model}/model.weights.h5"] * 9
    with pytest.raises(ValueError, match="redirects again and again"):
        zoo.folder(server.model)


def test_registry_that_does_not_end(server, monkeypatch):
    monkeypatch.setattr(zoo.registry, "MOST_BYTES", 100)
    with pytest.raises(ValueError, match="is too large; 100 bytes are the most"):
        zoo.folder(server.model)


def test_no_answer_in_time(server, monkeypatch):
    monkeypatch.setattr(download, "TIMEOUT", (1, 0.05))
    monkeypatch.setattr(download, "ATTEMPTS", 2)
    server.faults["/zoo/registry.json"] = ["slow", "slow"]
    with pytest.raises(ConnectionError, match="does not answer in time|offline"):
        zoo.folder(server.model)


def test_offline(server):
    url = f"http://127.0.0.1:{server.server_port}0".replace(f"{server.server_port}0", "9")
    with pytest.raises(ConnectionError, match="no connection to the server; are you offline"):
        zoo.folder(f"{url}/zoo/tiny-conv")


def test_offline_with_the_model_in_the_cache(server):
    folder = zoo.folder(server.model)
    server.faults["/zoo/registry.json"] = [500] * download.ATTEMPTS
    with pytest.warns(UserWarning, match="The registry of the last time is used"):
        assert zoo.folder(server.model) == folder


def test_damaged_cache_is_downloaded_again(server):
    folder = zoo.folder(server.model)
    (folder / "config.json").write_bytes(b"{}")
    assert is_right(zoo.folder(server.model))


def test_new_version_of_a_model(server):
    old = zoo.folder(server.model)
    (server.root / "zoo" / "tiny-conv" / "config.json").write_bytes(b"{}")
    zoo.index(server.root / "zoo")
    new = zoo.folder(server.model)
    assert (new / "config.json").read_bytes() == b"{}"
    assert is_right(old)


def test_several_at_once_download_once(server):
    server.faults[WEIGHTS] = ["slow"]
    with ThreadPoolExecutor(4) as pool:
        folders = set(pool.map(zoo.folder, [server.model] * 4))
    assert len(folders) == 1
    assert is_right(folders.pop())
    assert [path for path, _ in server.requests].count(WEIGHTS) == 1


def test_processes_at_once(server):
    server.faults[WEIGHTS] = ["slow"]
    # A forkserver of another test would have its environment.
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        folders = set(pool.map(zoo.folder, [server.model] * 2, chunksize=1))
    assert len(folders) == 1
    assert is_right(folders.pop())
    assert [path for path, _ in server.requests].count(WEIGHTS) == 1


@pytest.mark.parametrize(
    "url",
    ["http://example.org/zoo/m", "ftp://localhost/zoo/m", "https:///m", "https://h/zoo?x=1/m"],
)
def test_urls_that_are_refused(url):
    with pytest.raises(ValueError, match="https"):
        zoo.folder(url)


def test_names_that_the_cache_uses_itself_are_models_like_others(server):
    for name in ("lock", "partial"):
        shutil.copytree(server.root / "zoo" / "tiny-conv", server.root / "zoo" / name)
    zoo.index(server.root / "zoo")
    for name in ("lock", "partial", "tiny-conv"):
        assert is_right(zoo.folder(f"{server.url}/{name}"))


def test_fingerprint_of_a_file(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert files.fingerprint(tmp_path / "a")["sha256"].startswith("ba7816bf")

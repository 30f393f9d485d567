"""Models from a web server that is slow, cuts connections, lies, redirects or is not there."""

import multiprocessing
import shutil
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from gon_tf.zoo import download, registry

from gon_tf import zoo
from tests.zoo.servers import CONTENT, serving

WEIGHTS = "/zoo/tiny-conv/model.weights.h5"


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A web server with a zoo of one model, and an empty cache."""
    monkeypatch.setenv("GON_TF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(download, "PAUSE", 0.01)
    with serving(tmp_path / "www") as server:
        yield server


def is_right(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()} == CONTENT


def loaded(model):
    """The folder of a model, whose files are right."""
    folder, contents = zoo.read(model)
    assert contents == CONTENT
    assert is_right(folder)
    return folder


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
        (["cut", "other range"], [None, "bytes=262144-", "bytes=262144-"]),
        (["pieces"] * 8, [None, *(f"bytes={n * 2**16}-" for n in range(1, 8))]),
        (["cut", 416], [None, "bytes=262144-", "bytes=262144-"]),
        ([500, 503, 429], [None] * 4),
    ],
)
def test_faults_that_pass(server, faults, ranges):
    server.faults[WEIGHTS] = list(faults)
    assert is_right(zoo.folder(server.model))
    assert [asked for path, asked in server.requests if path == WEIGHTS] == ranges


def test_nothing_is_kept_of_a_download_that_broke_off(server):
    server.faults[WEIGHTS] = ["cut", 500, 500, 500, 500]
    with pytest.raises(ConnectionError, match=r"the server answers 500 \(4 attempts\)"):
        zoo.folder(server.model)
    assert not list((server.root.parent / "cache").rglob("model.weights.h5"))
    assert is_right(zoo.folder(server.model))


def test_server_that_answers_206_to_anything(server):
    server.faults[WEIGHTS] = ["always 206"] * 9
    with pytest.raises(ConnectionError, match="another part of the file than it is asked for"):
        zoo.folder(server.model)


def test_server_of_ten_bytes_a_second(server, monkeypatch):
    monkeypatch.setattr(download, "PATIENCE", 0.5)
    monkeypatch.setattr(download, "SLOWEST", 2**30)
    server.faults[WEIGHTS] = ["drip"]
    start = time.monotonic()
    with pytest.raises(
        ConnectionError, match=r"model.weights.h5 cannot be read: more than 1 s|0 s"
    ):
        zoo.folder(server.model)
    assert time.monotonic() - start < 5
    assert is_right(zoo.folder(server.model))  # the lock is free


@pytest.mark.parametrize(
    ("fault", "message"),
    [("wrong", "its sha256 differs"), ("long", "524,288 bytes are the most")],
)
def test_wrong_bytes_never_become_a_model(server, fault, message):
    server.faults[WEIGHTS] = [fault]
    with pytest.raises(ValueError, match=f"model.weights.h5 is .*{message}"):
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


@pytest.mark.parametrize(
    "place",
    [
        "http://example.org/x",
        "http://evil.example\\@127.0.0.1/zoo",
        "http://user:secret@127.0.0.1/zoo",
        "file:///etc/passwd",
        "ftp://h/x",
        "http://[::1/x",
    ],
)
def test_redirect_to_where_nothing_is_proved(server, place):
    server.faults[WEIGHTS] = [place]
    with pytest.raises(ValueError, match="read by https|HOST|no URL|Invalid IPv6 URL") as caught:
        zoo.folder(server.model)
    assert "secret" not in str(caught.value)


def test_redirect_away_from_https(server, monkeypatch):
    import requests

    def send(self, request, **_):
        response = requests.Response()
        response.request, response.url, response.status_code = request, request.url, 302
        response.headers["Location"] = f"{server.url}/registry.json?token=secret"
        response._content = b""
        return response

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    with pytest.raises(ValueError, match=r"leads away from https, to http://.*registry.json\.$"):
        download.read("https://example.org/registry.json", 100)
    assert not server.requests


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
    [
        "http://example.org/zoo/m",
        "http://127.0.0.1.example.org/zoo/m",
        "ftp://localhost/zoo/m",
        "https:///m",
        "https://h/zoo?x=secret/m",
        "http://evil.example\\@127.0.0.1/zoo/m",
        "http://evil.example\\127.0.0.1/zoo/m",
        "http://localhost@evil.example/zoo/m",
        "https://user:secret@example.org/zoo/m",
        "https://user:secret@exa mple.org/zoo/m",
        "https://exam\tple.org/zoo/m",
        "https://example.org\n/zoo/m",
        "https://[::1/zoo/m",
        "https://" + "a" * 70_000 + "/zoo/m",
        "https://" + "a" * 70 + "/zoo/m",
    ],
    ids=range(15),
)
def test_urls_that_are_refused(url):
    with pytest.raises(ValueError, match="https") as caught:
        zoo.folder(url)
    assert "secret" not in str(caught.value)
    assert not any(letter < " " for letter in str(caught.value))


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_no_proxy_is_asked_about_this_machine(server, monkeypatch, variable):
    monkeypatch.setenv(variable, "http://127.0.0.1:9")
    assert is_right(zoo.folder(server.model))


@pytest.mark.parametrize(
    ("host", "proxies"),
    [("127.0.0.1", {}), ("localhost", {}), ("example.org", {"https": "http://127.0.0.1:9"})],
)
def test_proxies_are_for_other_machines(monkeypatch, host, proxies):
    import requests

    asked = []
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setattr(download, "PAUSE", 0.001)

    def send(self, request, **options):
        asked.append(dict(options["proxies"]))
        raise requests.ConnectionError

    monkeypatch.setattr(requests.Session, "send", send)
    with pytest.raises(ConnectionError):
        download.read(f"https://{host}/zoo/registry.json", 100)
    assert asked == [proxies] * download.ATTEMPTS


def test_scheme_in_capitals(server):
    assert is_right(zoo.folder(server.model.replace("http", "HTTP")))


def test_names_that_the_cache_uses_itself_are_models_like_others(server):
    for name in ("lock", "partial"):
        shutil.copytree(server.root / "zoo" / "tiny-conv", server.root / "zoo" / name)
    zoo.index(server.root / "zoo")
    for name in ("lock", "partial", "tiny-conv"):
        assert is_right(zoo.folder(f"{server.url}/{name}"))


def test_what_is_verified_is_what_is_used(server):
    folder = loaded(server.model)
    (folder / "config.json").write_bytes(b"{}")
    assert loaded(server.model) == folder  # downloaded again


def test_a_cache_that_can_only_be_read(server, monkeypatch):
    folder = loaded(server.model)

    def refuse(*_, **__):
        raise PermissionError("read-only")

    monkeypatch.setattr("gon_tf.files.write", refuse)
    monkeypatch.setattr("gon_tf.files.locked", refuse)
    assert loaded(server.model) == folder


@pytest.mark.parametrize("place", [".", "tiny-conv", "tiny-conv/config.json"])
@pytest.mark.parametrize("kind", ["file", "link", "folder"])
def test_what_lies_in_the_place_of_the_cache(server, tmp_path, place, kind):
    """Taken if it is right, or else repaired; what a link leads to is never written."""
    path = loaded(server.model).parent / place
    path.resolve().rename(tmp_path / "elsewhere")
    if kind == "file":
        path.write_text("x")
    elif kind == "link":
        path.symlink_to(tmp_path / "elsewhere")
    else:
        path.mkdir()
    before = {p: p.read_bytes() for p in (tmp_path / "elsewhere").rglob("*") if p.is_file()}
    loaded(server.model)
    assert all(p.read_bytes() == content for p, content in before.items())


def test_a_file_in_the_place_of_the_whole_cache(server, tmp_path):
    (tmp_path / "cache").write_text("x")
    with pytest.raises(OSError, match="cache") as caught:
        zoo.folder(server.model)
    assert str(tmp_path / "cache") in str(caught.value)


def test_a_user_without_a_home(server, monkeypatch):
    monkeypatch.delenv("GON_TF_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    with pytest.raises(FileNotFoundError, match="set GON_TF_CACHE"):
        zoo.folder(server.model)


def test_what_a_kill_left_is_removed(server):
    folder = loaded(server.model)
    (folder.parent / ".tiny-conv-0123abcd.tmp").mkdir()
    shutil.rmtree(folder)
    loaded(server.model)
    assert {path.name for path in folder.parent.iterdir()} == {".lock", "tiny-conv"}


def test_fingerprint_of_a_content(tmp_path):
    assert registry.fingerprint(b"abc") == {
        "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "bytes": 3,
    }


def test_a_url_without_its_scheme_keeps_its_password():
    with pytest.raises(ValueError, match=r"no folder \.\.\.@host/zoo; a URL begins") as caught:
        zoo.at("user:secret@host/zoo")
    assert "secret" not in str(caught.value)

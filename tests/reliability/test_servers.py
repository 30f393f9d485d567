"""Servers with random faults: a model is right or there is one sentence, and time is bounded."""

import time

import pytest
from gon_tf.zoo import download

from gon_tf import zoo
from tests.zoo.servers import CONTENT, serving

FAULTS = [
    *(None, None, None, 404, 403, 416, 429, 500, 503, "wrong", "long", "no range", "other range"),
    *("always 206", "no length", "pieces", "cut", "slow", "drip"),
    *(
        "http://example.org:1/x",
        "file:///etc/passwd",
        "https://127.0.0.1:1/",
        "http://127.0.0.1:9/",
    ),
]
PATHS = [f"/zoo/tiny-conv/{name}" for name in CONTENT] + ["/zoo/registry.json"]


@pytest.mark.filterwarnings("ignore:.*registry of the last time")
def test_random_faults(rounds, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "PAUSE", 0.001)
    monkeypatch.setattr(download, "PATIENCE", 1)
    monkeypatch.setattr(download, "SLOWEST", 2**18)
    with serving(tmp_path / "www") as server:
        for number, chance in enumerate(rounds(6)):
            monkeypatch.setenv("GON_TF_CACHE", str(tmp_path / f"cache{number}"))
            server.faults = {
                path: [chance.choice(FAULTS) for _ in range(chance.randrange(7))] for path in PATHS
            }
            begun = time.monotonic()
            for _ in range(2):
                try:
                    _, contents = zoo.read(server.model)
                except (ValueError, OSError) as error:
                    message = str(error)
                    rounds.count("refused")
                else:
                    message = "downloaded"
                    rounds.count(message)
                    assert contents == CONTENT
                assert 0 < len(message) < 500
                assert "\n" not in message
            assert time.monotonic() - begun < 40
            server.faults = {}  # whatever came before, what is kept is not in the way
            folder, contents = zoo.read(server.model)
            assert contents == CONTENT
            assert {path.name: path.read_bytes() for path in folder.iterdir()} == CONTENT

import json
import socket
import threading

import pytest

from gon_tf.training import distribute


def config(**changes):
    values = {"cluster": {"worker": ["a:1", "b:2"]}, "task": {"type": "worker", "index": 1}}
    return json.dumps({**values, **changes})


def test_worker(monkeypatch):
    assert distribute.worker("mirrored") == distribute.Worker(0, 1)
    monkeypatch.setenv("TF_CONFIG", config())
    worker = distribute.worker("multiworker")
    assert worker == distribute.Worker(1, 2, "b:2", "a:1")
    assert not worker.is_chief
    assert distribute.Worker(0, 2).is_chief


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "such as .*Received: nothing"),
        ("{", "Received: {"),
        ("[]", "needs the environment variable TF_CONFIG"),
        (config(cluster={}), "needs the environment variable TF_CONFIG"),
        (config(cluster={"worker": ["a", "b"]}), "needs the environment variable TF_CONFIG"),
        (config(cluster={"worker": ["a:1", "a:1"]}), "needs the environment variable TF_CONFIG"),
        (config(cluster={"worker": ["a:99999"]}), "needs the environment variable TF_CONFIG"),
        (config(cluster={"worker": ["a:1"], "ps": ["b:1"]}), "needs the environment variable"),
        (config(cluster={"worker": []}), "needs the environment variable TF_CONFIG"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1e999}}', "needs"),
        (config(task={}), "needs the environment variable TF_CONFIG"),
        (config(task={"type": "worker", "index": 2}), "I from 0 to 1. Received: type 'worker', in"),
        (config(task={"type": "chief", "index": 0}), "Received: type 'chief', index 0"),
    ],
)
def test_malformed_tf_config(text, message):
    with pytest.raises(ValueError, match=message):
        distribute.read_cluster(text)


def test_unknown_strategy():
    with pytest.raises(ValueError, match="one of .*Received: 'tpu'"):
        distribute.create("tpu")


def test_a_port_that_is_taken():
    with socket.create_server(("", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(OSError, match=f"Worker 0 cannot listen on port {port} .*same index"):
            distribute.check_port(distribute.Worker(0, 2, f"localhost:{port}"))
    distribute.check_port(distribute.Worker(0, 2, f"localhost:{port}"))


def test_waiting_says_so(monkeypatch, capsys):
    monkeypatch.setattr(distribute, "PATIENCE", 0.0)
    distribute.wait_for_chief(distribute.Worker(0, 2, "a:1", "a:1"))
    assert "Worker 0, a:1, waits for 1 others." in capsys.readouterr().err
    with socket.socket() as chief:
        chief.bind(("localhost", 0))
        address = f"localhost:{chief.getsockname()[1]}"
        timer = threading.Timer(0.3, chief.listen)
        timer.start()
        distribute.wait_for_chief(distribute.Worker(1, 2, "b:1", address))
        timer.join()
    said = capsys.readouterr().err
    assert f"Worker 1, b:1, waits for worker 0, {address}." in said
    assert "Worker 1, b:1, waits for the others." in said


def test_one_device_agrees_with_itself():
    distribute.check_alike(distribute.create("single"), "recipe", [1])

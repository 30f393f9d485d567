import json
import socket
import threading

import pytest

from gon_tf.training import cluster


def config(**changes):
    values = {"cluster": {"worker": ["a:1", "b:2"]}, "task": {"type": "worker", "index": 1}}
    return json.dumps({**values, **changes})


def test_worker(monkeypatch):
    assert cluster.worker("mirrored") == cluster.Worker(0, ("",))
    monkeypatch.setenv("TF_CONFIG", config())
    worker = cluster.worker("multiworker")
    assert worker == cluster.Worker(1, ("a:1", "b:2"))
    assert not worker.is_chief
    assert cluster.Worker(0, ("a:1", "b:2")).is_chief


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
        cluster.read_cluster(text)


def addresses(count):
    """Addresses on this machine at which nobody listens."""
    sockets = [socket.create_server(("localhost", 0)) for _ in range(count)]
    found = tuple(f"localhost:{each.getsockname()[1]}" for each in sockets)
    for each in sockets:
        each.close()
    return found


def meeting(*workers, patience=10.0):
    """What comes of workers that meet, each in a thread: None, or the error."""
    results = [None] * len(workers)

    def meet(number):
        try:
            cluster.meet(workers[number], patience)
        except Exception as error:
            results[number] = error

    threads = [threading.Thread(target=meet, args=(i,)) for i in range(len(workers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_all_come(capsys):
    workers = addresses(3)
    assert meeting(*(cluster.Worker(index, workers) for index in range(3))) == [None] * 3
    said = capsys.readouterr().err
    assert f"Worker 0 ({workers[0]}) waits for 2 others, 10 seconds.\n" in said
    assert f"Worker 2 ({workers[2]}) waits for worker 0 ({workers[0]}), 10 seconds.\n" in said


def test_one_does_not_come():
    workers = addresses(3)
    chief, other = meeting(cluster.Worker(0, workers), cluster.Worker(2, workers), patience=0.5)
    assert isinstance(chief, ConnectionError)
    assert f"Worker 0 ({workers[0]}) waited 0.5 seconds for worker 1 ({workers[1]})" in str(chief)
    assert isinstance(other, ConnectionError)
    assert f"Worker 2 ({workers[2]}) waited 0.5 seconds for worker 0 " in str(other)
    assert "--wait SECONDS waits longer" in str(other)


def test_other_lists_of_workers():
    first, second, third = addresses(3)
    results = meeting(
        cluster.Worker(0, (first, second, third)), cluster.Worker(1, (first, third, second))
    )
    assert [type(error) for error in results] == [ValueError] * 2
    assert all("Workers 0 and 1 have other lists of workers" in str(error) for error in results)


def test_a_stranger_who_calls_the_chief(capsys):
    workers = addresses(2)
    results = []
    thread = threading.Thread(
        target=lambda: results.append(meeting(cluster.Worker(0, workers))), daemon=True
    )
    thread.start()
    while "waits" not in capsys.readouterr().err:
        pass
    place = cluster.host_and_port(workers[0])
    for words in (b"GET / HTTP/1.1\r\n\r\n", b"[1]\n", b'{"index": 7}\n', b""):
        with socket.create_connection(place) as line:
            line.sendall(words)
    with socket.create_connection(place) as line:  # a worker that is killed while it waits
        line.sendall(json.dumps({"index": 1, "workers": workers}).encode() + b"\n")
    assert meeting(cluster.Worker(1, workers)) == [None]
    thread.join()
    assert results == [[None]]


def test_a_port_that_is_taken():
    with socket.create_server(("", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(OSError, match=f"Worker 0 cannot listen on port {port} .*same index"):
            cluster.meet(cluster.Worker(0, (f"localhost:{port}", "b:1")), 1.0)

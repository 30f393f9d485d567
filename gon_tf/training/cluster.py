"""The workers of a training, and how they meet before TensorFlow starts them.

TensorFlow would wait for one that never comes without end, without a word and deaf to signals. So
the chief listens where TensorFlow will, until all others have come and have the same list of
workers; then all of them go on at the same time.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import time
from dataclasses import dataclass

TICK = 0.2  # seconds between two looks
GREETING_SECONDS, GREETING_BYTES = 5.0, 2**16  # that a stranger may take
GO, THERE = "go", "there"  # what the chief says; the latter is answered alike
ADVICE = (
    "each needs an index of its own and the same list of workers, in the same order, in TF_CONFIG"
)


@dataclass(frozen=True)
class Worker:
    """One process of a training: the first of the workers is the chief, which writes the files."""

    index: int = 0
    workers: tuple[str, ...] = ("",)

    @property
    def is_chief(self) -> bool:
        """Whether this process writes the files."""
        return self.index == 0

    @property
    def place(self) -> tuple[str, int]:
        """Host and port of this worker."""
        return host_and_port(self.workers[self.index])

    def __str__(self):
        return f"Worker {self.index} ({self.workers[self.index]})"


def host_and_port(address: str) -> tuple[str, int]:
    """The parts of HOST:PORT, or [HOST]:PORT."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def worker(strategy: str) -> Worker:
    """Which process of the training this one is.

    Args:
        strategy: one of `STRATEGIES`. "multiworker" reads the environment variable TF_CONFIG.

    Raises:
        ValueError: if TF_CONFIG does not say which workers there are and which one this is.
    """
    return read_cluster(os.environ.get("TF_CONFIG", "")) if strategy == "multiworker" else Worker()


def read_cluster(config: str) -> Worker:
    """The worker that a value of TF_CONFIG describes, see `worker`."""
    workers = '{"worker": ["host1:2222", "host2:2222"]}'
    example = f'{{"cluster": {workers}, "task": {{"type": "worker", "index": 0}}}}'
    kind, index, valid = "", -1, False
    try:
        values = json.loads(config)
        workers, task = values["cluster"]["worker"], values["task"]
        addresses = list(map(host_and_port, workers))
        kind, index = task["type"], int(task["index"])
        valid = all(host and 0 < port < 65536 for host, port in addresses)
        valid = valid and 0 < len(set(workers)) == len(workers)
        valid = valid and values["cluster"].keys() == {"worker"}
    except (LookupError, ValueError, TypeError, AttributeError, ArithmeticError, RecursionError):
        pass
    if not valid:
        raise ValueError(
            f"--strategy multiworker needs the environment variable TF_CONFIG, such as {example}. "
            f"Received: {config[:200] or 'nothing'}"
        )
    if kind != "worker" or not 0 <= index < len(workers):
        raise ValueError(
            f'The task in TF_CONFIG must be {{"type": "worker", "index": I}}, I from 0 to '
            f"{len(workers) - 1}. Received: type {kind!r}, index {index}"
        )
    return Worker(index, tuple(workers))


def meet(this: Worker, patience: float) -> None:
    """Returns when all workers are there, and says whom it waits for.

    Args:
        this: the worker of this process.
        patience: seconds to wait.

    Raises:
        ConnectionError: if one is not there after that time.
        ValueError: if two have the same index, or other lists of workers.
        OSError: if the port of this worker is taken.
    """
    others = f"worker 0 ({this.workers[0]})"
    if this.is_chief:
        count = len(this.workers) - 1
        others = "1 other" if count == 1 else f"{count} others"
    with listening(this) as server:
        print(f"{this} waits for {others}, {patience:g} seconds.", file=sys.stderr)
        sys.stderr.flush()
        if this.is_chief:
            gather(this, server, patience)
    if not this.is_chief:
        join(this, patience)


def listening(this: Worker) -> socket.socket:
    """The socket of this worker's port."""
    port = this.place[1]
    try:
        return socket.create_server(("", port))
    except OSError as error:
        raise OSError(
            f"Worker {this.index} cannot listen on port {port} of this machine "
            f"({os.strerror(error.errno or 0)}): is another one running with the same index in "
            "TF_CONFIG?"
        ) from error


def gather(this: Worker, server: socket.socket, patience: float) -> None:
    """Wait, in the chief, for all other workers, and let them go."""
    end, numbers = time.monotonic() + patience, range(1, len(this.workers))
    came: dict[int, socket.socket] = {}
    server.settimeout(TICK)
    with contextlib.ExitStack() as closing:
        while missing := [number for number in numbers if number not in came]:
            if time.monotonic() > end:
                names = ", ".join(f"{number} ({this.workers[number]})" for number in missing)
                raise ConnectionError(
                    f"{this} waited {patience:g} seconds for worker {names}; {ADVICE}. "
                    "--wait SECONDS waits longer."
                )
            with contextlib.suppress(TimeoutError, ConnectionError):
                line, _ = server.accept()
                closing.callback(line.close)
                if (index := greeted(this, line)) is not None:
                    if index in came and is_there(came[index]):
                        say(line, f"There are two workers of index {index}; {ADVICE}.")
                    else:
                        came[index] = line
            if len(came) == len(numbers):
                came = {index: line for index, line in came.items() if is_there(line)}
        for line in came.values():
            say(line, GO)


def greeted(this: Worker, line: socket.socket) -> int | None:
    """The index of the worker that has called; None if it is something else.

    Raises:
        ValueError: if it has another list of workers.
    """
    line.settimeout(GREETING_SECONDS)
    try:
        values = json.loads(hear(line))
        index, workers = int(values["index"]), tuple(values["workers"])
    except (ValueError, TypeError, LookupError, RecursionError):
        return None
    if workers != this.workers:
        message = f"Workers 0 and {index} have other lists of workers; {ADVICE}."
        say(line, message)
        raise ValueError(message)
    return index if 0 < index < len(workers) else None


def join(this: Worker, patience: float) -> None:
    """Call the chief until it lets this worker go on."""
    end, greeting = time.monotonic() + patience, {"index": this.index, "workers": this.workers}
    answer = ""
    while answer != GO:
        left = end - time.monotonic()
        if left <= 0:
            raise ConnectionError(
                f"{this} waited {patience:g} seconds for worker 0 ({this.workers[0]}) and the "
                f"others; {ADVICE}. --wait SECONDS waits longer."
            )
        with (
            contextlib.suppress(OSError),
            socket.create_connection(host_and_port(this.workers[0]), timeout=left) as line,
        ):
            say(line, json.dumps(greeting))
            while (answer := hear(line)) == THERE:
                say(line, THERE)
        if answer not in ("", GO):
            raise ValueError(answer)
        time.sleep(0 if answer else TICK)


def say(line: socket.socket, words: str) -> None:
    """Send a line of text."""
    with contextlib.suppress(OSError):  # it is gone
        line.sendall(f"{words}\n".encode())


def hear(line: socket.socket) -> str:
    """A line of text, as far as it comes."""
    content = b""
    while not content.endswith(b"\n") and len(content) < GREETING_BYTES:
        part = line.recv(4096)
        if not part:
            return ""
        content += part
    return content.decode(errors="replace").strip()


def is_there(line: socket.socket) -> bool:
    """Whether a worker that waits at the other end answers."""
    say(line, THERE)
    with contextlib.suppress(OSError):
        return hear(line) == THERE
    return False

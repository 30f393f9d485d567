"""A web server with a zoo that is slow, cuts connections, lies and redirects as it is told."""

import contextlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from gon_tf import zoo

CONTENT = {
    "config.json": b'{"class": "GON"}',
    "metadata.json": json.dumps(
        {"parameters": 7, "image_shape": [8, 8, 1], "latent_dim": 4, "metrics": {}}
    ).encode(),
    "model.weights.h5": bytes(range(256)) * 2048,  # many pieces
}


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
        partial = start or fault == "always 206"
        self.send_response(206 if partial else 200)
        if fault == "always 206":
            content = content[:100]
        elif partial:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if fault != "no length":
            self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        rest = content[start:]
        if fault == "pieces":
            rest = rest[: 2**16]
        if fault in ("cut", "no length"):
            rest = rest[: len(rest) // 2]
        step = {"slow": 1 + len(rest) // 5, "drip": 1}.get(fault, len(rest))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for begin in range(0, len(rest), step or 1):
                self.wfile.write(rest[begin : begin + step])
                time.sleep({"slow": 0.2, "drip": 0.1}.get(fault, 0))


@contextlib.contextmanager
def serving(folder):
    """A server of a zoo of one model, which is made in `folder`."""
    preset = folder / "zoo" / "tiny-conv"
    preset.mkdir(parents=True)
    for name, content in CONTENT.items():
        (preset / name).write_bytes(content)
    zoo.index(preset.parent)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.root, server.faults, server.requests = folder, {}, []
    server.url = f"http://127.0.0.1:{server.server_port}/zoo"
    server.model = f"{server.url}/tiny-conv"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()

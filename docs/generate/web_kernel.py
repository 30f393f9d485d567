"""Compiles the kernel of the page that `gon-tf export --format web` writes.

    python -m docs.generate.web_kernel

needs `wat2wasm` of the WebAssembly Binary Toolkit: `apt-get install wabt`, or `npm install wabt`.
"""

from __future__ import annotations

import base64
import subprocess
import tempfile
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "gon_tf" / "export" / "web"


def compiled() -> str:
    """The kernel's source, `kernel.wat`, as base64 of WebAssembly, and a new line.

    Raises:
        OSError: if there is no wat2wasm.
    """
    with tempfile.TemporaryDirectory() as temporary:
        target = Path(temporary, "kernel.wasm")
        subprocess.run(["wat2wasm", FOLDER / "kernel.wat", "-o", target], check=True)
        return base64.b64encode(target.read_bytes()).decode("ascii") + "\n"


if __name__ == "__main__":
    (FOLDER / "kernel.wasm.txt").write_text(compiled(), encoding="ascii")

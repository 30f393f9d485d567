"""The files of a page: one HTML file, one script, and a file of arrays for each model."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).parent
# What the script is made of, in this order; each of them says at its beginning what it is.
SCRIPTS = (
    *("matrix.js", "layers.js", "points.js", "model.js"),  # what the models compute
    *("painting.js", "picture.js", "sections.js", "page.js"),  # what the page shows
)
PAGE, SCRIPT, MODELS = "index.html", "gon.js", "models"


def script() -> str:
    """The page's script: its parts one after the other, with the kernel in its place."""
    parts = [(FOLDER / name).read_text(encoding="utf-8") for name in SCRIPTS]
    kernel = (FOLDER / "kernel.wasm.txt").read_text(encoding="ascii").strip()
    return '"use strict";\n\n' + "\n".join(parts).replace("@KERNEL@", kernel)


def write_page(folder: Path, names: Sequence[str]) -> None:
    """Writes the HTML file and the script of a page of models with these names."""
    options = "\n".join(
        f'        <option value="{MODELS}/{file_name(names, i)}">{html.escape(name)}</option>'
        for i, name in enumerate(names)
    )
    page = (FOLDER / PAGE).read_text(encoding="utf-8").replace("<!-- models -->", options.strip())
    (folder / PAGE).write_text(page, encoding="utf-8")
    (folder / SCRIPT).write_text(script(), encoding="utf-8")
    (folder / MODELS).mkdir()


def file_name(names: Sequence[str], number: int) -> str:
    """The file of a model, by its name as far as that is plain."""
    plain = [re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "model" for name in names]
    name = plain[number]
    return f"{name}.js" if plain.index(name) == number else f"{name}-{number}.js"


def write_model(path: Path, description: dict, *, quantize: bool = False) -> None:
    """Writes a model as a script that gives its description to the page.

    A page that was opened from a folder cannot read files, but it can run scripts. Arrays are
    base64 of little-endian numbers; in the description `{"array": 3}` stands for the third one.

    Args:
        path: of the file.
        description: see `gon_tf.export.web.description.describe`.
        quantize: store large matrices as integers of a byte, with a scale for each column.
    """
    arrays: list[dict] = []
    data = bytearray()

    def place(values: np.ndarray) -> int:
        data.extend(bytes(-len(data) % 4))  # numbers of 4 bytes begin at multiples of 4
        start = len(data)
        data.extend(np.ascontiguousarray(values).tobytes())
        return start

    def put(values: np.ndarray) -> dict:
        entry: dict[str, Any] = {"shape": list(values.shape)}
        if values.dtype == np.uint8:
            entry.update(type="uint8", at=place(values))
        elif quantize and values.ndim > 1 and values.size >= 1024:
            axes = tuple(range(values.ndim - 1))
            scales = (np.abs(values).max(axis=axes) / 127).astype("<f4")
            steps = np.rint(values / np.where(scales > 0, scales, 1)).astype(np.int8)
            entry.update(type="int8", at=place(steps), scales=place(scales))
        elif values.size >= 1024 and np.array_equal(values, values.astype(np.float16)):
            entry.update(type="float16", at=place(values.astype("<f2")))  # loses nothing
        else:
            entry.update(type="float32", at=place(values.astype("<f4")))
        arrays.append(entry)
        return {"array": len(arrays) - 1}

    def walk(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return put(value)
        if isinstance(value, dict):
            return {key: walk(part) for key, part in value.items()}
        if isinstance(value, list):
            return [walk(part) for part in value]
        return value

    walked = walk(description)
    walked.update(arrays=arrays, data="@")
    text = json.dumps(walked, indent=1, allow_nan=False)
    head, _, tail = text.rpartition('"@"')
    content = base64.b64encode(data).decode("ascii")
    path.write_text(f'addModel({head}"{content}"{tail});\n', encoding="utf-8")

"""Runs what was written for a page, by its own script, and compares with the model."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gon_tf.export.functions import difference
from gon_tf.export.web.exhibits import Exhibit
from gon_tf.export.web.writing import FOLDER, SCRIPT

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
PATIENCE = 300  # seconds for all functions of a model


@dataclass(frozen=True)
class Check:
    """A function of the page's script, with inputs and what it should give."""

    name: str
    inputs: dict[str, np.ndarray]
    expected: np.ndarray
    are_latents: bool = False


def checks_of(exhibit: Exhibit, description: dict) -> list[Check]:
    """What there is to check of a model, by the examples and by draws from its prior."""
    model, images = exhibit.model, exhibit.images.astype(np.float32) / 255
    encode = first_step if description["left_out"] else lambda images, _: model.encode(images)
    latents = encode(images, description)
    flat = images.reshape(len(images), -1)
    checks = [
        Check("encode", {"pictures": flat}, latents, are_latents=True),
        Check("decode", {"latents": latents}, model.decode(latents)),
        Check("reconstruct", {"pictures": flat}, model.decode(latents)),
    ]
    if (prior := description["prior"]) is not None:
        chosen, noise, drawn = draws(prior)
        checks.append(Check("sample", {"components": chosen, "noise": noise}, model.decode(drawn)))
    if description["decoder"]["kind"] == "points":
        height, width, _ = model.image_shape
        size = np.array([2 * height - 1, width + 3], np.float32)
        expected = model.decode(latents[:1], size=tuple(map(int, size)))
        checks.append(Check("decode_at", {"latents": latents[:1], "size": size}, expected))
        if description["steps"]["matrix"] is None and not has_scales(description):
            known = np.arange(height * width).reshape(1, height, width) % 3 > 0
            expected = model.encode(images, mask=known[0])
            inputs = {"pictures": flat, "known": known.reshape(1, -1).astype(np.float32)}
            checks.append(Check("inpaint", inputs, expected, are_latents=True))
    return checks


def has_scales(description: dict) -> bool:
    """Whether latents multiply hidden layers: the page does not differentiate those."""
    return any("scale" in layer for layer in description["decoder"]["layers"])


def first_step(images: np.ndarray, description: dict) -> np.ndarray:
    """Latents by the encoder's matrix alone."""
    encoder, posterior = description["encoder"], description["posterior"]
    count, (height, width, channels) = len(images), images.shape[1:]
    shrink = description["steps"]["shrink"]
    boxes = (count, height // shrink, shrink, width // shrink, shrink, channels)
    images = images.reshape(boxes).mean(axis=(2, 4))
    latents = images.reshape(len(images), -1) @ encoder["kernel"] + encoder["bias"]
    if posterior is not None:
        latents = latents @ posterior["mean"]["kernel"] + posterior["mean"]["bias"]
    return latents


def draws(prior: dict) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Components `[n, 1]`, noise `[n, R]` and what they give, for a few draws from a prior."""
    means, axes = prior["means"], prior["axes"]
    count, rank = min(len(means), 4), means.shape[1] if axes is None else axes.shape[1]
    noise = np.random.default_rng(0).standard_normal((count, rank)).astype(np.float32)
    chosen = np.linspace(0, len(means) - 1, count).astype(int)
    drawn = means[chosen] + (
        noise if axes is None else np.einsum("nr,nrd->nd", noise, axes[chosen])
    )
    if (coordinates := prior["coordinates"]) is not None:
        drawn = drawn @ coordinates["kernel"] + coordinates["bias"]
    return chosen[:, None].astype(np.float32), noise, drawn


def runtime() -> list[str] | None:
    """Node, or else a browser, or else None: what runs the script here."""
    if node := shutil.which("node"):
        return [node]
    for name in BROWSERS:
        if browser := shutil.which(name):
            return [browser, *QUIET]
    return None


def differences(command: list[str], folder: Path, file: Path, checks: list[Check]) -> dict:
    """Largest difference of each function from what it should give, see `runtime`.

    Raises:
        ValueError: if the script fails.
    """
    with tempfile.TemporaryDirectory() as temporary:
        calls = Path(temporary, "calls.js")
        inputs = {c.name: {key: packed(a) for key, a in c.inputs.items()} for c in checks}
        calls.write_text(f"addCalls({json.dumps(inputs)});\n", encoding="utf-8")
        scripts = [folder / SCRIPT, FOLDER / "check.js", file, calls]
        run = in_browser if len(command) > 1 else in_node
        results = run(command, [script.resolve() for script in scripts], Path(temporary))
    found = {}
    for check in checks:
        rows = np.frombuffer(base64.b64decode(results[check.name]), "<f4")
        if rows.size != check.expected.size:
            raise ValueError(f"{check.name} gave {rows.size} numbers, not {check.expected.size}")
        rows = rows.reshape(check.expected.shape)
        found[check.name] = difference(rows, check.expected, relative=check.are_latents)
    return found


def in_node(command: list[str], scripts: list[Path], temporary: Path) -> dict[str, str]:
    """What the calls give, by node: scripts that share their names, as in a page."""
    run = (
        "const vm = require('vm'), fs = require('fs');"
        "for (const file of process.argv.slice(1))"
        " vm.runInThisContext(fs.readFileSync(file, 'utf8'), file);"
        "process.stdout.write(JSON.stringify(vm.runInThisContext('results')));"
    )
    return json.loads(output_of([*command, "-e", run, "--", *map(str, scripts)]))


def in_browser(command: list[str], scripts: list[Path], temporary: Path) -> dict[str, str]:
    """What the calls give, by a browser that prints the page which they are written to."""
    page = temporary / "check.html"
    loads = "".join(f'<script src="{script.as_uri()}"></script>' for script in scripts)
    say = "<script>document.body.append(JSON.stringify(results))</script>"
    page.write_text(f"<!doctype html><body>{loads}{say}", encoding="utf-8")
    profile = f"--user-data-dir={temporary / 'profile'}"
    printed = output_of([*command, profile, "--dump-dom", page.as_uri()])
    found = re.search(r"</script>(\{.*?\})</body>", printed, re.DOTALL)
    if not found:
        raise ValueError("the browser did not run the script")
    return json.loads(found[1])


def output_of(command: list[str]) -> str:
    """What a command prints.

    Raises:
        ValueError: if it fails.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        raise ValueError(f"the script took more than {PATIENCE} seconds") from None
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if re.match(r"\w*Error: ", line)]
        raise ValueError((lines or done.stderr.strip().splitlines() or ["no result"])[0])
    return done.stdout


def packed(values: np.ndarray) -> dict[str, Any]:
    """An array as JSON."""
    data = base64.b64encode(np.ascontiguousarray(values, "<f4").tobytes()).decode("ascii")
    return {"shape": list(values.shape), "data": data}

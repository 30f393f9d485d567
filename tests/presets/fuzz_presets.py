"""Loads thousands of damaged presets and registries: each must load, or be refused in a sentence.

    python -m tests.presets.fuzz_presets [--cases 4000] [--first 0]

The cases run in a process of their own, so that a crash in HDF5's C code is seen and laid to its
case. A case fails if loading raises anything but ValueError or OSError, takes longer than a minute,
ends the process, runs a program, opens a connection, or writes a file. The case of a number is
always the same; failures print it, and `--first N --cases 1` repeats it.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

SECONDS = 60
FORBIDDEN = {"os.system", "subprocess.Popen", "os.exec", "os.fork", "socket.connect", "os.mkdir"}
FORBIDDEN |= {"os.rename", "os.remove", "os.link", "os.symlink", "shutil.copyfile"}
NASTY = [
    None,
    True,
    -1,
    0,
    1,
    2**31,
    2**63,
    10**30,
    1e308,
    float("nan"),
    "",
    "../../etc/passwd",
    "/etc/passwd",
    "os.system",
    "x" * 10_000,
    [],
    [2**31] * 3,
    {},
    {"class": "GON", "arguments": {}},
    {"module": "os", "class_name": "system", "config": "touch /tmp/x", "registered_name": None},
]
WORDS = [bytes(8), b"\xff" * 8, (2**31).to_bytes(8, "little"), (2**63).to_bytes(8, "little")]


def damaged_bytes(content: bytes, chance: random.Random) -> bytes:
    """Some bytes of a file flipped, overwritten, moved or cut off."""
    content = bytearray(content)
    for _ in range(chance.choice([1, 1, 2, 4, 16])):
        place, kind = chance.randrange(len(content)), chance.randrange(6)
        if kind == 0:
            content[place] ^= 1 << chance.randrange(8)
        elif kind == 1:
            content[place] = chance.choice([0, 1, 127, 128, 255])
        elif kind == 2:
            content[place : place + 8] = chance.choice(WORDS)
        elif kind == 3:
            content[place : place + 8] = chance.randrange(len(content)).to_bytes(8, "little")
        elif kind == 4:
            start, length = chance.randrange(len(content)), chance.randrange(1, 64)
            content[place : place + length] = content[start : start + length]
        elif chance.random() < 0.2:
            del content[max(place, 1) :]
    return bytes(content)


def damaged_values(content: bytes, chance: random.Random) -> bytes:
    """One value somewhere in a JSON file replaced, taken away, or put in a second place."""
    values = json.loads(content)
    spots = list(walk(values))
    where, key = chance.choice(spots)
    kind = chance.randrange(4)
    if kind == 0 and isinstance(where, dict):
        del where[key]
    elif kind == 1 and isinstance(where, dict):
        where[chance.choice(["name", "dtype", "encoding", "inner_steps", "x"])] = where[key]
    elif kind == 2:
        other, name = chance.choice(spots)
        where[key] = json.loads(json.dumps(other[name]))
    else:
        where[key] = chance.choice(NASTY)
    return json.dumps(values).encode()


def walk(values):
    """Every (container, key) in nested JSON values."""
    pairs = values.items() if isinstance(values, dict) else enumerate(values)
    for key, value in pairs:
        yield values, key
        if isinstance(value, dict | list):
            yield from walk(value)


def make_case(number: int, original: Path, folder: Path) -> str | Path:
    """Puts the zoo of a case, the original with one file damaged, in `folder`.

    Returns:
        The model to load: by its folder, which gets a damaged file past the checksums, or by name.
    """
    chance = random.Random(number)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(original, folder)
    weights, *others = (
        "conv/model.weights.h5",
        "conv/config.json",
        "implicit/config.json",
        "registry.json",
    )
    file = weights if chance.random() < 0.5 else chance.choice(others)
    content = (folder / file).read_bytes()
    damage = damaged_values if file != weights and chance.random() < 0.8 else damaged_bytes
    (folder / file).write_bytes(damage(content, chance))
    return "a-conv" if file == "registry.json" else (folder / file).parent


def load_cases(first: int, count: int, original: Path, folder: Path) -> None:
    """Loads the model of each of some cases; prints its number, then " outcome"."""
    import gon_tf

    for name in ("conv", "implicit"):
        gon_tf.load(original / name)  # what Keras and TensorFlow do at first is not the preset's
    guard = Guard()
    sys.addaudithook(guard)
    signal.signal(signal.SIGALRM, too_long)
    os.environ["GON_TF_ZOO"] = str(folder)
    before = set(folder.parent.iterdir())
    for number in range(first, first + count):
        model = make_case(number, original, folder)
        print(number, end="", flush=True)
        signal.alarm(SECONDS)
        with guard:
            result = outcome(gon_tf.load, model)
        signal.alarm(0)
        if set(folder.parent.iterdir()) != before | {folder}:
            result = "FAILED: wrote a file"
        print("", result, flush=True)


class TooLongError(BaseException):
    """A case does not end; nothing that loads may take this for a damaged file."""


def too_long(*_):
    """Ends a case that does not end."""
    raise TooLongError(f"more than {SECONDS} seconds")


def outcome(load, path) -> str:
    """What came of loading a model."""
    try:
        load(path)
    except (ValueError, OSError) as error:
        return "refused" if str(error).strip() else "FAILED: refused without a word"
    except BaseException as error:
        return f"FAILED: {type(error).__name__}: {error}".splitlines()[0]
    return "loaded"


class Guard:
    """An audit hook that forbids what loading has no use for, while it is entered."""

    def __init__(self):
        self.active = False

    def __enter__(self):
        self.active = True

    def __exit__(self, *_):
        self.active = False

    def __call__(self, event, arguments):
        """Raises what no loader catches if `event` is forbidden."""
        if not self.active:
            return
        writes = (
            event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
        )
        if writes or event in FORBIDDEN:
            raise SystemExit(f"{event} {arguments}")


def run(first: int, count: int) -> collections.Counter:
    """The number of cases of each outcome, "loaded", "refused" or "FAILED".

    A process that dies fails its last case; another goes on with the next one.
    """
    outcomes = collections.Counter()
    with tempfile.TemporaryDirectory() as root:
        original = Path(root, "original")
        make_originals(original)
        end = first + count
        while first < end:
            sandbox = Path(root, "sandbox")
            sandbox.mkdir(exist_ok=True)
            arguments = [str(first), str(end - first), str(original), str(sandbox / "zoo")]
            process = subprocess.run(
                [sys.executable, __file__, "--worker", *arguments],
                capture_output=True,
                text=True,
                env={**os.environ, "HOME": str(sandbox), "TF_CPP_MIN_LOG_LEVEL": "3"},
            )
            lines = process.stdout.splitlines()
            for line in lines:
                number, _, text = line.partition(" ")
                text = text or f"FAILED: the process ended with status {process.returncode}"
                outcomes[text.split(":")[0]] += 1
                if text.startswith("FAILED"):
                    print(f"case {number}: {text}", file=sys.stderr)
            if not lines:
                raise RuntimeError(f"The worker does not start: {process.stderr[-2000:]}")
            first = int(lines[-1].split()[0]) + 1
    return outcomes


def make_originals(folder: Path) -> None:
    """A zoo of two tiny models, one of them registered."""
    with contextlib.redirect_stderr(None):
        import gon_tf
        from gon_tf import zoo

    folder.mkdir()
    conv = gon_tf.GON(gon_tf.ConvDecoder((8, 8, 1), 2, filters=1))
    siren = gon_tf.ImplicitDecoder(1, 2, width=4, depth=1, encoding="nerf")
    conv.save_to_preset(folder / "conv", {"metrics": {}})
    gon_tf.ImplicitGON(siren, (4, 4, 1)).save_to_preset(folder / "implicit", {"metrics": {}})
    shutil.copytree(folder / "conv", folder / "a-conv")
    zoo.index(folder)


def main() -> int:
    """Runs the cases; 1 if one failed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--cases", type=int, default=4000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--worker", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        first, count, original, folder = options.worker
        load_cases(int(first), int(count), Path(original), Path(folder))
        return 0
    outcomes = run(options.first, options.cases)
    print(dict(outcomes))
    return 1 if outcomes["FAILED"] else 0


if __name__ == "__main__":
    sys.exit(main())

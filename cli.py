"""Launcher for a checkout: `python cli.py sample mnist-conv` is `gon-tf sample mnist-conv`."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from gon_tf.__main__ import main


def find_zoo() -> None:
    """Make `gon_tf.zoo` importable, which in a checkout is the folder `zoo`."""
    if importlib.util.find_spec("gon_tf.zoo"):
        return
    folder = Path(__file__).resolve().parent / "zoo"
    spec = importlib.util.spec_from_file_location(
        "gon_tf.zoo", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec
    assert spec.loader
    sys.modules["gon_tf.zoo"] = zoo = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(zoo)


if __name__ == "__main__":
    find_zoo()
    main(prog_name="cli.py")

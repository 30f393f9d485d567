"""Builds the documentation site: `python -m docs.generate.site` writes build/docs/site.

Needs `pip install -e ".[docs]"`. Warnings and links that lead nowhere are errors, and no page may
send a request to another host.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from docs.generate.pages import CHECKOUT, assemble
from docs.generate.site_check import faults


def build(folder: Path) -> Path:
    """Builds the site.

    Args:
        folder: for the pages, the configuration and the site; what is in it goes.

    Returns:
        The site, a folder of HTML.

    Raises:
        ValueError: if Zensical warns, or a link leads nowhere or to another host.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    assemble(folder / "docs")
    shutil.copy(CHECKOUT / "docs" / "zensical.toml", folder)
    run = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
    )
    if run.returncode:
        raise ValueError(run.stdout + run.stderr)
    if found := faults(folder / "site"):
        raise ValueError("\n".join(found))
    return folder / "site"


def main() -> None:
    """Builds the site, or says what is wrong with it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("-o", "--output", type=Path, default=CHECKOUT / "build" / "docs")
    try:
        print(build(parser.parse_args().output) / "index.html")
    except ValueError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()

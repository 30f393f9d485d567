"""Builds the documentation site: `python -m docs.generate.site` writes build/docs/site.

Needs `pip install -e ".[docs]"`. Warnings and links that lead nowhere are errors, and no page may
send a request to another host. The home page shows models of the zoo that run in it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from docs.generate.pages import CHECKOUT, assemble
from docs.generate.site_check import faults

LIVE = ("mnist-implicit", "mnist-conv", "fashion-mnist-conv")
MARK = "<!-- live page -->"
FRAME = """\
## Draw something

<iframe class="live" src="live/index.html" loading="lazy" title="Models to draw for"></iframe>

[The same on a page of its own](live/index.html), which
`gon-tf export MODEL... --format web -o DIR` makes of any models. Nothing leaves your browser."""


def build(folder: Path, live: Sequence[str] = ()) -> Path:
    """Builds the site.

    Args:
        folder: for the pages, the configuration and the site; what is in it goes.
        live: the models of the page that the home page shows; none for no such page.

    Returns:
        The site, a folder of HTML.

    Raises:
        ValueError: if Zensical warns, or a link leads nowhere or to another host.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    assemble(folder / "docs")
    if live:
        export = [
            "-m",
            "gon_tf",
            "export",
            *live,
            "--format",
            "web",
            "-o",
            folder / "docs" / "live",
        ]
        run(folder, *export)
        home = folder / "docs" / "index.md"
        home.write_text(home.read_text(encoding="utf-8").replace(MARK, FRAME), encoding="utf-8")
    shutil.copy(CHECKOUT / "docs" / "zensical.toml", folder)
    run(folder, "-m", "zensical", "build", "--strict")
    if found := faults(folder / "site"):
        raise ValueError("\n".join(found))
    return folder / "site"


def run(folder: Path, *arguments: str | Path) -> None:
    """Runs Python in a folder.

    Raises:
        ValueError: if that fails, with what it printed.
    """
    path = os.pathsep.join(filter(None, [str(CHECKOUT), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise ValueError(done.stdout + done.stderr)


def main() -> None:
    """Builds the site, or says what is wrong with it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("-o", "--output", type=Path, default=CHECKOUT / "build" / "docs")
    parser.add_argument("--live", nargs="*", metavar="MODEL", default=LIVE, help="may be none")
    options = parser.parse_args()
    try:
        print(build(options.output, options.live) / "index.html")
    except ValueError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()

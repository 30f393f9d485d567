"""Draws the Mermaid diagrams of the pages, for the site, which loads no script from elsewhere.

    npm install mermaid && python -m docs.generate.diagrams node_modules/mermaid/dist/mermaid.min.js

needs Chromium and writes docs/figures/diagrams. A drawing is named by the text of its diagram; the
site shows the text of a diagram that has none, and GitHub draws the text itself.
"""

from __future__ import annotations

import argparse
import hashlib
import html
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1]
FOLDER = DOCS / "figures" / "diagrams"
DIAGRAM = re.compile(r"^```mermaid\n(.+?)^```$", re.MULTILINE | re.DOTALL)
PAGE = """<body><pre class="mermaid">{text}</pre><script src="{script}"></script><script>
mermaid.initialize({{ startOnLoad: false, htmlLabels: false, flowchart: {{ htmlLabels: false }} }});
mermaid.run();
</script></body>"""


def file_of(text: str) -> Path:
    """Where the drawing of a diagram is, or would be."""
    return FOLDER / f"{hashlib.sha256(text.encode()).hexdigest()[:12]}.svg"


def with_drawings(text: str) -> str:
    """A page of docs/ with drawings in the place of its diagrams, where there are some."""

    def drawn(match: re.Match) -> str:
        file = file_of(match[1])
        if file.is_file():
            return f"![A diagram]({file.relative_to(DOCS).as_posix()})"
        return f"```text\n{match[1]}```"

    return DIAGRAM.sub(drawn, text)


def draw(text: str, script: Path, browser: str) -> str:
    """A diagram as SVG."""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        page.write_text(PAGE.format(text=html.escape(text), script=script.resolve().as_uri()))
        command = [browser, "--headless", "--no-sandbox", "--virtual-time-budget=20000"]
        command += ["--dump-dom", page.as_uri()]
        run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    found = re.search(r"<svg.+</svg>", run.stdout, re.DOTALL)
    if not found:
        sys.exit(f"Mermaid made nothing of this diagram:\n{text}")
    # As a picture of its own it needs a size, and line breaks that XML allows.
    width, height = re.findall(r'viewBox="\S+ \S+ (\S+) (\S+)"', found[0])[0]
    sized = re.sub(r'width="100%"', f'width="{width}" height="{height}"', found[0], count=1)
    return sized.replace("<br>", "<br/>").replace("&nbsp;", "&#160;")


def main() -> None:
    """Draws all diagrams anew."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("script", type=Path, help="mermaid.min.js")
    options = parser.parse_args()
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if not browser:
        sys.exit("Needs chromium or google-chrome to draw.")
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    for page in sorted(DOCS.glob("*.md")):
        for text in DIAGRAM.findall(page.read_text(encoding="utf-8")):
            file_of(text).write_text(draw(text, options.script, browser) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

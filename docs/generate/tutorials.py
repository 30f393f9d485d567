"""The tutorials as notebooks: `python -m docs.generate.tutorials` runs docs/tutorials/*.py.

A tutorial is a Python file in jupytext's percent format, which the tests run. Its notebook holds
the outputs, for Colab and for the site, whose pages are made from it without running anything.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
from pathlib import Path
from typing import Any

TUTORIALS = Path(__file__).resolve().parents[1] / "tutorials"
INSTALL = "Needs `pip install` of a checkout or wheel of gon-tf, and scikit-learn."


def notebook_of(path: Path) -> Any:
    """A tutorial as a notebook without outputs.

    The names of its cells are their numbers, so that the same tutorial gives the same file.
    """
    import jupytext

    notebook: Any = jupytext.read(path)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
    notebook.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    return notebook


def execute(path: Path) -> str:
    """The text of a tutorial's notebook, run from its first cell to its last."""
    import nbformat
    from nbclient import NotebookClient

    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    notebook = notebook_of(path)
    NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
    for cell in notebook.cells:
        cell.metadata = {}  # the times of its run
        if cell.cell_type == "code":
            cell.outputs = [part for part in cell.outputs if part.get("name") != "stderr"]
    notebook.metadata.pop("language_info", None)
    return nbformat.writes(notebook) + "\n"


def page_of(path: Path) -> tuple[str, dict[str, bytes]]:
    """The page of a tutorial, from its notebook, and the pictures that it shows, by name.

    Args:
        path: the notebook, with outputs.
    """
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    parts, pictures = [], {}
    for cell in cells:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
            continue
        parts.append(f"```python\n{source}\n```")
        for output in cell["outputs"]:
            data = output.get("data", {})
            if "image/png" in data:
                name = f"{path.stem}-{len(pictures) + 1}.png"
                pictures[name] = base64.b64decode(data["image/png"])
                parts.append(f"![What the cell above shows]({name})")
            else:
                text = "".join(output.get("text", data.get("text/plain", "")))
                parts.append(f"```text\n{text.rstrip()}\n```")
    note = f"[This page as a notebook]({path.name}), [as Python]({path.stem}.py). {INSTALL}"
    return "\n\n".join([*parts, note]) + "\n", pictures


def main() -> None:
    """Runs tutorials and writes their notebooks."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: all")
    names = parser.parse_args().names
    for path in sorted(TUTORIALS.glob("*.py")):
        if not names or path.stem in names:
            path.with_suffix(".ipynb").write_text(execute(path), encoding="utf-8")


if __name__ == "__main__":
    main()

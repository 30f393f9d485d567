"""The tutorials run, reach what they say, and are their notebooks."""

import json
import runpy

import pytest

from docs.generate import tutorials

PATHS = sorted(tutorials.TUTORIALS.glob("*.py"))
AGAIN = "run: python -m docs.generate.tutorials"


@pytest.fixture
def run():
    """Run a tutorial in this process; its variables."""
    pytest.importorskip("sklearn", reason="the tutorials' data are scikit-learn's")
    return lambda name: runpy.run_path(str(tutorials.TUTORIALS / f"{name}.py"))


@pytest.mark.slow
def test_train_and_look(run):
    found = run("train-and-look")
    assert found["error"] < 0.8 * found["pca_error"]
    assert found["difference"] < 1e-5


@pytest.mark.slow
def test_latents_for_a_task(run):
    found = run("latents-for-a-task")
    assert found["errors"]["GON"] < 0.7 * found["errors"]["PCA"]
    assert found["accuracies"]["GON", 1257] > 0.92
    assert found["unusual"].mean() > 2 * found["usual"].mean()


@pytest.mark.slow
def test_implicit_signal(run):
    found = run("implicit-signal")
    assert found["error"] < found["straight_error"]
    assert found["gap_error"] < 0.5 * found["line_error"]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_notebooks_are_the_tutorials(path):
    pytest.importorskip("jupytext")
    written = json.loads(path.with_suffix(".ipynb").read_text())["cells"]
    cells = tutorials.notebook_of(path).cells
    assert [(c["cell_type"], "".join(c["source"])) for c in written] == [
        (cell.cell_type, cell.source) for cell in cells
    ], AGAIN


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_pages_show_what_the_cells_print(path):
    page, pictures = tutorials.page_of(path.with_suffix(".ipynb"))
    assert "```text\n" in page
    assert all(content.startswith(b"\x89PNG") for content in pictures.values())
    assert all(f"({name})" in page for name in pictures)
    assert "Warning" not in page

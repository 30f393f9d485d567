import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import gon_tf
from gon_tf.export import formats, written
from gon_tf.export.web import checks
from gon_tf.pictures import to_uint8

# An example as a user without this package would run it.
RUN_ALONE = """
import runpy, sys
forbidden, sys.argv = sys.argv[1].split(), sys.argv[2:]
sys.modules.update(dict.fromkeys(forbidden))
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


@pytest.mark.parametrize(
    ("format", "example", "forbidden"),
    [
        ("onnx", "run_onnx.py", "gon_tf keras tensorflow"),
        ("litert", "run_litert.py", "gon_tf keras tensorflow"),
        pytest.param("savedmodel", "run_savedmodel.py", "gon_tf", marks=pytest.mark.slow),
    ],
)
def test_an_example_runs_what_the_command_wrote(
    run, root, grey_model, pictures, tmp_path, format, example, forbidden
):
    arguments = ["export", grey_model, "--format", format, "-o", "new/out", "--images", pictures]
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    functions = json.loads(result.stdout)["functions"]
    names = ["encode", "decode", "reconstruct", "sample"]
    assert [function["name"] for function in functions] == names
    assert all(function["max_difference"] < 1e-5 for function in functions)

    files = sorted(pictures.iterdir())[:3]
    command = [sys.executable, "-P", "-c", RUN_ALONE, forbidden, root / "examples" / example]
    command += ["new/out", *files, "-o", "x.png"]
    process = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    assert process.stdout == "3 images, 4 latents each\n"
    originals = np.stack([pixels(file) for file in files])[..., None]
    rows = originals, to_uint8(gon_tf.load(grey_model).reconstruct(originals))
    expected = np.concatenate([np.concatenate(list(row), axis=1) for row in rows])[..., 0]
    assert abs(pixels(tmp_path / "x.png").astype(int) - expected).max() <= 1


def test_a_table_for_people(run, grey_model):
    result = run("export", grey_model, "--format", "onnx", "-o", "out")
    assert result.exit_code == 0, result.stderr
    header, *rows = result.stdout.splitlines()
    assert header.split() == ["function", "max", "difference", "bytes", "output"]
    assert [row.split()[0] for row in rows] == ["encode", "decode", "reconstruct", "sample"]
    assert rows[0].endswith("out/encode.onnx")


def test_a_page(run, grey_model, rgb_model, pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(checks, "runtime", lambda: None)  # tests/export/web runs pages
    arguments = ["export", grey_model, rgb_model, "--format", "web", "-o", "page"]
    result = run(*arguments, "--images", pictures)
    assert result.exit_code == 0, result.stderr
    assert result.stderr.splitlines() == [
        "Neither node nor Chromium is there to run the page: nothing was compared.",
        "Open page/index.html in a browser.",
    ]
    header, *rows = result.stdout.splitlines()
    assert header.split() == ["function", "max", "difference", "bytes", "output"]
    assert rows[0].split()[:4] == ["tiny-conv", "encode", "not", "compared"]
    assert rows[-1].endswith("page/models/colour-conv.js")
    assert (tmp_path / "page" / "index.html").is_file()
    assert run(*arguments).exit_code == 1
    assert run(*arguments, "--overwrite", "--json").exit_code == 0


def test_nothing_is_left_when_a_file_differs(run, grey_model, tmp_path, monkeypatch):
    monkeypatch.setattr(written, "TOLERANCE", -1.0)
    result = run("export", grey_model, "--format", "onnx", "-o", "out")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: The onnx of encode differs from the model by ")
    assert result.stdout == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["tiny-cnv", "--format", "onnx", "-o", "x"], 1, "did you mean 'tiny-conv'?"),
        (["tiny-conv", "--format", "onnx", "-o", "full"], 1, "full exists already; --overwrite"),
        (["tiny-conv", "--format", "onnx", "-o", "x", "--images", "a.png"], 1, "no file or folder"),
        (["tiny-conv", "--format", "onnx", "-o", "zoo", "--overwrite"], 1, "holds the input"),
        (["zoo/tiny-conv", "--format", "onnx", "-o", "zoo/tiny-conv/x"], 1, "lies in the input"),
        (
            ["tiny-conv", "--format", "onnx", "-o", "full/a", "--images", "full", "--overwrite"],
            1,
            "full/a lies in the input full",
        ),
        (["tiny-conv", "--format", "onnx"], 2, "Missing option '-o'"),
        (["tiny-conv", "-o", "x"], 2, "Missing option '--format'"),
        (["tiny-conv", "--format", "pb", "-o", "x"], 2, "'savedmodel', 'onnx', 'litert'"),
        (["tiny-conv", "--format", "onnx", "--quantize", "int8", "-o", "x"], 2, "--format litert"),
        (
            ["tiny-conv", "--format", "web", "--quantize", "float16", "-o", "x"],
            2,
            "Received: --quantize float16 for web",
        ),
        (
            ["tiny-conv", "tiny-conv", "--format", "onnx", "-o", "x"],
            2,
            "takes one MODEL; --format web takes several. Received: tiny-conv, tiny-conv",
        ),
        (["tiny-conv", "tiny-cnv", "--format", "web", "-o", "x"], 1, "did you mean 'tiny-conv'?"),
        (["tiny-conv", "--format", "web", "-o", "full"], 1, "full exists already; --overwrite"),
        (
            ["tiny-conv", "--format", "web", "-o", "full", "--overwrite", "--images", "a.png"],
            1,
            "no file or folder a.png",
        ),
    ],
)
def test_errors(run, zoo, tmp_path, arguments, status, message):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").touch()
    result = run("export", *arguments)
    assert result.exit_code == status
    assert message in result.stderr
    assert result.stdout == ""
    assert not (tmp_path / "x").exists()
    assert (tmp_path / "full" / "thesis.tex").exists()


def test_a_missing_extra(run, grey_model, monkeypatch):
    monkeypatch.setattr(formats.importlib.util, "find_spec", lambda name: None)
    result = run("export", grey_model, "--format", "onnx", "-o", "out")
    assert result.exit_code == 1
    assert result.stderr == (
        'Error: Exporting to onnx needs onnx, onnxruntime, tf2onnx: pip install "gon-tf[export]".\n'
    )

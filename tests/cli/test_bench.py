import functools
import importlib.util
import json

import pytest

from gon_tf.bench import cases, comparison, workers


@pytest.fixture
def here(monkeypatch):
    """Measure a tiny network, in this process."""
    monkeypatch.setattr(workers, "TURN", 0.0)
    tiny = cases.Case("conv", latent_dim=2, side=8, width=2)
    monkeypatch.setitem(cases.CASES, "conv-32", tiny)
    local = functools.partial(comparison.compare, worker=workers.Local)
    monkeypatch.setattr(comparison, "compare", local)


SMALL = ("--quick", "--models", "conv-32", "--batches", "2", "--turns", "1")


@pytest.mark.slow
def test_table_and_json(run, here, monkeypatch):
    result = run("bench", *SMALL, "--paths", "gradient,gauss-newton", "--only", "decode,train")
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert "tensorflow" in lines[0]
    assert lines[1].split() == ["model", "batch", "path", "train", "decode", "MiB"]
    assert [line.split()[:3] for line in lines[2:4]] == [
        ["conv-32", "2", "gauss-newton"],
        ["conv-32", "2", "gradient"],
    ]
    assert "limit" in lines[5]

    result = run("bench", *SMALL, "--paths", "gradient", "--only", "decode", "--json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["machine"]["versions"]["keras"]
    (row,) = found["rows"]
    assert (row["model"], row["batch"], row["path"]) == ("conv-32", 2, "gradient")
    assert row["operations"]["decode"]["turns"] == 1


def test_without_other_libraries(run, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(comparison, "compare", lambda selection: [])
    assert set(cases.PATHS) - set(comparison.available_paths()) == set(cases.PACKAGES)
    result = run("bench", "--json")
    assert result.exit_code == 0
    assert 'pip install "gon-tf[bench]"' in result.stderr
    assert json.loads(result.stdout)["rows"] == []
    for path, message in [
        ("pytorch", 'pip install "gon-tf[bench]" adds pytorch'),
        ("torch-compile", 'pip install "gon-tf[bench]" adds torch-compile'),
        ("jax", "JAX is not installed; pip install jax adds jax"),
    ]:
        result = run("bench", "--paths", f"gradient,{path}")
        assert result.exit_code == 1
        assert message in result.stderr
        assert result.stderr.count("\n") == 1


def test_without_a_compiler(run, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: "found")
    monkeypatch.setenv("CXX", "no-such-compiler")
    result = run("bench", "--paths", "torch-compile")
    assert result.exit_code == 1
    assert "needs a C++ compiler, and there is no no-such-compiler." in result.stderr
    assert "torch-compile" not in comparison.available_paths()


def test_what_failed_is_said(run, monkeypatch):
    row = comparison.row("implicit", 512, "nested")
    row["failures"]["train"] = "ResourceExhaustedError"
    row["operations"]["decode"] = {"median": 12.0, "low": 11.0, "high": 13.0, "turns": 3}
    monkeypatch.setattr(comparison, "compare", lambda selection: [[row]])
    result = run("bench", "--only", "train,decode")
    assert result.exit_code == 0
    assert "Not enough memory for implicit, nested, batch 512, train" in result.stderr
    expected = ["implicit", "512", "nested", "-", "12", "±8%", "-"]
    assert result.stdout.splitlines()[2].split() == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--models", "resnet"), "'resnet' is none of conv-32, conv-256, variational, implicit"),
        (("--paths", "gradient,fast"), "'fast' is none of gauss-newton"),
        (("--only", ""), "'' is none of train"),
        (("--batches", "1,x"), "'1,x' is not numbers of images such as 1,64,512"),
        (("--batches", "0"), "'0' is not numbers"),
        (("--turns", "0"), "0 is not in the range"),
    ],
)
def test_wrong_options(run, arguments, message):
    result = run("bench", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.parametrize("failures", [{"decode": "the process was ended"}, {}])
def test_nothing_could_be_measured(run, monkeypatch, failures):
    row = {"model": "implicit", "batch": 1, "path": "nested", "operations": {}, "peak_mib": None}
    monkeypatch.setattr(comparison, "compare", lambda chosen: [[{**row, "failures": failures}]])
    result = run("bench", "--only", "decode")
    reason = "the process was ended" if failures else "none of these paths has such an operation"
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == f"Error: Nothing could be measured: {reason}."
    assert not result.stdout

import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from gon_tf.bench import cases, comparison, workers

TINY = {
    "conv-32": cases.Case("conv", latent_dim=2, side=8, width=2),
    "implicit": cases.Case("implicit", latent_dim=2, side=4, width=4, depth=1),
}
PATHS = ("gauss-newton", "nested", "autoencoder")


@pytest.fixture
def selection(monkeypatch):
    monkeypatch.setattr(workers, "TURN", 0.0)
    for name, case in TINY.items():
        monkeypatch.setitem(cases.CASES, name, case)
    return comparison.Selection(tuple(TINY), (3,), PATHS, turns=2, budget=0.0)


@pytest.mark.slow
def test_rows(selection):
    parts = list(comparison.compare(selection, worker=workers.Local))
    rows = [row for part in parts for row in part]
    assert [(row["model"], row["path"]) for row in rows] == [(m, p) for m in TINY for p in PATHS]
    for row in rows:
        expected = set(cases.OPERATIONS)
        if row["path"] != "gauss-newton":
            expected.remove("encode folded")  # the others have no fold
        assert set(row["operations"]) == expected
        assert row["failures"] == {}
        for timing in row["operations"].values():
            assert 0 < timing["low"] <= timing["median"] <= timing["high"]
            assert timing["turns"] == 2
        assert ("limit" in row["operations"]["train"]) == (row["path"] == "gauss-newton")
    json.dumps(rows)


class Sleeper:
    """A worker whose turns take the times it was given."""

    def __init__(self, seconds):
        self.seconds = iter(seconds)

    def warm_up(self, operation):
        if operation == "greedy":
            raise workers.OutOfMemoryError("too much")
        return 12.0

    def turn(self, operation):
        seconds = next(self.seconds)
        if seconds is None:
            raise workers.OutOfMemoryError("gone")
        return seconds


def test_timings_are_medians_with_quartiles():
    worker = Sleeper([0.001, 0.002, 0.003, 0.004, 0.1])
    timings, peaks, failures = workers.take_turns({"a": worker}, "train", 5, budget=60.0)
    assert timings["a"] == pytest.approx({"median": 3.0, "low": 2.0, "high": 4.0, "turns": 5})
    assert (peaks, failures) == ({"a": 12.0}, {})


def test_the_budget_leaves_three_turns():
    timings, _, _ = workers.take_turns({"a": Sleeper([1.0] * 9)}, "train", 9, budget=-1.0)
    assert timings["a"]["turns"] == 3


def test_what_takes_too_much_memory_is_left_out():
    timings, peaks, failures = workers.take_turns({"a": Sleeper([])}, "greedy", 3, budget=1.0)
    assert (timings, peaks, failures) == ({}, {}, {"a": "too much"})


def test_what_is_stopped_for_its_memory_later_is_left_out_and_the_others_go_on():
    both = {"a": Sleeper([1.0, None]), "b": Sleeper([2.0] * 3)}
    timings, _, failures = workers.take_turns(both, "train", 3, budget=1.0)
    assert (list(timings), timings["b"]["turns"], failures) == (["b"], 3, {"a": "gone"})


def test_ratios():
    def row(**milliseconds):
        return {"operations": {name: {"median": value} for name, value in milliseconds.items()}}

    table = {"pytorch": row(train=30.0, encode=20.0), "gauss-newton": row(train=10.0, encode=4.0)}
    table["gauss-newton"]["operations"]["encode folded"] = {"median": 0.1}
    comparison.add_ratios(table["pytorch"]["operations"], table)
    ratios = {k: v.get("ratio") for k, v in table["gauss-newton"]["operations"].items()}
    assert ratios == pytest.approx({"train": 3.0, "encode": 5.0, "encode folded": 200.0})
    assert "ratio" not in table["pytorch"]["operations"]["train"]


@pytest.mark.slow
def test_worker_in_a_process_of_its_own():
    case = dataclasses.replace(TINY["implicit"], kind="implicit")
    worker = workers.Remote(case, "gradient", 2)
    try:
        assert "decode" in worker.names()
        assert (worker.warm_up("decode") or 1.0) > 0
        assert worker.turn("decode") > 0
        with pytest.raises(RuntimeError, match="KeyError"):
            worker.turn("nothing")
        os.kill(worker.process.result(), signal.SIGKILL)
        with pytest.raises(workers.OutOfMemoryError):
            worker.turn("decode")
    finally:
        worker.close()


@pytest.mark.slow
def test_what_is_killed_leaves_the_rest_of_the_table(selection, monkeypatch):
    class Killed(workers.Remote):
        def __init__(self, case, path, batch):
            super().__init__(case, path, batch)
            if path in ("nested", cases.MACHINE):
                os.kill(self.process.result(), signal.SIGKILL)

    chosen = dataclasses.replace(
        selection, models=("implicit",), paths=("nested", "gradient"), operations=("train",)
    )
    ((nested, gradient),) = comparison.compare(chosen, worker=Killed)
    assert nested["operations"] == {}
    assert gradient["operations"]["train"]["turns"] == 2


START = """
import os, sys, time
from gon_tf.bench import cases, workers
worker = workers.Remote(cases.CASES["implicit"], "gradient", 1)  # and no guard for __main__
print(worker.process.result(), flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kills by a signal")
def test_a_worker_ends_with_the_process_that_started_it(tmp_path):
    (tmp_path / "start.py").write_text(START)
    with subprocess.Popen(
        [sys.executable, str(tmp_path / "start.py")], stdout=subprocess.PIPE, text=True
    ) as process:
        worker = int(process.stdout.readline())
        process.kill()
    for _ in range(200):
        if not running(worker):
            return
        time.sleep(0.05)
    pytest.fail("the worker goes on")


def running(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    state = pathlib.Path(f"/proc/{process}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"

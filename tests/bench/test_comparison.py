import dataclasses
import json

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
        return 0.0, 12.0

    def turn(self, operation):
        seconds = next(self.seconds)
        if seconds is None:
            raise workers.OutOfMemoryError("gone")
        return seconds


def test_timings_are_medians_with_quartiles():
    worker = Sleeper([0.001, 0.002, 0.003, 0.004, 0.1])
    timings, peaks, failures = workers.take_turns({"a": worker}, "train", 5, budget=60.0)
    assert timings["a"] == workers.Timing(median=3.0, low=2.0, high=4.0, turns=5)
    assert (peaks, failures) == ({"a": 12.0}, {})


def test_the_budget_leaves_three_turns():
    timings, _, _ = workers.take_turns({"a": Sleeper([1.0] * 9)}, "train", 9, budget=-1.0)
    assert timings["a"].turns == 3


def test_what_takes_too_much_memory_is_left_out():
    timings, peaks, failures = workers.take_turns({"a": Sleeper([])}, "greedy", 3, budget=1.0)
    assert (timings, peaks, failures) == ({}, {}, {"a": "too much"})


def test_what_is_stopped_for_its_memory_later_is_left_out_and_the_others_go_on():
    both = {"a": Sleeper([1.0, None]), "b": Sleeper([2.0] * 3)}
    timings, _, failures = workers.take_turns(both, "train", 3, budget=1.0)
    assert (list(timings), timings["b"].turns, failures) == (["b"], 3, {"a": "gone"})


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
        seconds, _ = worker.warm_up("decode")
        assert 0 < seconds < 60
        assert worker.turn("decode") > 0
        with pytest.raises(RuntimeError, match="KeyError"):
            worker.turn("nothing")
        worker.process.kill()
        with pytest.raises(workers.OutOfMemoryError):
            worker.turn("decode")
    finally:
        worker.close()

import json

from gon_tf.cli import report


def test_json_is_one_object_without_infinities(capsys):
    report.echo_json({"a": [1, float("inf")], "b": {"c": float("nan")}, "d": (2.5, "x")})
    values = json.loads(capsys.readouterr().out)
    assert values == {"a": [1, None], "b": {"c": None}, "d": [2.5, "x"]}


def test_table(capsys):
    report.echo_table(("name", "SSE", "n"), [("one", 80.123, 3), ("fourteen", 0.5, 4000)])
    assert capsys.readouterr().out.splitlines() == [
        "name        SSE      n",
        "one       80.12      3",
        "fourteen   0.50  4,000",
    ]


def test_one_large_number_does_not_cost_the_others_their_digits(capsys):
    report.echo_table(("SSE",), [(124.1,), (0.323,), (0.27,)])
    assert capsys.readouterr().out.split() == ["SSE", "124.1000", "0.3230", "0.2700"]


def test_progress_shows_on_a_terminal_only(capsys, monkeypatch):
    assert list(report.progress(iter("ab"), 2, "Working")) == ["a", "b"]
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert list(report.progress(iter("ab"), 2, "Working")) == ["a", "b"]
    stdout, stderr = capsys.readouterr()
    assert stdout == ""
    assert "Working" in stderr


def test_table_without_rows(capsys):
    report.echo_table(("name", "SSE"), [])
    assert capsys.readouterr().out == "name  SSE\n"


def test_pairs(capsys):
    pairs = report.flatten({"a": {"b": 0.00201, "size": [32, 32]}, "c": None, "d": ["x", "y"]})
    report.echo_pairs(dict(pairs))
    assert capsys.readouterr().out.splitlines() == [
        "a.b     0.00201",
        "a.size  32x32",
        "c       -",
        "d       x, y",
    ]


def test_numbers_as_people_read_them():
    assert [report.text(value) for value in (12, 12345, 0.1234567, 123456.7, True)] == [
        "12",
        "12,345",
        "0.1235",
        "123,457",
        "yes",
    ]


def test_text_cannot_steer_the_terminal():
    assert report.text("a\x1b[2Jb\nc") == "a\ufffd[2Jb\ufffdc"

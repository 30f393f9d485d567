from pathlib import Path

import click
import pytest

from gon_tf.cli import arguments


@pytest.mark.parametrize(
    ("text", "size"), [("32", (32, 32)), ("48x64", (48, 64)), ("1X4096", (1, 4096))]
)
def test_size(text, size):
    assert arguments.Size()(text) == size


@pytest.mark.parametrize("text", ["", "x", "0", "32x", "-3", "3x4x5", "1.5", "4097", "wide"])
def test_no_size(text):
    with pytest.raises(click.BadParameter, match="is not"):
        arguments.Size()(text)


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("7", (7,)),
        ("0-3", (0, 1, 2, 3)),
        ("3,7,10-12", (3, 7, 10, 11, 12)),
        ("5, 1-2,5", (5, 1, 2)),
    ],
)
def test_seeds(text, seeds):
    assert arguments.Seeds()(text) == seeds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not a seed"),
        ("1-2-3", "is not a seed"),
        ("-4", "is not a seed"),
        ("1,,2", "is not a seed"),
        ("9-3", "write 3-9"),
        ("2147483648", "too large"),
        ("0-999999999", "more than 100,000 pictures"),
    ],
)
def test_no_seeds(text, message):
    with pytest.raises(click.BadParameter, match=message):
        arguments.Seeds()(text)


def test_places(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ada")
    assert arguments.Place()("~/x") == Path("/home/ada/x")
    assert arguments.Place()("./x") == Path("x")
    for wrong in ("", "a\0b"):
        with pytest.raises(click.BadParameter):
            arguments.Place()(wrong)

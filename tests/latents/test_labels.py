import numpy as np
import pytest

from gon_tf.latents import labels


def test_numbers_come_in_their_order_and_before_texts():
    names, numbers = labels.as_names(["10", "cat", "9", "10"], 4)
    assert names == ("9", "10", "cat")
    assert numbers.tolist() == [1, 2, 0, 1]


def test_integers_are_names():
    assert labels.as_names(np.array([7, 3, 7]), 3)[0] == ("3", "7")


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ([1, 2], ValueError, "one for each of 3 images. Received: the shape .2,."),
        ([[1], [2], [3]], ValueError, "Received: the shape .3, 1."),
        ([1.0, 2.0, np.nan], TypeError, "texts or integers. Received: dtype float64"),
        (["a", None, "b"], TypeError, "Received: dtype object"),
        (["a", "", "b"], ValueError, "1 to 200 letters. Received: one of 0"),
    ],
)
def test_what_is_no_label(given, error, message):
    with pytest.raises(error, match=message):
        labels.as_names(given, 3)


def test_too_many_labels():
    with pytest.raises(ValueError, match="at most 1,000 different labels. Received: 1,001"):
        labels.as_names(np.arange(1001), 1001)


def test_an_unknown_label():
    known = ("Ankle boot", "Bag", "Sandal")
    for given in ("boot", "ankle", "Ankel boot"):  # "ankle" shares more letters with "Sandal"
        with pytest.raises(ValueError, match=f"No label is '{given}'; did you mean 'Ankle boot'"):
            labels.find(given, known)
    with pytest.raises(ValueError, match="No label is '7'; the labels are Ankle boot, Bag, Sandal"):
        labels.find(7, known)
    with pytest.raises(ValueError, match=r"fitted without labels.*Received: label=7"):
        labels.find(7, ())

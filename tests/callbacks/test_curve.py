import numpy as np
import pytest

from gon_tf.callbacks import curve


def colours(picture):
    return {tuple(pixel) for pixel in picture.reshape(-1, 3)}


def test_loss_curve_falls_from_left_to_right():
    rows = [{"epoch": i, "loss": 100.0 / i, "val_loss": float("nan")} for i in range(1, 11)]
    picture = curve.loss_curve(rows)
    assert picture.shape == (curve.HEIGHT, curve.WIDTH, 3)
    training, validation = curve.COLOURS
    assert training in colours(picture)
    assert validation not in colours(picture)
    places = np.argwhere((picture[30:] == training).all(-1))
    left, right = places[places[:, 1].argmin()], places[places[:, 1].argmax()]
    assert left[0] < right[0]


@pytest.mark.parametrize(
    "rows", [[{"epoch": 1, "loss": 2.0, "val_loss": 3.0}], [{"epoch": 1, "loss": -2.0}], []]
)
def test_loss_curve_of_little(rows):
    assert curve.loss_curve(rows).shape == (curve.HEIGHT, curve.WIDTH, 3)

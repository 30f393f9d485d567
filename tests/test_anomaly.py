import numpy as np
import pytest

import gon_tf
from gon_tf import anomaly


class Shifted:
    """A model whose reconstruction of image i is off by i / 255 in every pixel."""

    def reconstruct(self, images):
        return images / 255 + images[:, :1, :1] / 255


def batches(count, size=10):
    """`count` images of 2x2 pixels whose value is their number."""
    images = np.arange(count, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 1), np.uint8)
    return [images[start : start + size] for start in range(0, count, size)]


def test_measure():
    images = np.zeros((2, 2, 2, 1), np.uint8)
    errors = anomaly.measure(images, np.array([0.5, 0.1])[:, None, None, None] * np.ones((2, 2, 1)))
    assert errors["sse"] == pytest.approx([1.0, 0.04])
    assert errors["psnr"] == pytest.approx([6.0206, 20.0], abs=1e-3)


def test_error_quantiles():
    quantiles = anomaly.error_quantiles(Shifted(), batches(101))
    for key, error in quantiles.items():
        assert error == pytest.approx(4 * (100 * float(key) / 255) ** 2, rel=0.03, abs=1e-5)
    assert list(map(float, quantiles)) == sorted(anomaly.PROBABILITIES)
    found = anomaly.quantiles_of("m", {anomaly.KEY: quantiles})
    assert found[0].tolist() == sorted(anomaly.PROBABILITIES)
    assert (np.diff(found[1]) >= 0).all()


def test_of_many_images_every_nth_batch_is_taken(monkeypatch):
    monkeypatch.setattr(anomaly, "MOST_IMAGES", 20)
    quantiles = anomaly.error_quantiles(Shifted(), batches(100))  # batches 0 and 5
    assert quantiles["1"] == pytest.approx(4 * (59 / 255) ** 2)
    assert quantiles["0.5"] == pytest.approx(4 * (29.5 / 255) ** 2, rel=0.7)


@pytest.mark.parametrize(
    ("error", "score"),
    [(0.5, 0.0), (1.0, 0.0), (1.5, 0.25), (2.0, 0.5), (3.0, 0.75), (4.0, 1.0), (9.0, 1.0)],
)
def test_scores(error, score):
    assert anomaly.scores([error], [0, 0.5, 1], [1.0, 2.0, 4.0]).tolist() == [score]


def test_equal_errors_do_not_count_as_better():
    probabilities, errors = [0, 0.25, 0.75, 1], [1.0, 2.0, 2.0, 3.0]
    assert anomaly.scores([2.0, 2.0001], probabilities, errors) == pytest.approx([0.25, 0.75], 1e-3)
    assert anomaly.scores([0.0, 0.1], [0, 1], [0.0, 0.0]).tolist() == [0.0, 1.0]


def test_the_score_is_the_share_of_the_training_images(images):
    network = gon_tf.GON(gon_tf.ConvDecoder((8, 8, 1), latent_dim=4, filters=2))
    quantiles = anomaly.error_quantiles(network, [images])
    sse = anomaly.measure(images, network.reconstruct(images))["sse"]
    scores = anomaly.scores(sse, *anomaly.quantiles_of("m", {anomaly.KEY: quantiles}))
    better = (sse[:, None] > sse).mean(axis=1)
    assert scores == pytest.approx(better * 10 / 9, abs=0.15)


@pytest.mark.parametrize(
    "damaged",
    [
        None,
        [],
        {},
        {"0": 1.0},
        {"0": 1.0, "0.9": 2.0},
        {"0": 3.0, "1": 2.0},
        {"0": 1.0, "1": "NaN"},
        {"0": 1.0, "x": 2.0},
        {"0": 1.0, "1": [2.0]},
    ],
)
def test_damaged_quantiles(damaged):
    with pytest.raises(ValueError, match="'error_quantiles' of m must map probabilities"):
        anomaly.quantiles_of("m", {anomaly.KEY: damaged})

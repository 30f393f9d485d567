import csv

import numpy as np
from PIL import Image

from gon_tf import GON, ConvDecoder
from gon_tf.callbacks import Pictures, TrainingLog


def read(path):
    with Image.open(path) as picture:
        return np.asarray(picture)


def test_log_and_pictures(images, tmp_path):
    model = GON(ConvDecoder((8, 8, 1), 4, filters=2))
    model.compile("adam")
    log = TrainingLog(tmp_path / "log.csv", tmp_path / "loss.png")
    pictures = Pictures(images, tmp_path, tmp_path / "tensorboard", samples=4, every=2)
    model.fit(images, batch_size=5, epochs=3, callbacks=[log, pictures], verbose=0)

    with (tmp_path / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert [float(row["loss"]) for row in rows] == [row["loss"] for row in log.rows]
    assert log.seconds > 0
    assert read(tmp_path / "loss.png").shape == (400, 720, 3)

    for name in ("reconstructions", "samples"):
        drawn = sorted(path.name for path in (tmp_path / name).iterdir())
        assert drawn == ["0002.png", "0003.png"]
    grid = read(tmp_path / "reconstructions" / "0003.png")
    assert grid.shape == (2 * 8 + 2, 10 * 10 - 2)
    np.testing.assert_array_equal(grid[:8, :8], images[0, ..., 0])  # the original is above
    assert read(tmp_path / "samples" / "0003.png").shape == (18, 18)
    assert any((tmp_path / "tensorboard").iterdir())


def test_metrics_that_not_every_epoch_has(images, tmp_path):
    model = GON(ConvDecoder((8, 8, 1), 4, filters=2))
    model.compile("adam")
    log = TrainingLog(tmp_path / "log.csv")
    options = {"validation_data": images, "validation_freq": 2, "callbacks": [log], "verbose": 0}
    model.fit(images, batch_size=5, epochs=3, **options)
    with (tmp_path / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [bool(row["val_loss"]) for row in rows] == [False, True, False]

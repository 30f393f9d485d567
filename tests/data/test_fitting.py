import numpy as np
import pytest
from PIL import Image

from gon_tf.data import fitting
from gon_tf.pictures import Picture


def half(height, width):
    """A white picture, grey in its left half."""
    picture = np.full((height, width, 1), 255, np.uint8)
    picture[:, : width // 2] = 100
    return picture


def test_stretch():
    stretched = fitting.stretch(half(4, 12), (6, 6))[..., 0]
    assert (stretched[:, :2] == 100).all()
    assert (stretched[:, 4:] == 255).all()


def test_pad():
    padded = fitting.pad(half(4, 12), (6, 6))[..., 0]
    assert (padded[:2] == 0).all()
    assert (padded[2:4, :2] == 100).all()
    assert (padded[2:4, 4:] == 255).all()
    assert (padded[4:] == 0).all()
    upright = fitting.pad(half(12, 4), (6, 6))[..., 0]
    assert (upright[:, [0, 1, 4, 5]] == 0).all()
    assert (upright[:, 2] < upright[:, 3]).all()


def test_crop():
    picture = half(4, 12)
    picture[:, [3, 8]] = 0  # just outside of the middle four by four
    assert (fitting.crop(picture, (4, 4)) == half(4, 4)).all()
    assert fitting.crop(picture, (2, 2)).min() > 90
    assert (fitting.crop(half(12, 4), (4, 4)) == half(4, 4)).all()


@pytest.mark.parametrize("fit", fitting.FITS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (7, 5), (6, 8)])
def test_every_shape_fits(fit, shape):
    picture = np.full((*shape, 3), 90, np.uint8)
    fitted = fitting.FITS[fit](picture, (6, 8))
    assert fitted.shape == (6, 8, 3)
    assert fitted.dtype == np.uint8
    assert set(np.unique(fitted)) <= ({0, 90} if fit == "pad" else {90})
    assert 90 in fitted


@pytest.mark.parametrize("fit", fitting.FITS)
def test_a_picture_that_fits_stays_as_it_is(fit):
    picture = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    assert (fitting.FITS[fit](picture, (6, 8)) == picture).all()


def test_pictures_come_upright(tmp_path):
    image = Image.fromarray(half(4, 8)[..., 0])
    exif = image.getexif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    image.save(tmp_path / "a.png", exif=exif)
    upright = fitting.read(Picture(tmp_path / "a.png"), 1)[..., 0]
    assert upright.tolist() == [[100] * 4] * 4 + [[255] * 4] * 4

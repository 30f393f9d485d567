import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def folder(tmp_path):
    """Folder of twelve 8x8 grey pictures, 00.png to 11.png."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    pixels = np.random.default_rng(1).integers(0, 256, (12, 8, 8), dtype=np.uint8)
    for i, picture in enumerate(pixels):
        Image.fromarray(picture).save(folder / f"{i:02}.png")
    return folder

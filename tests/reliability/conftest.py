"""Every test here runs twice: a few rounds wherever tests run, and as many as an hour takes.

`pytest -m reliability` runs the long ones, for `RELIABILITY_MINUTES` (60) in all, and says how many
rounds there were.
"""

import itertools
import os
import random
import time

import pytest

LONG = pytest.param("long", marks=pytest.mark.reliability)


def pytest_collection_modifyitems(config, items):
    if "reliability" in config.option.markexpr:
        return
    for item in items:
        if item.get_closest_marker("reliability"):
            item.add_marker(pytest.mark.skip(reason="takes long: pytest -m reliability"))


def pytest_terminal_summary(terminalreporter):
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        counts = [f"{count} {what}" for what, count in report.user_properties]
        if report.when == "call" and "reliability" in report.keywords and counts:
            terminalreporter.write_line(f"{report.nodeid}: {', '.join(counts)}")


@pytest.fixture(params=["sample", LONG])
def rounds(request, record_property):
    """A generator of each round's chances; a test says how many rounds make its sample."""
    counted = {"rounds": 0}

    def rounds(few):
        tests = 4  # that share the time
        seconds = 60 * float(os.environ.get("RELIABILITY_MINUTES", "60")) / tests
        end = time.monotonic() + seconds
        for number in itertools.count():
            if number >= few if request.param == "sample" else time.monotonic() >= end:
                break
            counted["rounds"] = number + 1
            yield random.Random(number)
        for what, number in counted.items():
            record_property(what, number)

    def count(what):
        counted[what] = counted.get(what, 0) + 1

    rounds.count = count
    return rounds


@pytest.fixture
def folder(tmp_path):
    """A folder with twelve `pictures` of 8x8 grey pixels, and an untrained `model` of them."""
    import numpy as np
    from PIL import Image

    import gon_tf

    (tmp_path / "pictures").mkdir()
    pixels = np.random.default_rng(1).integers(0, 256, (12, 8, 8, 1), dtype=np.uint8)
    for number, picture in enumerate(pixels):
        Image.fromarray(picture[..., 0]).save(tmp_path / "pictures" / f"{number:02}.png")
    model = gon_tf.GON(gon_tf.ConvDecoder((8, 8, 1), latent_dim=2, filters=2))
    model.fit_latents(pixels)
    metadata = {"parameters": 1, "image_shape": [8, 8, 1], "latent_dim": 2, "metrics": {}}
    model.save_to_preset(tmp_path / "model", metadata=metadata)
    return tmp_path

import numpy as np
import pytest

import gon_tf
from gon_tf import exploration, pictures


def line(count=9, side=8):
    return np.arange(count * side * side, dtype=np.uint8).reshape(1, count, side, side, 1)


def test_coordinates_are_those_of_the_directions():
    random = np.random.default_rng(0)
    directions, mean = random.normal(size=(3, 5)), random.normal(size=5)
    wanted = random.normal(size=(7, 3))
    found = exploration.coordinates_of(mean + wanted @ directions, directions, mean)
    np.testing.assert_allclose(found, wanted)


def test_pictures_along_directions(images):
    model = gon_tf.GON(gon_tf.ConvDecoder((8, 8, 1), 4, filters=2))
    model.fit_latents(images)
    directions, mean = model.principal_directions(2), exploration.middle(model)
    drawn = exploration.traverse(model, directions, mean)
    assert drawn.shape == (2, 9, 8, 8, 1)
    ends = model.decode(np.stack([mean - 3 * directions[1], mean, mean + 3 * directions[1]]))
    assert abs(drawn[1, [0, 4, 8]].astype(int) - pictures.to_uint8(ends)).max() <= 1


def test_a_traversal_shows_every_picture_crisply():
    drawn = line()
    for zoom in (1, 3, None):
        shown = exploration.traversal(drawn, zoom)
        zoom = zoom or 7  # 9 pictures of 8 pixels, 88 with the gaps: 7 times are 600 or more
        begin = exploration.MARGIN
        for column in range(9):
            left = begin + column * zoom * (8 + pictures.GAP)
            tile = shown[begin : begin + 8 * zoom, left : left + 8 * zoom]
            assert (tile == pictures.zoomed(drawn[0, column], zoom)).all()


@pytest.mark.parametrize("labels", [["b", "a", "a"], None])
def test_a_map(labels):
    points = np.array([[-2.0, 0.0], [2.0, 1.0], [2.0, -1.0]])
    shown = exploration.latent_map(points, labels)
    centre = exploration.MARGIN + exploration.SIDE // 2
    step = exploration.SIDE / 6  # three deviations to either side
    colours = {"a": (31, 119, 180), "b": (255, 127, 14)}
    for (x, y), label in zip(points, labels or "aaa", strict=True):
        if label == "b":
            continue  # its name lies over its only point
        pixel = shown[round(centre - y * step), round(centre + x * step)]
        assert tuple(pixel) == colours["a"]
    written = {tuple(pixel) for pixel in shown.reshape(-1, 3)}
    assert (colours["b"] in written) == (labels is not None)
    assert (shown == exploration.latent_map(points, labels)).all()


def test_a_map_of_odd_points():
    assert exploration.latent_map(np.array([[1e9, -1e9], [0, 0]])).shape[0] > 600  # cut at 10
    assert exploration.latent_map(np.zeros((4, 1)), ["x", "y", "z", "x"]).shape[1] > 600
    many = [str(n) for n in range(40)]
    assert exploration.latent_map(np.random.default_rng(0).normal(size=(40, 2)), many).size


def test_labels_are_in_the_order_of_their_numbers_and_have_colours_of_their_own():
    assert sorted(["10", "9", "b", "a"], key=exploration.natural) == ["9", "10", "a", "b"]
    for count in (1, 10, 11, 20, 60):
        assert len(set(exploration.palette(count))) == count


def test_names_are_not_written_over_each_other():
    class Paper:
        written = []  # noqa: RUF012

        def textbbox(self, place, name, font, anchor):
            return (place[0] - 5, place[1] - 5, place[0] + 5, place[1] + 5)

        def text(self, place, name, *_, **__):
            self.written.append(name)

    places = [(0, 0), (4, 4), (20, 0)]
    exploration.write_names(Paper(), None, ["a", "b", "c"], ["red"] * 3, places)
    assert Paper.written == ["a", "c"]

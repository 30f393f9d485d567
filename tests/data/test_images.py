import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from gon_tf.data import crop_to_aspect, read_image, resize, to_channels
from gon_tf.data.images import decode_image


def saved(image, path, **options):
    image.save(path, **options)
    return path


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.gif", "a.webp", "a.jpg"])
def test_reads_every_format(tmp_path, name):
    options = {"lossless": True} if name == "a.webp" else {"quality": 100, "subsampling": 0}
    pixels = np.full((5, 7, 3), (200, 100, 50), np.uint8)
    image = read_image(saved(Image.fromarray(pixels), tmp_path / name, **options))
    assert image.dtype == np.uint8
    np.testing.assert_allclose(image, pixels, atol=1)  # JPEG rounds, the others are exact


def test_reads_the_first_frame(tmp_path):
    first, second = (Image.new("L", (4, 4), value) for value in (10, 200))
    path = saved(first, tmp_path / "a.gif", save_all=True, append_images=[second])
    assert np.unique(read_image(path)).tolist() == [10]


@pytest.mark.parametrize(
    ("mode", "colour", "pixel"),
    [
        ("1", 1, [255]),
        ("L", 7, [7]),
        ("LA", (0, 0), [255, 255, 255]),
        ("RGBA", (255, 0, 0, 255), [255, 0, 0]),
        ("RGBA", (255, 0, 0, 0), [255, 255, 255]),
        ("RGBA", (0, 0, 0, 51), [204, 204, 204]),
        ("I;16", 65535, [255]),
        ("I;16", 257 * 7 + 128, [7]),
        ("I;16", 257 * 7 + 129, [8]),
    ],
)
def test_modes(tmp_path, mode, colour, pixel):
    image = read_image(saved(Image.new(mode, (3, 2), colour), tmp_path / "a.png"))
    np.testing.assert_array_equal(image, np.broadcast_to(pixel, (2, 3, len(pixel))))


def test_palette_with_a_transparent_colour(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([1, 2, 3, 4, 5, 6])
    image.putpixel((1, 0), 1)
    path = saved(image, tmp_path / "a.png", transparency=0)
    assert read_image(path).tolist() == [[[255, 255, 255], [4, 5, 6]]]


def test_photographs_are_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turn by 90 degrees clockwise
    path = saved(Image.new("L", (20, 10)), tmp_path / "a.jpg", exif=exif)
    assert read_image(path).shape == (20, 10, 1)


@pytest.mark.parametrize("size", [(8001, 8000), (14000, 14000)])  # over our limit, over Pillow's
def test_refuses_too_many_pixels_before_it_decodes_them(tmp_path, size):
    path = saved(Image.new("L", (1, 1)), tmp_path / "a.png")
    data = bytearray(path.read_bytes())
    data[16:24] = struct.pack(">II", *size)  # width and height in the header
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"a\.png.*(64 megapixels|exceeds limit)"):
        read_image(path)


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"no picture at all"])
def test_broken_files_are_named(tmp_path, content):
    path = tmp_path / "broken.png"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"Cannot read image .*broken\.png"):
        read_image(path)


def test_truncated_file_is_broken(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    path = saved(Image.fromarray(noise), tmp_path / "a.png")
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ValueError, match="truncated"):
        read_image(path)


def test_grey_to_rgb_and_back_is_exact():
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    rgb = to_channels(grey, 3)
    np.testing.assert_array_equal(rgb, np.repeat(grey, 3, axis=-1))
    np.testing.assert_array_equal(to_channels(rgb, 1), grey)


def test_rgb_to_grey_weighs_the_colours():
    colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)
    assert to_channels(colours, 1)[0, :, 0].numpy().tolist() == [76, 149, 29]


def test_channels_of_batches_with_alpha():
    batch = np.arange(2 * 3 * 4 * 4, dtype=np.uint8).reshape(2, 3, 4, 4)
    np.testing.assert_array_equal(to_channels(batch, 3), batch[..., :3])


def test_channels_that_are_not_known_in_advance():
    @tf.function(input_signature=[tf.TensorSpec([None, None, None], tf.uint8)])
    def to_rgb(image):
        return to_channels(image, 3)

    assert to_rgb.get_concrete_function().output_shapes.as_list() == [None, None, 3]
    assert to_rgb(np.full((2, 2, 1), 9, np.uint8)).numpy().tolist() == [[[9] * 3] * 2] * 2


@pytest.mark.parametrize(("shape", "channels"), [((4, 4, 3), 2), ((4, 4, 2), 3)])
def test_other_channels_are_refused(shape, channels):
    with pytest.raises(ValueError, match=r"channels must be|must have 1, 3 or 4 channels"):
        to_channels(np.zeros(shape, np.uint8), channels)


@pytest.mark.parametrize(
    ("shape", "size", "expected"),
    [
        ((30, 80), (64, 64), (30, 30)),
        ((80, 30), (64, 64), (30, 30)),
        ((30, 80), (48, 64), (30, 40)),
        ((31, 31), (10, 20), (16, 31)),
        ((1, 100), (100, 1), (1, 1)),
        ((48, 64), (24, 32), (48, 64)),
    ],
)
def test_crops_the_middle_to_an_aspect_ratio(shape, size, expected):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    top, left = ((s - e) // 2 for s, e in zip(shape, expected, strict=True))
    middle = image[top : top + expected[0], left : left + expected[1]]
    np.testing.assert_array_equal(crop_to_aspect(image, size), middle)
    unknown = tf.function(input_signature=[tf.TensorSpec([None] * 4, tf.uint8)])(
        lambda images: crop_to_aspect(images, size)
    )
    np.testing.assert_array_equal(unknown(image[None])[0], middle)


def test_resize_is_antialiased_bilinear_rounded(images):
    expected = tf.image.resize(images, (3, 5), method="bilinear", antialias=True)
    resized = resize(images, (3, 5))
    assert resized.dtype == tf.uint8
    np.testing.assert_array_equal(resized, np.rint(expected))
    np.testing.assert_array_equal(resize(images[2], (3, 5)), resized[2])


def test_resize_averages_a_chessboard():
    board = (np.indices((8, 8)).sum(axis=0)[..., None] % 2 * 255).astype(np.uint8)
    middle = resize(board, (2, 2)).numpy()
    assert np.abs(middle.astype(int) - 128).max() <= 4  # without antialiasing: 0, 128 or 255


def test_resize_stays_within_the_range():
    white = np.full((5, 7, 1), 255, np.uint8)
    assert np.unique(resize(white, (32, 32))).tolist() == [255]


def test_resize_leaves_the_right_size_alone(images):
    tensor = tf.constant(images)
    assert resize(tensor, (8, 8)) is tensor


def test_floats_are_refused(images):
    with pytest.raises(ValueError, match=r"must be uint8.*Received: dtype=float32"):
        resize(images.astype("float32") / 255, (4, 4))


def test_decodes_bytes_as_it_reads_files(tmp_path):
    path = saved(Image.new("LA", (3, 2), (100, 51)), tmp_path / "a.png")
    np.testing.assert_array_equal(decode_image(path.read_bytes(), "a"), read_image(path))
    for content in (b"", b"text", path.read_bytes()[:40]):
        with pytest.raises(ValueError, match="Cannot read image 'shelf 7'") as error:
            decode_image(content, "shelf 7")
        assert "BytesIO" not in str(error.value)

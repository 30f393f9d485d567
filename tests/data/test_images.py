import os
import struct
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from gon_tf import pictures
from gon_tf.data import crop_to_aspect, images, read_image, resize, to_channels
from gon_tf.data.images import decode_image

ORIENTATION = 0x0112
NOISE = np.random.default_rng(0).integers(0, 256, (24, 36, 3), np.uint8)


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
        ("LA", (0, 0), [255]),
        ("LA", (100, 51), [224]),
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


@pytest.mark.parametrize("orientation", range(10))
def test_photographs_are_turned_upright(tmp_path, orientation):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    path = saved(Image.fromarray(NOISE), tmp_path / "a.png", exif=exif)
    with Image.open(path) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    np.testing.assert_array_equal(read_image(path), expected)


def exif_block(*entries):
    """EXIF of tags (number, type, count, 4 bytes of value), orientation 6 among them."""
    entries = sorted([*entries, (ORIENTATION, 3, 1, struct.pack("<HH", 6, 0))])
    body = b"".join(struct.pack("<HHI", *entry[:3]) + entry[3] for entry in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + body + bytes(64)


@pytest.mark.filterwarnings("ignore:Tag data larger than file")
@pytest.mark.parametrize(
    "entry",
    [
        (0x128, 1, 1, b"\2\0\0\0"),  # a unit that is a byte
        (0x128, 4, 1, b"\xff\xff\xff\xff"),
        (0x10E, 5, 1, struct.pack("<I", 40)),  # a description that is a ratio, 0 / 0
        (0x11A, 2, 4, b"300\0"),
        (0x11A, 6, 1, b"\xff\0\0\0"),
        (0x2BC, 11, 1, b"\0\0\x80?"),  # XMP that is a float
        (0x9999, 99, 1, bytes(4)),  # a type that there is not
        (0x10F, 2, 2**31, bytes(4)),  # a text that ends beyond the file
    ],
)
def test_a_photograph_with_an_odd_tag_is_turned_upright(tmp_path, entry):
    assert read_image(photograph(tmp_path / "a.jpg", entry)).shape == (36, 24, 3)


@pytest.mark.parametrize("text", [b"\0\0\0\0", b""])
def test_a_photograph_whose_resolution_pillow_stumbles_over(tmp_path, text):
    entries = (0x11A, 2, len(text[:1]), text.ljust(4, b"\0")), (0x128, 3, 1, b"\2\0\0\0")
    path = photograph(tmp_path / "a.jpg", *entries)
    assert read_image(path).shape == decode_image(path.read_bytes(), "a").shape == (36, 24, 3)
    pictures.Picture(path).check()


def photograph(path, *entries):
    """The JPEG file of `NOISE` with these EXIF entries and an orientation."""
    saved(Image.fromarray(NOISE), path)
    data, block = path.read_bytes(), b"Exif\0\0" + exif_block(*entries)
    marker = b"\xff\xe1" + struct.pack(">H", len(block) + 2)
    path.write_bytes(data[:2] + marker + block + data[2:])
    return path


@pytest.mark.parametrize("kind", ["png", "webp", "jpg"])
def test_exif_that_cannot_be_read_is_ignored(tmp_path, kind):
    text = exif_block().replace(struct.pack("<HHI", ORIENTATION, 3, 1), b"\x12\x01\2\0\2\0\0\0")
    for block in (b"", b"garbage", exif_block()[:20], b"II*\0" + bytes(40), text):
        path = saved(Image.fromarray(NOISE), tmp_path / f"a.{kind}", exif=block)
        assert read_image(path).shape == NOISE.shape


def test_profile_that_is_no_hexadecimal_number(tmp_path):
    data = saved(Image.fromarray(NOISE), tmp_path / "a.png").read_bytes()
    text = b"zTXtRaw profile type exif\0\0" + zlib.compress(b"\nexif\n  4\nzzzz\n")
    chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    np.testing.assert_array_equal(decode_image(data[:33] + chunk + data[33:], "a"), NOISE)


@pytest.mark.parametrize(("alpha", "pixel"), [(0, [30, 20, 10]), (51, [210, 208, 206])])
def test_a_bmp_with_empty_alpha_is_not_transparent(tmp_path, alpha, pixel):
    masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    header = struct.pack("<IiiHHIIiiII", 124, 2, 1, 1, 32, 3, 8, 0, 0, 0, 0) + masks
    header += bytes(124 - len(header))
    file = struct.pack("<2sIHHI", b"BM", 146, 0, 0, 138) + header
    path = tmp_path / "a.bmp"
    path.write_bytes(file + bytes([10, 20, 30, alpha] * 2))
    assert read_image(path).tolist() == [[pixel] * 2]


def claiming(path, width, height):
    """A small PNG whose header names another size."""
    data = bytearray(saved(Image.new("L", (1, 1)), path).read_bytes())
    data[16:24] = struct.pack(">II", width, height)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ((8001, 8000), "over 64 megapixels"),
        ((14000, 14000), "exceeds limit"),  # over Pillow's
        ((20_001, 1), "20001 x 1 pixels: a side is over 20,000"),
        ((1, 3_000_000), "1 x 3000000 pixels: a side is over 20,000"),
        ((60_000_000, 1), "a side is over 20,000"),
    ],
)
def test_refuses_what_is_too_large_before_it_is_decoded(tmp_path, size, message):
    with pytest.raises(ValueError, match=rf"a\.png.*{message}"):
        read_image(claiming(tmp_path / "a.png", *size))


def test_reads_the_longest_picture(tmp_path):
    assert read_image(saved(Image.new("L", (20_000, 1), 9), tmp_path / "a.png")).max() == 9


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "1", "I;16", "P"])
def test_strips_of_a_picture_make_the_whole(tmp_path, monkeypatch, mode):
    grey = Image.fromarray(np.uint16(NOISE[..., 0]) * 200)
    image = grey if mode == "I;16" else Image.fromarray(NOISE).convert(mode)
    if "A" in mode:
        image.putalpha(Image.fromarray(NOISE[..., 1]))
    path = saved(image, tmp_path / "a.png")
    whole = read_image(path)
    monkeypatch.setattr(images, "LARGE", 1)
    for pixels in (1, 36 * 5, 36 * 24 - 1):
        monkeypatch.setattr(images, "STRIP", pixels)
        np.testing.assert_array_equal(read_image(path), whole)


@pytest.mark.parametrize("kind", ["png", "jpg"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_large_picture_is_reduced_to_what_it_is_wanted_for(
    tmp_path, monkeypatch, kind, orientation
):
    rows, columns = np.indices((203, 401))
    waves = np.uint8(127 + 60 * np.sin(rows / 30) + 60 * np.cos(columns / 50))
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    path = saved(Image.fromarray(waves), tmp_path / f"a.{kind}", exif=exif)
    size = (16, 12)
    whole = read_image(path, size)
    assert whole.size == waves.size
    monkeypatch.setattr(images, "LARGE", 1000)
    monkeypatch.setattr(images, "STRIP", 5000)
    reduced = read_image(path, size)
    assert reduced.size < whole.size / 10
    assert all(part >= 2 * wanted for part, wanted in zip(reduced.shape, size, strict=False))
    difference = np.int32(resize(reduced, size)) - np.int32(resize(whole, size))
    assert np.abs(difference).max() <= 3
    assert read_image(path).shape == whole.shape


def test_large_pictures_are_decoded_one_at_a_time(tmp_path, monkeypatch):
    path, inside, most = saved(Image.fromarray(NOISE), tmp_path / "a.png"), [], []

    def decode(*_):
        inside.append(threading.get_ident())
        most.append(len(inside))
        time.sleep(0.02)
        inside.pop()
        return Image.fromarray(NOISE)

    monkeypatch.setattr(images, "_loaded", decode)
    for large, expected in ((10, {1}), (10**6, {1, 2})):
        monkeypatch.setattr(images, "LARGE", large)
        most.clear()
        with ThreadPoolExecutor(2) as threads:
            list(threads.map(read_image, [path] * 8))
        assert set(most) == expected


def test_a_pipe_is_refused(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"a\.png': it is no regular file"):
        read_image(tmp_path / "a.png")


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

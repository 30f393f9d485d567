import io
import os
import zipfile

import numpy as np
import pytest

from gon_tf.data import open_images, open_source

GREY = np.arange(7 * 4 * 5, dtype=np.uint8).reshape(7, 4, 5)
COLOUR = np.arange(7 * 4 * 5 * 3, dtype=np.uint16).reshape(7, 4, 5, 3).astype(np.uint8)


def saved(path, array=GREY, **arrays):
    """The path of a new file with the array, or with several in a .npz."""
    if path.suffix == ".npy":
        np.save(path, array)
    else:
        np.savez_compressed(path, **(arrays or {"images": array}))
    return str(path)


def images(name, shard=(0, 1)):
    source = open_source(name, shard=shard)
    pixels = np.stack(list(source.images.as_numpy_iterator()))
    assert source.count == len(source.images) == len(pixels)
    return pixels


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (GREY, GREY[..., None]),
        (COLOUR, COLOUR),
        (GREY.astype(np.int64), GREY[..., None]),
        (np.float32(COLOUR) / 255, COLOUR),
        (np.float64(COLOUR) / 255, COLOUR),
        (np.float16([[[0, 0.5, 1, 0.999, 0.25]]]), [[[[0], [128], [255], [255], [64]]]]),
        (GREY > 70, (GREY > 70)[..., None] * 255),
    ],
)
def test_types_and_ranks(tmp_path, suffix, array, expected):
    pixels = images(saved(tmp_path / f"a{suffix}", array))
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, expected)


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_shards_over_several_pieces(tmp_path, suffix, monkeypatch):
    monkeypatch.setattr("gon_tf.data.kinds.arrays.CHUNK_BYTES", 3 * 20)  # three images
    name = saved(tmp_path / f"a{suffix}")
    for shard in ((0, 1), (0, 2), (1, 2), (2, 5), (6, 7)):
        index, count = shard
        np.testing.assert_array_equal(images(name, shard), GREY[index::count, ..., None])


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_fortran_order(tmp_path, suffix):
    name = saved(tmp_path / f"a{suffix}", np.asfortranarray(COLOUR))
    np.testing.assert_array_equal(images(name), COLOUR)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_white_that_resizing_left_a_little_brighter_is_white(tmp_path, dtype):
    array = np.full([2, 4, 5], np.nextafter(dtype(1), dtype(2)), dtype)
    array[1] = -np.finfo(dtype).eps / 2
    assert np.unique(images(saved(tmp_path / "a.npy", array))).tolist() == [0, 255]
    with pytest.raises(ValueError, match=r"floats of '.*' must be in 0\.\.1"):
        open_source(saved(tmp_path / "b.npy", np.full([2, 4, 5], 1.01, dtype)))


def test_a_npz_names_its_array(tmp_path):
    name = saved(tmp_path / "a.npz", x_train=GREY, images=GREY[:2], labels=np.arange(7))
    assert len(images(name)) == 2
    assert len(images(f"{name}:x_train")) == 7
    assert open_source(f"{name}:x_train").description == {"file": "a.npz", "array": "x_train"}
    only = saved(tmp_path / "b.npz", x_train=GREY)
    assert len(images(only)) == 7


def test_a_npy_of_the_right_shape_is_used_where_it_is(tmp_path):
    name = saved(tmp_path / "a.npy", COLOUR)
    kept = open_images(name, (4, 5, 3), shard=(1, 2))
    assert isinstance(kept.pixels, np.memmap)
    np.testing.assert_array_equal(np.concatenate(list(kept.batches(2))), COLOUR[1::2])
    assert not isinstance(open_images(name, (4, 5, 1)).pixels, np.memmap)


def objects():
    return np.array([{"a": 1}, None], dtype=object)


@pytest.mark.parametrize(
    ("file", "arrays", "message"),
    [
        ("a.npy", {"a": np.zeros([4, 5])}, r"must have the shape .* Received: shape=\(4, 5\)"),
        ("a.npy", {"a": np.zeros([40, 50, 3])}, r"must have the shape .* shape=\(40, 50, 3\)"),
        ("a.npz", {"a": np.zeros([2, 4, 5, 2])}, r"1, 3 or 4 channels\]\. Received: shape="),
        ("a.npy", {"a": np.zeros([0, 4, 5])}, r"has no images. Received: shape=\(0, 4, 5\)"),
        ("a.npy", {"a": np.zeros([2, 4, 5], complex)}, "must be uint8, .* dtype=complex128"),
        ("a.npy", {"a": GREY * 2.0}, r"floats of '.*' must be in 0\.\.1.* 0 to 278 \(float64\)"),
        ("a.npz", {"a": np.full([2, 4, 5], np.nan)}, "floats of '.*' must be in .* nan to nan"),
        ("a.npz", {"a": GREY - np.int64(1)}, r"integers of '.*' must be in 0\.\.255.* -1 to 138"),
        ("a.npy", {"a": GREY + np.uint16(200)}, r"integers of '.*' must be in 0\.\.255.* to 339"),
        ("a.npy", {"a": objects()}, r"Cannot read the array '.*a\.npy'.*[Pp]ython objects"),
        ("a.npz", {"a": objects()}, "holds Python objects, which are never unpickled"),
        ("a.npz", {"a": GREY, "b": GREY}, r"several arrays and none called 'images'; .* a, b;"),
    ],
)
def test_arrays_that_are_wrong(tmp_path, file, arrays, message):
    name = saved(tmp_path / file, arrays["a"], **arrays)
    with pytest.raises(ValueError, match=message) as error:
        open_source(name)
    assert "\n" not in str(error.value)


def test_keys_that_are_wrong(tmp_path):
    packed, plain = saved(tmp_path / "a.npz"), saved(tmp_path / "a.npy")
    with pytest.raises(ValueError, match=r"no array 'x'; there is: images; name one as in"):
        open_source(f"{packed}:x")
    with pytest.raises(ValueError, match="a .npy file has one array; leave out ':x'"):
        open_source(f"{plain}:x")


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no file '.*a\.npz'\."):
        open_source(str(tmp_path / "a.npz:x"))


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
@pytest.mark.parametrize("content", [b"", b"hello", None])
def test_damaged_files(tmp_path, suffix, content):
    path = tmp_path / f"a{suffix}"
    saved(path, np.random.default_rng(0).random([20, 8, 8]))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if content is None else content)
    with pytest.raises(ValueError, match=r"Cannot read the array '.*a\.np") as error:
        open_source(str(path))
    assert "\n" not in str(error.value)


def test_damage_within_is_found_when_it_is_read(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, images=np.zeros([20, 8, 8], np.uint8))
    path.write_bytes(path.read_bytes().replace(bytes(100), bytes(99) + b"\x01", 1))
    with pytest.raises(ValueError, match=r"Cannot read the array '.*a\.npz': Bad CRC-32"):
        open_images(str(path), (8, 8, 1))


def array_file(shape, content=bytes(50), descr="|u1"):
    """A `.npy` file with a header that says so, and any content."""
    header = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + content


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ("(9, 8, 8)", r"names the shape \(9, 8, 8\) of uint8, but the file has \d+ bytes"),
        ("(9, 2000000000, 2000000000)", "but the file has"),
        ("(-1, 4, 5)", r"names the shape \(-1, 4, 5\)"),
        ("(-5, -2, 5)", r"names the shape \(-5, -2, 5\)"),
        ("(True, 4, 5)", "Cannot read the array"),
        ("(1.5, 4)", "Cannot read the array"),
        ("(9, 4, 5", "Cannot read the array"),
        ("(" * 300 + ")" * 300, "Cannot read the array"),
        ("(" + "1," * 6000 + ")", "Cannot read the array"),
        ("()", "must have the shape"),
    ],
)
def test_headers_that_lie(tmp_path, suffix, shape, message):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(array_file(shape))
    if suffix == ".npz":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("images.npy", array_file(shape))
    with pytest.raises(ValueError, match=message) as error:
        open_images(str(path), (8, 8, 1))
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)


def test_images_that_are_too_large(tmp_path):
    for shape, message in (((1, 9000, 8000), "64 megapixels"), ((1, 1, 30_000), "a side is over")):
        path = tmp_path / "a.npy"
        with path.open("wb") as file:
            file.write(array_file(shape, b""))
            file.truncate(10**8)
        with pytest.raises(ValueError, match=f"are too large: .*{message}"):
            open_source(str(path))


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr("gon_tf.data.kinds.arrays.MAX_BYTES", 10**6)
    name = saved(tmp_path / "a.npz", np.zeros([101, 100, 100], np.uint8))
    with pytest.raises(ValueError, match=r"unpacks to 1,010,000 bytes; save more .* a \.npy file"):
        open_source(name)
    assert open_source(saved(tmp_path / "a.npy", np.zeros([101, 100, 100], np.uint8))).count == 101
    content = io.BytesIO()  # and one whose header does not tell
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images.npy", array_file("(5, 4, 5)", bytes(10**7)))
    (tmp_path / "b.npz").write_bytes(content.getvalue())
    assert len(images(str(tmp_path / "b.npz"))) == 5


def test_a_pipe_is_no_array(tmp_path):
    os.mkfifo(tmp_path / "a.npy")
    with pytest.raises(FileNotFoundError, match="There is no file"):
        open_source(str(tmp_path / "a.npy"))

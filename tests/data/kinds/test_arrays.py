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


def test_fortran_order_of_a_npy(tmp_path):
    np.testing.assert_array_equal(
        images(saved(tmp_path / "a.npy", np.asfortranarray(COLOUR))), COLOUR
    )


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
        ("a.npz", {"a": np.asfortranarray(COLOUR)}, "Fortran order; save numpy.ascontiguous"),
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


def test_a_header_that_claims_too_much(tmp_path):
    path = tmp_path / "a.npz"
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (9, %d, 8000), }"
    for rows, message in ((9000, "over 64 megapixels"), (8000, "truncated")):
        text = (header % rows).ljust(117) + b"\n"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("images.npy", b"\x93NUMPY\x01\x00\x76\x00" + text + bytes(50))
        with pytest.raises(ValueError, match=message):
            open_images(str(path), (8, 8, 1))

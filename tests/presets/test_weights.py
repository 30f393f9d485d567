"""What HDF5 can do beside holding arrays is refused before anything is read."""

from pathlib import Path

import h5py
import numpy as np
import pytest

import gon_tf
from gon_tf.presets import weights


@pytest.fixture
def file(tmp_path):
    """A weights file, open to be altered."""
    path = tmp_path / "model.weights.h5"
    gon_tf.GON(gon_tf.ConvDecoder((8, 8, 1), 3, filters=2)).save_weights(path)
    with h5py.File(path, "r+") as file:
        yield file


def refused(file, message):
    with pytest.raises(ValueError, match=message):
        weights.check(closed(file))


def closed(file):
    """The path of a file that is finished."""
    path = Path(file.filename)
    file.close()
    return path


def replace(file, **options):
    """Another array in the place of the latents' mean."""
    del file["vars/1"]
    return file["vars"].create_dataset("1", **options)


def test_what_keras_writes_is_accepted(file):
    shapes = weights.check(closed(file))
    assert (1, 3, 3) in shapes
    assert () in shapes


def test_soft_link(file):
    file["vars/9"] = h5py.SoftLink("/vars/1")
    refused(file, "/vars/9 is a link")


def test_external_link(file, tmp_path):
    file["decoder/other"] = h5py.ExternalLink("/etc/passwd", "/")
    refused(file, "/decoder/other is a link")


def test_circle_of_groups(file):
    file["vars/again"] = file["/"]
    refused(file, "more than 10,000 objects or 50 levels")


def test_external_storage(file, tmp_path):
    (tmp_path / "secret").write_bytes(bytes(12))
    replace(file, shape=(1, 3), dtype="f4", external=[(str(tmp_path / "secret"), 0, 12)])
    refused(file, "/vars/1 takes its numbers from another file")


def test_virtual_array(file, tmp_path):
    layout = h5py.VirtualLayout((1, 3), "f4")
    layout[:] = h5py.VirtualSource(str(tmp_path / "secret.h5"), "x", (1, 3))
    del file["vars/1"]
    file["vars"].create_virtual_dataset("1", layout)
    refused(file, "/vars/1 takes its numbers from another file")


def test_filter(file):
    replace(file, data=np.zeros((1, 3), "f4"), compression="gzip")
    refused(file, "/vars/1 is compressed or in pieces")


def test_huge_array_that_is_not_there(file):
    replace(file, shape=(2**40,), dtype="f4")
    refused(file, "/vars/1 claims more numbers than the file has")


def test_huge_array_in_pieces(file):
    replace(file, shape=(2**40,), dtype="f4", chunks=(1024,))
    refused(file, "/vars/1 is compressed or in pieces")


@pytest.mark.parametrize("data", [b"text", np.array([b"a"], object), np.zeros(2, "f4,i4")])
def test_what_is_no_number(file, data):
    dtype = h5py.string_dtype() if np.asarray(data).dtype.kind == "O" else None
    replace(file, data=data, dtype=dtype)
    refused(file, "/vars/1 is not an array of numbers")


def test_named_type(file):
    file["vars/type"] = np.dtype("f4")
    refused(file, "/vars/type is not an array")


def test_arrays_that_share_their_numbers(file):
    array = replace(file, data=np.zeros(5000, "f4"))
    for number in range(20):
        file[f"vars/same{number}"] = array
    refused(file, "share their numbers")


def test_room_for_a_model_of_that_size_only():
    stored = [(100, 100)]
    with weights.room_for(stored):
        gon_tf.ConvDecoder((8, 8, 1), 3, filters=2)
    with pytest.raises(ValueError, match="larger model"), weights.room_for(stored):
        gon_tf.ConvDecoder((8, 8, 1), 3, filters=4096)

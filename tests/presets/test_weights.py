"""What HDF5 can do beside holding arrays is refused before it has an effect."""

import os
from pathlib import Path

import h5py
import numpy as np
import pytest

import gon_tf
from gon_tf.presets import weights


def model():
    return gon_tf.GON(gon_tf.ConvDecoder((8, 8, 1), 3, filters=2), components=1)


@pytest.fixture
def file(tmp_path):
    """A weights file, open to be altered."""
    path = tmp_path / "model.weights.h5"
    model().save_weights(path)
    with h5py.File(path, "r+") as file:
        yield file


def closed(file):
    """The content of a file that is finished."""
    path = Path(file.filename)
    file.close()
    return path.read_bytes()


def load(content):
    """What `gon_tf.load` does with the content of a weights file."""
    with weights.room_for(weights.check(content, "here")):
        built = model()
    weights.load(built, content, "here")


def refused(file, message):
    with pytest.raises(ValueError, match=r"here does not hold the weights of the model") as caught:
        load(closed(file))
    assert message in str(caught.value.__cause__)


def replace(file, **options):
    """Another array in the place of the latents' mean."""
    del file["vars/1"]
    return file["vars"].create_dataset("1", **options)


def test_what_keras_writes_is_accepted(file):
    shapes = weights.check(closed(file), "here")
    assert (1, 3, 3) in shapes
    assert () in shapes


def test_soft_link(file):
    file["vars/9"] = h5py.SoftLink("/vars/1")
    refused(file, "/vars/9 is a link")


def test_external_link(file, tmp_path):
    """Keras would follow it on the way to what lies behind, and wait for a pipe without end."""
    os.mkfifo(tmp_path / "pipe")
    del file["decoder"]
    file["decoder"] = h5py.ExternalLink(str(tmp_path / "pipe"), "/")
    refused(file, "/decoder is a link")


def test_circles_and_named_types_are_looked_at_once(file):
    file["decoder/again"] = file["/"]
    file["type"] = np.dtype("f4")
    load(closed(file))


def test_groups_without_end(file):
    group = file
    for _ in range(60):
        group = group.create_group("a")
    refused(file, "over 10,000 arrays or 50 levels")


def test_external_storage_is_refused_by_keras(file, tmp_path):
    (tmp_path / "secret").write_bytes(bytes(12))
    replace(file, shape=(1, 3), dtype="f4", external=[(str(tmp_path / "secret"), 0, 12)])
    refused(file, "external Dataset")


def test_virtual_array_is_refused_by_keras(file, tmp_path):
    layout = h5py.VirtualLayout((1, 3), "f4")
    layout[:] = h5py.VirtualSource(str(tmp_path / "secret.h5"), "x", (1, 3))
    del file["vars/1"]
    file["vars"].create_virtual_dataset("1", layout)
    refused(file, "virtual Dataset")


def test_compressed_zeros(file):
    """Keras would take 4 GiB of them."""
    replace(file, shape=(2**28,), dtype="f4", chunks=(2**20,), compression="gzip")
    refused(file, "claims more numbers than the file has")


@pytest.mark.parametrize("options", [{}, {"chunks": (1024,)}])
def test_huge_array_that_is_not_there(file, options):
    replace(file, shape=(2**40,), dtype="f4", **options)
    refused(file, "claims more numbers than the file has")


@pytest.mark.parametrize("data", [b"text", np.array([b"a"], object), np.zeros(2, "f4,i4")])
def test_what_is_no_number(file, data):
    dtype = h5py.string_dtype() if np.asarray(data).dtype.kind == "O" else None
    replace(file, data=data, dtype=dtype)
    refused(file, "/vars/1 is not an array of numbers")


def test_array_without_a_shape(file):
    replace(file, data=h5py.Empty("f4"))
    refused(file, "/vars/1 is not an array of numbers")


def test_arrays_that_share_their_numbers_count_once(file):
    array = replace(file, data=np.zeros((1, 3), "f4"))
    before = len(weights.check(Path(file.filename).read_bytes(), "here"))
    for number in range(20):
        file[f"vars/same{number}"] = array
    assert len(weights.check(closed(file), "here")) == before


def test_room_for_a_model_of_that_size_only():
    stored = [(100, 100)]
    with weights.room_for(stored):
        gon_tf.ConvDecoder((8, 8, 1), 3, filters=2)
    with pytest.raises(ValueError, match="larger model"), weights.room_for(stored):
        gon_tf.ConvDecoder((8, 8, 1), 3, filters=4096)

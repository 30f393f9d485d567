import zipfile

import numpy as np
import pytest

import gon_tf
from gon_tf import latent_files
from gon_tf.latent_files import Latents


@pytest.fixture
def content():
    latents = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    return Latents(latents, np.array([5, 7, 9]), np.array(["a.png", "ü.png", ""]), "abc")


def test_round_trip(tmp_path, content):
    path = tmp_path / "latents"
    latent_files.write(path, content)
    found = latent_files.read(path, latent_dim=4)
    assert (found.latents == content.latents).all()
    assert found.numbers.tolist() == [5, 7, 9]
    assert found.names.tolist() == ["a.png", "ü.png", ""]
    assert found.model == "abc"


def test_no_images(tmp_path, content):
    latent_files.write(tmp_path / "latents", content[:0])
    assert len(latent_files.read(tmp_path / "latents", latent_dim=4)) == 0


def test_a_cut_file_is_damaged(tmp_path, content):
    path = tmp_path / "latents"
    latent_files.write(path, content)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match="not a .npz file"):
        latent_files.read(path, latent_dim=4)


def test_latents_alone_will_do(tmp_path):
    np.savez(tmp_path / "a.npz", latents=np.ones((2, 4)))
    found = latent_files.read(tmp_path / "a.npz", latent_dim=4)
    assert found.latents.dtype == np.float32
    assert (found.numbers.tolist(), found.names.tolist(), found.model) == ([0, 1], ["", ""], "")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"z": np.ones((2, 4))}, "no array 'latents'"),
        ({"latents": np.ones((2, 5))}, r"\[images, 4\].*Received: float64 of the shape \(2, 5\)"),
        ({"latents": np.ones((2, 2, 4))}, r"Received: .*\(2, 2, 4\)"),
        ({"latents": np.ones((2, 4), int)}, "Received: int64"),
        ({"latents": np.array([[0, 1, 2, np.nan]])}, "must be finite"),
        ({"latents": np.array([[None] * 4])}, "not a .npz file of plain arrays"),
        ({"latents": np.ones((2, 4)), "names": np.array(["a"])}, "do not fit"),
        ({"latents": np.ones((2, 4)), "names": np.array([1, 2])}, "do not fit"),
        ({"latents": np.ones((2, 4)), "numbers": np.array([0.5, 1])}, "do not fit"),
        ({"latents": np.ones((2, 4)), "model": np.array(["a"])}, "do not fit"),
    ],
)
def test_files_from_outside(tmp_path, arrays, message):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(ValueError, match=message):
        latent_files.read(tmp_path / "a.npz", latent_dim=4)


@pytest.mark.parametrize("shape", ["(10000000000000, 4)", "(-1, 4)", "(-2, -2)", "(10, 4)"])
def test_a_header_that_lies(tmp_path, shape):
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("latents.npy", b"\x93NUMPY\x01\x00\x76\x00" + header.encode())
    with pytest.raises(ValueError, match="not a .npz file of plain arrays"):
        latent_files.read(tmp_path / "a.npz", latent_dim=4)


@pytest.mark.parametrize("array", ["latents", "names"])
def test_a_small_file_does_not_unpack_to_a_large_one(tmp_path, array, monkeypatch):
    arrays = {"latents": np.zeros((2, 4)), "names": np.zeros(2, "U9")}
    arrays[array] = np.zeros((2**20, 4)) if array == "latents" else np.zeros(2, f"U{2**21 + 1}")
    np.savez_compressed(tmp_path / "a.npz", **arrays)
    monkeypatch.setattr(np, "load", lambda *a, **k: pytest.fail("unpacked"))
    with pytest.raises(ValueError, match="unpack to .* too many to be latents"):
        latent_files.read(tmp_path / "a.npz", latent_dim=4)


def test_what_is_not_read_may_be_large(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", latents=np.zeros((2, 4)), images=np.zeros(2**22))
    assert len(latent_files.read(tmp_path / "a.npz", latent_dim=4)) == 2


def test_a_fingerprint_is_of_what_the_model_computes(tmp_path, images):
    model = gon_tf.GON(gon_tf.ConvDecoder((8, 8, 1), latent_dim=4, filters=2))
    first = latent_files.fingerprint(model)
    model.fit_latents(images)
    model.save_to_preset(tmp_path / "model")
    assert latent_files.fingerprint(gon_tf.load(tmp_path / "model")) == first
    model.trainable_weights[0].assign_add(model.trainable_weights[0] + 1)
    assert latent_files.fingerprint(model) != first

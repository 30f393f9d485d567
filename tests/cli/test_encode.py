import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import gon_tf
from gon_tf import latent_files


@pytest.fixture
def expected(grey_model, pictures):
    """Latents of the twelve pictures."""
    files = sorted(pictures.iterdir())
    images = np.stack([np.asarray(Image.open(file)) for file in files])[..., None]
    return gon_tf.load(grey_model).encode(images)


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def all_latents(folder, pattern="*.npz"):
    """Numbers and latents in all files of a folder, in the order of the numbers."""
    found = [latent_files.read(path, latent_dim=4) for path in folder.glob(pattern)]
    order = np.argsort(np.concatenate([part.numbers for part in found]))
    join = [np.concatenate([getattr(p, a) for p in found])[order] for a in ("numbers", "latents")]
    return join[0].tolist(), join[1]


def test_pictures_to_one_file(run, grey_model, pictures, tmp_path, expected):
    result = run("encode", grey_model, pictures / "03.png", pictures, "-o", "a.npz", "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout) == {
        "model": str(grey_model),
        "images": 13,
        "latent_dim": 4,
        "output": "a.npz",
    }
    with np.load(tmp_path / "a.npz", allow_pickle=False) as file:
        assert file["latents"].dtype == np.float32
        close(file["latents"], expected[[3, *range(12)]])
        assert file["names"][:2].tolist() == [str(pictures / "03.png"), str(pictures / "00.png")]
        assert file["numbers"].tolist() == list(range(13))
        assert str(file["model"]) == latent_files.fingerprint(gon_tf.load(grey_model))


def test_a_picture_from_stdin(run, grey_model, pictures, tmp_path, expected):
    data = (pictures / "03.png").read_bytes()
    result = run("encode", grey_model, "-", pictures / "04.png", "-o", "a.npz", stdin=data)
    assert result.exit_code == 0, result.stderr
    content = latent_files.read(tmp_path / "a.npz", latent_dim=4)
    close(content.latents, expected[3:5])
    assert content.names.tolist() == ["stdin", str(pictures / "04.png")]
    assert run("decode", grey_model, "a.npz", "-o", "out").stdout == "out/stdin.png\nout/04.png\n"


@pytest.mark.filterwarnings("default:Passed over")
def test_fit(run, grey_model, tmp_path):
    picture = np.random.default_rng(3).integers(0, 256, (8, 12), dtype=np.uint8)
    Image.fromarray(picture).save(tmp_path / "wide.png")
    result = run("encode", grey_model, "wide.png", "--fit", "crop", "-o", "a.npz")
    assert result.exit_code == 0, result.stderr
    expected = gon_tf.load(grey_model).encode(picture[None, :, 2:10, None])
    close(latent_files.read(tmp_path / "a.npz", latent_dim=4).latents, expected)
    arguments = ["encode", grey_model, "./", "-o", "out"]
    assert run(*arguments, "--fit", "crop").exit_code == 0
    assert "another" in run(*arguments, "--fit", "pad").stderr


def test_a_data_set(run, grey_model, tmp_path):
    images = np.random.default_rng(2).integers(0, 256, (7, 8, 8, 1), dtype=np.uint8)
    np.save(tmp_path / "toys.npy", images)
    result = run("encode", grey_model, "toys.npy", "-o", "one.npz")
    assert result.exit_code == 0, result.stderr
    arguments = ["encode", grey_model, "toys.npy", "-o", "out", "--shard-size", "2"]
    for machine in ("1/2", "2/2"):
        result = run(*arguments, "--shard", machine)
        assert result.exit_code == 0, result.stderr
    (tmp_path / "out" / "latents-2of2-00001.npz").unlink()
    assert run(*arguments, "--shard", "2/2").exit_code == 0
    latents = gon_tf.load(grey_model).encode(images)
    close(latent_files.read(tmp_path / "one.npz", latent_dim=4).latents, latents)
    assert sorted(path.name for path in (tmp_path / "out").glob("*.npz")) == [
        "latents-1of2-00000.npz",
        "latents-1of2-00001.npz",
        "latents-2of2-00000.npz",
        "latents-2of2-00001.npz",
    ]
    assert all_latents(tmp_path / "out", "latents-2*")[0] == [1, 3, 5]
    numbers, found = all_latents(tmp_path / "out")
    assert numbers == list(range(7))
    close(found, latents)


def test_shards_of_joined_data_sets(run, grey_model, tmp_path):
    images = np.random.default_rng(2).integers(0, 256, (7, 8, 8, 1), dtype=np.uint8)
    for name, part in {"a": images[:1], "b": images[1:4], "c": images[4:]}.items():
        np.save(tmp_path / f"{name}.npy", part)
    arguments = ["encode", grey_model, "a.npy,b.npy,c.npy", "-o", "out", "--shard-size", "2"]
    for machine in ("1/2", "2/2"):
        result = run(*arguments, "--shard", machine)
        assert result.exit_code == 0, result.stderr
    numbers, found = all_latents(tmp_path / "out")
    assert numbers == list(range(7))
    close(found, gon_tf.load(grey_model).encode(images))


@pytest.fixture
def records(tmp_path):
    """Pictures in four TFRecord files of 3, 1, 0 and 2 records, and all of them."""
    images = np.random.default_rng(2).integers(0, 256, (6, 8, 8, 1), dtype=np.uint8)
    for file, part in enumerate(np.split(images, [3, 4, 4])):
        with tf.io.TFRecordWriter(str(tmp_path / f"toys.tfrecord-{file}")) as writer:
            for image in part:
                writer.write(tf.io.encode_png(image).numpy())
    return images


@pytest.mark.parametrize(("machines", "shares"), [(2, ["012", "345"]), (4, ["04", "15", "2", "3"])])
def test_files_of_records_go_to_machines_as_a_whole(
    run, grey_model, tmp_path, records, machines, shares
):
    """If there are as many files as machines; otherwise records do."""
    arguments = ["encode", grey_model, "toys.tfrecord-*", "-o", "out", "--shard-size", "2"]
    for machine, share in enumerate(shares, start=1):
        for _ in range(2):  # as a whole, then without the first file
            result = run(*arguments, "--shard", f"{machine}/{machines}")
            assert result.exit_code == 0, result.stderr
            found = all_latents(tmp_path / "out", f"latents-{machine}*")[0]
            assert found == list(map(int, share))
            (tmp_path / "out" / f"latents-{machine}of{machines}-00000.npz").unlink()
        assert run(*arguments, "--shard", f"{machine}/{machines}").exit_code == 0
    numbers, latents = all_latents(tmp_path / "out")
    assert numbers == list(range(6))
    close(latents, gon_tf.load(grey_model).encode(records))


def test_nobody_reads_the_files_of_other_machines(run, grey_model, tmp_path, records):
    path = tmp_path / "toys.tfrecord-0"
    data = bytearray(path.read_bytes())
    data[-20] ^= 1  # within the last record: its checksum tells
    path.write_bytes(data)
    arguments = ["encode", grey_model, "toys.tfrecord-*", "-o", "out", "--shard"]
    assert run(*arguments, "2/2").exit_code == 0
    assert "corrupted record" in run(*arguments, "1/2").stderr
    # Mended, they are the files that the folder was begun with; of other content they are not.
    data[-20] ^= 1
    path.write_bytes(data)
    assert run(*arguments, "1/2").exit_code == 0
    with tf.io.TFRecordWriter(str(path)) as writer:
        for image in records[[1, 0, 2]]:
            writer.write(tf.io.encode_png(image).numpy())
    assert "are made with data=" in run(*arguments, "1/2").stderr


def test_an_array_that_has_grown_is_another_data_set(run, grey_model, tmp_path):
    for count in (3, 5):
        np.save(tmp_path / "toys.npy", np.zeros((count, 8, 8, 1), np.uint8))
        result = run("encode", grey_model, "toys.npy", "-o", "out")
    assert result.exit_code == 1
    assert "are made with data={'file': 'toys.npy', 'images': 3, 'content': " in result.stderr


@pytest.mark.filterwarnings("default:.*It is made again")
def test_an_interrupted_run_goes_on(run, grey_model, pictures, tmp_path, expected):
    arguments = ["encode", grey_model, pictures, "-o", "out", "--shard-size", "5", "--json"]
    assert json.loads(run(*arguments).stdout)["files"] == 3
    first, second, third = sorted((tmp_path / "out").glob("*.npz"))
    kept = first.stat().st_mtime_ns, third.stat().st_mtime_ns
    third.unlink()
    second.write_bytes(second.read_bytes()[:100])
    (tmp_path / "out" / ".latents-1of1-00002.npz-0123abcd.tmp").touch()

    result = run(*arguments)
    assert result.exit_code == 0, result.stderr
    answer = json.loads(result.stdout)
    assert (answer["files"], answer["kept_files"], answer["images"]) == (2, 1, 7)
    assert f"{second.name} is not a .npz file" in result.stderr
    assert "It is made again." in result.stderr
    assert first.stat().st_mtime_ns == kept[0]
    names = {"latents.json", first.name, second.name, third.name}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names
    numbers, found = all_latents(tmp_path / "out")
    assert numbers == list(range(12))
    close(found, expected)

    answer = json.loads(run(*arguments).stdout)
    assert (answer["files"], answer["kept_files"], answer["images"]) == (0, 3, 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--shard-size", "4"], "are made with shard_size=5, not 4"),
        (["--shard-size", "5", "--shard", "1/3"], "are made with machines=1, not 3"),
    ],
)
def test_other_options_are_refused(run, grey_model, pictures, tmp_path, change, message):
    run("encode", grey_model, pictures, "-o", "out", "--shard-size", "5")
    before = {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    result = run("encode", grey_model, pictures, "-o", "out", *change)
    assert result.exit_code == 1
    assert message in result.stderr
    assert before == {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}


def test_other_images_or_a_folder_of_something_else(run, grey_model, pictures, tmp_path):
    run("encode", grey_model, pictures, "-o", "out")
    (pictures / "00.png").unlink()
    result = run("encode", grey_model, pictures, "-o", "out")
    assert "are made with data={'files': 12" in result.stderr
    (tmp_path / "out" / "latents.json").write_text("[")
    result = run("encode", grey_model, pictures, "-o", "out")
    assert "latents.json is damaged" in result.stderr
    result = run("encode", grey_model, pictures, "-o", "pictures")
    assert "pictures holds other files" in result.stderr


@pytest.mark.filterwarnings("default:Cannot read")
def test_broken_pictures_are_left_out_of_a_folder(run, grey_model, pictures, tmp_path, expected):
    (pictures / "05.png").write_bytes(b"nothing")
    result = run("encode", grey_model, pictures, "-o", "out", "--shard-size", "5")
    assert result.exit_code == 0
    assert result.stderr.count("Warning: ") == 1
    assert "05.png" in result.stderr
    numbers, found = all_latents(tmp_path / "out")
    assert numbers == [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11]
    close(found, np.delete(expected, 5, axis=0))


@pytest.mark.filterwarnings("default:Cannot read")
def test_no_picture_that_can_be_read(run, grey_model, tmp_path):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "a.png").write_bytes(b"nothing")
    result = run("encode", grey_model, "broken", "-o", "out")
    assert result.exit_code == 1
    assert "There is no image that can be read for out/latents-1of1-00000.npz." in result.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["latents.json"]


@pytest.mark.parametrize("change", ["content", "name", "order"])
def test_pictures_that_were_replaced_are_other_pictures(run, grey_model, pictures, change):
    assert run("encode", grey_model, pictures, "-o", "out", "--shard-size", "5").exit_code == 0
    first, second = pictures / "00.png", pictures / "01.png"
    if change == "content":
        second.replace(first)
        first.with_name("01.png").write_bytes(first.read_bytes())
    elif change == "name":
        second.rename(pictures / "01b.png")
    else:
        first.rename(pictures / "x.png")
        second.rename(first)
        (pictures / "x.png").rename(second)
    result = run("encode", grey_model, pictures, "-o", "out", "--shard-size", "5")
    assert result.exit_code == 1
    assert "are made with data={'files': 12" in result.stderr


def test_an_array_that_was_replaced_is_another_data_set(run, grey_model, tmp_path):
    for value in (0, 1):
        np.save(tmp_path / "toys.npy", np.full((3, 8, 8, 1), value, np.uint8))
        result = run("encode", grey_model, "toys.npy", "-o", "out")
    assert result.exit_code == 1
    assert "are made with data={'file': 'toys.npy', 'images': 3" in result.stderr


def test_a_folder_that_was_left_when_its_manifest_was_written(run, grey_model, pictures, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".latents.json-0123abcd.tmp").write_text("{")
    result = run("encode", grey_model, pictures, "-o", "out")
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "out" / "latents.json").is_file()


def test_names_that_are_not_utf8(run, grey_model, pictures, tmp_path):
    (pictures / "00.png").rename(pictures / "caf\udce9.png")
    result = run("encode", grey_model, pictures, "-o", "out")
    assert result.exit_code == 0, result.stderr
    content = latent_files.read(tmp_path / "out" / "latents-1of1-00000.npz", latent_dim=4)
    assert content.names[-1] == str(pictures / "caf\udce9.png")
    assert run("encode", grey_model, pictures, "-o", "out").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["tiny-cnv", "pictures", "-o", "x.npz"], 1, "did you mean 'tiny-conv'?"),
        (["tiny-conv", "gone.png", "-o", "x.npz"], 1, "There is no file or folder gone.png."),
        (["tiny-conv", "bad.png", "-o", "x.npz"], 1, "bad.png is empty"),
        (["tiny-conv", "mnits", "-o", "x.npz"], 1, "did you mean 'mnist'?"),
        (["tiny-conv", "pictures", "-o", "old.npz"], 1, "old.npz exists already"),
        (["tiny-conv", "pictures", "-o", "x", "--shard", "13/14"], 1, "Shard 13/14 is empty"),
        (["tiny-conv", "pictures", "-o", "x.npy"], 2, "OUT is a .npz file or a folder"),
        (["tiny-conv", "pictures", "-o", "x.npz", "--shard", "1/2"], 2, "--shard is for a folder"),
        (["tiny-conv", "pictures", "-o", ""], 2, "It is empty; write . for the current folder."),
        (["tiny-conv", "pictures", "-o", "-"], 2, "OUT is a .npz file or a folder"),
        (["tiny-conv", "pictures", "-o", "x", "--overwrite"], 2, "--overwrite is for a .npz"),
        (["tiny-conv", "pictures", "-o", "x", "--shard", "0/2"], 2, "not one of the shards 1/2"),
        (["tiny-conv", "pictures", "-o", "x", "--shard", "2"], 2, "write 1/4"),
        (["tiny-conv", "pictures", "-o", "x", "--shard-size", "0"], 2, "0 is not in the range"),
        (["tiny-conv", "-o", "x"], 2, "Missing argument 'IMAGES...'"),
    ],
)
def test_errors(run, zoo, pictures, tmp_path, arguments, status, message):
    (tmp_path / "bad.png").touch()
    (tmp_path / "old.npz").write_text("old")
    result = run("encode", *arguments)
    assert result.exit_code == status
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == (1 if status == 1 else 4)
    assert result.stdout == ""
    assert {path.name for path in tmp_path.iterdir()} == {"bad.png", "old.npz", "pictures", "zoo"}
    assert (tmp_path / "old.npz").read_text() == "old"

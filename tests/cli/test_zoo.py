import errno
import json
import shutil

import pytest

from gon_tf import files


def test_show_a_preset_of_ones_own(run, grey_model):
    card = json.loads(run("zoo", "show", grey_model, "--json").stdout)
    assert (card["name"], card["metrics"]["sse"]) == ("tiny-conv", 12.5)
    assert card["folder"] == str(grey_model)
    lines = run("zoo", "show", grey_model).stdout.splitlines()
    assert ["files", "config.json,", "metadata.json,", "model.weights.h5"] in map(str.split, lines)


def test_list(run, zoo):
    header, row = run("zoo", "list").stdout.splitlines()
    columns = "name dataset variant image latents parameters SSE PSNR -ELBO"
    assert header.split() == columns.split()
    assert row.split()[:5] == ["tiny-conv", "tiny", "conv", "8x8x1", "4"]
    assert row.split()[-3:] == ["12.50", "7.250", "-"]


def test_list_of_a_kind(run, zoo):
    for option, value, count in [
        ("--dataset", "tiny", 1),
        ("--dataset", "other", 0),
        ("--variant", "conv", 1),
        ("--variant", "implicit", 0),
    ]:
        models = json.loads(run("zoo", "list", option, value, "--json").stdout)["models"]
        assert len(models) == count


def test_show(run, zoo):
    card = json.loads(run("zoo", "show", "tiny-conv", "--json").stdout)
    assert card["name"] == "tiny-conv"
    assert card["image_shape"] == [8, 8, 1]
    assert card["metrics"] == {"sse": 12.5, "psnr": 7.25}
    assert card["folder"] == str(zoo / "tiny-conv")

    lines = run("zoo", "show", "tiny-conv").stdout.splitlines()
    values = dict(line.split(maxsplit=1) for line in lines)
    assert values["image_shape"] == "8x8x1"
    assert values["metrics.sse"] == "12.5"
    assert values["files"] == "config.json, metadata.json, model.weights.h5"


def test_show_reads_each_file_once(run, zoo, grey_model, monkeypatch):
    read, seen = files.read_plain, []

    def counting(path, most_bytes):
        seen.append(path.name)
        return read(path, most_bytes)

    monkeypatch.setattr(files, "read_plain", counting)
    for model in ("tiny-conv", grey_model):
        seen.clear()
        assert run("zoo", "show", model).exit_code == 0
        assert seen.count("metadata.json") == 1
        assert seen.count("registry.json") == (model == "tiny-conv")


def test_an_unknown_model(run, zoo):
    result = run("zoo", "show", "tiny-con")
    assert result.exit_code == 1
    assert "did you mean 'tiny-conv'?" in result.stderr


def test_a_damaged_model(run, zoo):
    (zoo / "tiny-conv" / "model.weights.h5").write_bytes(b"")
    result = run("zoo", "show", "tiny-conv")
    assert result.exit_code == 1
    assert "is not the file in the registry" in result.stderr


def test_a_zoo_that_cannot_be_reached(run, monkeypatch):
    monkeypatch.setattr("gon_tf.zoo.download.PAUSE", 0.001)
    result = run("zoo", "show", "http://127.0.0.1:9/zoo/tiny-conv")
    assert result.exit_code == 1
    assert "are you offline? (4 attempts)" in result.stderr


def test_download_prints_the_folder(run, zoo):
    assert run("zoo", "download", "tiny-conv").stdout == f"{zoo / 'tiny-conv'}\n"


def test_download_to_a_folder(run, zoo, tmp_path):
    result = run("zoo", "download", "tiny-conv", "-o", "models/copy", "--json")
    assert json.loads(result.stdout)["folder"] == "models/copy"
    copied = tmp_path / "models" / "copy"
    for file in (zoo / "tiny-conv").iterdir():
        assert (copied / file.name).read_bytes() == file.read_bytes()
    assert [path.name for path in copied.parent.iterdir()] == ["copy"]

    again = run("zoo", "download", "tiny-conv", "-o", "models/copy")
    assert again.exit_code == 1
    assert "--overwrite replaces it" in again.stderr
    assert run("zoo", "download", "tiny-conv", "-o", "models/copy", "--overwrite").exit_code == 0


def test_verify(run, zoo):
    result = run("zoo", "verify")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[1].split() == ["tiny-conv", "ok"]

    (zoo / "tiny-conv" / "model.weights.h5").write_bytes(b"")
    result = run("zoo", "verify", "--json")
    assert result.exit_code == 1
    (found,) = json.loads(result.stdout)["models"]
    assert found["status"] == "damaged"
    assert "sha256 differs" in found["error"]


def recorded(zoo, metrics):
    """Makes the card of the zoo's model say so."""
    from gon_tf.zoo import index

    path = zoo / "tiny-conv" / "metadata.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"metrics": metrics}))
    index(zoo)


def test_verify_metrics(run, zoo, pictures):
    measured = json.loads(run("evaluate", "tiny-conv", pictures, "--json").stdout)
    metrics = {"sse": measured["sse"] * 1.009, "psnr": measured["psnr"], "frechet": 3.0}
    recorded(zoo, {**metrics, "split": str(pictures)})
    result = run("zoo", "verify", "--metrics", "--json")
    assert result.exit_code == 0, result.output
    compared = json.loads(result.stdout)["models"][0]["metrics"]
    assert set(compared) == {"sse", "psnr"}
    assert compared["sse"]["difference"] == pytest.approx(-0.009 / 1.009)

    recorded(zoo, {**metrics, "sse": measured["sse"] * 1.02, "split": str(pictures)})
    result = run("zoo", "verify", "tiny-conv", "--metrics")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[1].split()[:2] == ["tiny-conv", "differs"]

    recorded(zoo, {"sse": "low", "split": str(pictures)})
    assert run("zoo", "verify", "--metrics").exit_code == 1


def test_verify_metrics_that_nobody_recorded(run, zoo):
    result = run("zoo", "verify", "--metrics")
    assert result.exit_code == 1
    assert "does not say on what data it was measured" in result.stderr


@pytest.fixture
def own(tmp_path, grey_model):
    """A preset of one's own that says all that it must, but for the licence."""
    folder = tmp_path / "mine"
    shutil.copytree(grey_model, folder)
    metadata = json.loads((folder / "metadata.json").read_text())
    metadata |= {"description": "pictures", "dataset": {"name": "pictures"}}
    (folder / "metadata.json").write_text(json.dumps(metadata))
    return folder


def test_publish(run, own, tmp_path, monkeypatch):
    options = "--name", "my-conv", "--licence", "MIT"
    result = run("zoo", "publish", own, "www/zoo", *options)
    assert result.exit_code == 0, result.output
    monkeypatch.setenv("GON_TF_ZOO", "www/zoo")
    assert json.loads(run("zoo", "show", "my-conv", "--json").stdout)["licence"] == "MIT"
    assert run("zoo", "verify").exit_code == 0
    assert {path.name for path in (tmp_path / "www" / "zoo").iterdir()} == {
        ".lock",
        "my-conv",
        "registry.json",
    }

    again = run("zoo", "publish", own, "www/zoo", *options)
    assert again.exit_code == 1
    assert "exists already; --overwrite replaces it" in again.stderr
    assert run("zoo", "publish", own, "www/zoo", *options, "--overwrite").exit_code == 0


@pytest.mark.parametrize(
    ("name", "licence", "change", "message"),
    [
        ("my-conv", None, {}, "does not say what people must know: licence."),
        ("../my-conv", "MIT", {}, "name has lower-case letters"),
        ("conv", "MIT", {}, "name is <dataset>-<variant>"),
        ("my-conv", "MIT", {"description": ""}, "people must know: description."),
        ("my-conv", "MIT", {"latent_dim": 5}, "says latent_dim=5, but the model has 4"),
    ],
)
def test_publish_refuses(run, own, tmp_path, name, licence, change, message):
    path = own / "metadata.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    licence = ("--licence", licence) if licence else ()
    result = run("zoo", "publish", own, "www", "--name", name, *licence)
    assert result.exit_code == 1
    assert message in result.stderr
    assert not (tmp_path / "www").exists()


def test_publish_refuses_a_damaged_model(run, own, tmp_path):
    (own / "model.weights.h5").write_bytes(b"")
    result = run("zoo", "publish", own, "www", "--name", "my-conv", "--licence", "MIT")
    assert result.exit_code == 1
    assert "does not hold the weights" in result.stderr
    assert not (tmp_path / "www").exists()


def test_publish_beside_a_broken_model(run, own, tmp_path):
    (tmp_path / "www" / "broken-conv").mkdir(parents=True)
    (tmp_path / "www" / "broken-conv" / "config.json").write_text("{}")
    result = run("zoo", "publish", own, "www", "--name", "my-conv", "--licence", "MIT")
    assert result.exit_code == 1
    assert "broken-conv has no metadata.json" in result.stderr
    assert not (tmp_path / "www" / "my-conv").exists()


def test_publish_names_what_a_full_disk_has_no_room_for(run, own, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device", "somewhere else")

    monkeypatch.setattr("os.replace", full)
    result = run("zoo", "publish", own, "www", "--name", "my-conv", "--licence", "MIT")
    assert result.exit_code == 1
    assert result.stderr == "Error: No space left on the disk: www/registry.json\n"


def test_download_names_what_a_full_disk_has_no_room_for(run, zoo, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.rename", full)
    result = run("zoo", "download", "tiny-conv", "-o", "copy")
    assert result.stderr == "Error: No space left on the disk: copy\n"


def test_download_into_the_zoo_itself(run, zoo):
    result = run("zoo", "download", "tiny-conv", "-o", zoo / "tiny-conv" / "x")
    assert result.exit_code == 1
    assert "lies in the input" in result.stderr


def test_show_prints_nothing_that_steers_a_terminal(run, own):
    metadata = json.loads((own / "metadata.json").read_text())
    metadata["\x1b[2Jkey"] = {"\x9b31m": "\x1b]0;title\x07"}
    (own / "metadata.json").write_text(json.dumps(metadata))
    output = run("zoo", "show", own).output
    assert "\ufffd[2Jkey.\ufffd31m" in output
    assert all(letter.isprintable() or letter == "\n" for letter in output)


@pytest.mark.parametrize("value", ["[" * 600 + "]" * 600, "1" * 400])
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_show_of_metadata_out_of_bounds(run, own, value, options):
    (own / "metadata.json").write_text(f'{{"a": {value}}}')
    result = run("zoo", "show", own, *options)
    assert result.exit_code == 1
    assert "is not a JSON object, or one nested over 50 deep" in result.stderr

import json
import os
from pathlib import Path

import pytest

from gon_tf.training import Options, Recipe
from gon_tf.training import folder as folders

RECORD = {
    "recipe": Recipe("conv", "mnist", channels=1).to_json(),
    "options": Options().to_json(),
    "dataset": {"name": "mnist", "images": 5},
    "images": "abc",
    "threads": [2, 2],
}
OURS = [
    *("log.csv", "loss.png", "checkpoints/000001-000000000.checkpoint", "samples/0001.png"),
    *("reconstructions/0012.png", "tensorboard/train/events.out.tfevents.1.host"),
]
OTHERS = [
    *("checkpoints/best.pt", "checkpoints/notes.checkpoint", "samples/cat.png", "samples/1.png"),
    *(".2024-notes.txt", "samples/.1-x", "tensorboard/train/mine", "tensorboard/run/x", "data.csv"),
]


def fill(folder, names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def test_only_what_a_training_wrote_goes(tmp_path):
    folders.begin(tmp_path, RECORD)
    fill(tmp_path, [*OURS, *OTHERS])
    folders.check_new(tmp_path, [], overwrite=True)
    folders.begin(tmp_path, RECORD)
    folders.clean(tmp_path)
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {*OTHERS, "run.json"}
    folders.remove(tmp_path)
    assert not (tmp_path / "reconstructions").exists()


@pytest.mark.parametrize("name", [*OURS, "run.json", "config.json", "model.weights.h5"])
def test_what_no_record_names_is_not_taken_for_ours(tmp_path, name):
    fill(tmp_path, [name])
    with pytest.raises(FileExistsError, match=f"{name} is there, and no run.json says that"):
        folders.check_new(tmp_path, [], overwrite=True)
    with pytest.raises(FileExistsError, match="exists already"):
        folders.check_new(tmp_path, [], overwrite=False)


def test_a_preset_may_be_replaced(tmp_path):
    fill(tmp_path, folders.PRESET)
    (tmp_path / "config.json").write_text('{"class": "GON", "arguments": {}}')
    folders.check_new(tmp_path, [], overwrite=True)


@pytest.mark.parametrize("left", [[], [".lock"], [".lock", ".run.json-0123abcd.tmp"]])
def test_a_run_that_was_killed_at_its_very_start_begins(tmp_path, left):
    fill(tmp_path, left)
    assert folders.former(tmp_path) is None
    folders.check_new(tmp_path, [], overwrite=False)


def test_a_folder_without_a_training(tmp_path):
    fill(tmp_path, ["x.txt"])
    with pytest.raises(ValueError, match="holds no training that could go on"):
        folders.former(tmp_path)


@pytest.mark.parametrize("text", ["", "[1]", "{", '{"recipe": 1}', "[" * 10000])
def test_a_record_that_is_none(tmp_path, text):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(ValueError, match="run.json does not say how the training was begun"):
        folders.former(tmp_path)


def test_finish_and_a_kill_before_its_end(tmp_path):
    folders.begin(tmp_path, RECORD)
    fill(tmp_path, ["checkpoints/000001-000000000.checkpoint", "checkpoints/best.pt"])
    folders.finish(tmp_path)
    assert folders.former(tmp_path) == {**RECORD, "finished": True}
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["best.pt"]


def test_what_must_be_the_same():
    recipe = Recipe("conv", "mnist")  # channels as the images have them
    folders.check_settings(RECORD, recipe, Options(checkpoint_every=5))
    with pytest.raises(ValueError, match=r"now seed is 7 \(was 0\), strategy is \"mirrored\""):
        folders.check_settings(RECORD, Recipe("conv", "mnist", seed=7), Options("mirrored"))
    folders.check_same(RECORD, RECORD)
    old = {key: RECORD[key] for key in ("recipe", "options", "dataset")}  # as 0.1.0 wrote it
    folders.check_same(old, RECORD)
    with pytest.raises(ValueError, match=r"another data set; now images is 6 \(was 5\)"):
        folders.check_same(RECORD, {**RECORD, "dataset": {"name": "mnist", "images": 6}})
    with pytest.raises(ValueError, match="begun with other images"):
        folders.check_same(RECORD, {**RECORD, "images": "abd"})
    with pytest.warns(UserWarning, match=r"begun with \[2, 2\] threads, now there are \[4, 2\]"):
        folders.check_same(RECORD, {**RECORD, "threads": [4, 2]})


def test_inputs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fill(tmp_path, ["a/1.png", "mnist/1.png", "x.npz", "t-1.tfrecord", "t-2.tfrecord", "b,c/1.png"])
    fill(tmp_path, ["tfds/mnist/3.0.1/dataset_info.json"])
    recipe = Recipe("conv", "a, x.npz:train,mnist", validation="t-*", evaluate="b,c")
    found = folders.inputs(recipe, tmp_path / "tfds")
    expected = ["a", "x.npz", "t-1.tfrecord", "t-2.tfrecord", "b,c"]
    assert sorted(found) == sorted(map(Path, expected))
    assert Path("mnist") in folders.inputs(recipe, tmp_path)


def test_a_user_without_a_home(monkeypatch):
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    assert not folders.is_tfds("mnist", None)


def test_places_that_cannot_be_written(tmp_path):
    fill(tmp_path, ["file"])
    with pytest.raises(NotADirectoryError, match="file is a file"):
        folders.check_new(tmp_path / "file" / "model", [], overwrite=False)


def test_the_record_is_json(tmp_path):
    folders.begin(tmp_path / "new", RECORD)
    assert json.loads((tmp_path / "new" / "run.json").read_text()) == RECORD

import contextlib
import json
import os

import pytest

from gon_tf import files
from gon_tf.training import Options, Recipe, record
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


def own(folder):
    """A run that has written `OURS`, beside what others wrote."""
    folders.begin(folder, RECORD)
    folders.note(folder, OURS)
    fill(folder, [*OURS, *OTHERS])


def present(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_only_what_a_training_wrote_makes_way(tmp_path):
    own(tmp_path)
    folders.check_new(tmp_path, [], overwrite=True)
    folders.begin(tmp_path, RECORD)
    folders.clean(tmp_path)
    former = {f"former/{name}" for name in (*OURS, "run.json")}
    assert present(tmp_path) == {*OTHERS, *former, "run.json"}
    assert not (tmp_path / "reconstructions").exists()
    # the model of the first is still there, so its log stays, and that of the second goes
    folders.note(tmp_path, ["log.csv", "samples/0002.png"])
    fill(tmp_path, ["log.csv", "samples/0002.png"])
    folders.begin(tmp_path, RECORD)
    assert present(tmp_path) == {*OTHERS, *former, "run.json"}
    assert (tmp_path / "former" / "log.csv").read_text() == "log.csv"
    folders.finish(tmp_path)
    assert present(tmp_path) == {*OTHERS, "run.json"}
    assert not (tmp_path / "former").exists()


@pytest.mark.parametrize("name", ["samples/0007.png", "checkpoints/000009-000000000.checkpoint"])
def test_what_others_add_later_is_theirs(tmp_path, name):
    own(tmp_path)
    fill(tmp_path, [name])
    with pytest.raises(FileExistsError, match=f"{name} is there, and no run.json says that"):
        folders.check_new(tmp_path, [], overwrite=True)
    with pytest.raises(FileExistsError, match=f"{name} is not this training's; move it away and"):
        folders.note(tmp_path, [name])
    folders.begin(tmp_path, RECORD)
    assert (tmp_path / name).read_text() == name


@pytest.mark.parametrize("stop", range(12))
def test_killed_while_it_makes_way(tmp_path, monkeypatch, stop):
    """Whatever the moment, beginning again or going on leaves all of the former run."""
    own(tmp_path)
    for module, name in ((files, "write"), (os, "replace")):
        monkeypatch.setattr(module, name, dying(getattr(module, name), stop, monkeypatch))
    with contextlib.suppress(SystemExit):
        folders.begin(tmp_path, {**RECORD, "images": "new"})
    monkeypatch.undo()
    if record.read(tmp_path)["images"] == "new":
        folders.make_way(tmp_path)
    else:
        folders.check_new(tmp_path, [], overwrite=True)
        folders.begin(tmp_path, {**RECORD, "images": "new"})
    former = {f"former/{name}" for name in (*OURS, "run.json")}
    assert present(tmp_path) == {*OTHERS, *former, "run.json"}


def dying(function, after, monkeypatch, calls=[]):  # noqa: B006
    """`function` that ends the process after some calls of all such."""
    calls.clear()

    def call(*arguments):
        calls.append(function)
        if len(calls) > after:
            raise SystemExit
        return function(*arguments)

    return call


@pytest.mark.parametrize("kind", ["file", "folder", "other record"])
def test_a_folder_of_somebody_elses_in_the_place_of_ours(tmp_path, kind):
    own(tmp_path)
    name = {"file": "former", "folder": "former/x", "other record": "former/run.json"}[kind]
    fill(tmp_path, [name])
    with pytest.raises(FileExistsError, match="former is there, and no run.json says"):
        folders.check_new(tmp_path, [], overwrite=True)


def test_a_forged_record_names_what_is_not_a_trainings(tmp_path):
    own(tmp_path / "model")
    fill(tmp_path, ["precious.txt", "model/mine.txt"])
    record.change(tmp_path / "model", files=["../precious.txt", "mine.txt", "samples/cat.png"])
    assert folders.named(tmp_path / "model") == []
    folders.begin(tmp_path / "model", RECORD)
    assert {"precious.txt", "model/mine.txt", "model/samples/cat.png"} <= present(tmp_path)


def test_events_of_this_process_alone_are_ours(tmp_path):
    folders.begin(tmp_path, RECORD)
    ours = f"tensorboard/train/events.out.tfevents.1.host.{os.getpid()}.0.v2"
    fill(tmp_path, [ours, "tensorboard/train/events.out.tfevents.1.host.1.0.v2"])
    folders.note_events(tmp_path)
    assert folders.named(tmp_path) == [ours]


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


def test_finish_and_a_kill_before_its_end(tmp_path):
    folders.begin(tmp_path, RECORD)
    folders.note(tmp_path, ["checkpoints/000001-000000000.checkpoint"])
    fill(tmp_path, ["checkpoints/000001-000000000.checkpoint", "checkpoints/best.pt"])
    folders.finish(tmp_path)
    assert folders.former(tmp_path)["finished"]
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["best.pt"]


def test_places_that_cannot_be_written(tmp_path):
    fill(tmp_path, ["file"])
    with pytest.raises(NotADirectoryError, match="file is a file"):
        folders.check_new(tmp_path / "file" / "model", [], overwrite=False)


def test_the_record_is_json(tmp_path):
    folders.begin(tmp_path / "new", RECORD)
    written = json.loads((tmp_path / "new" / "run.json").read_text())
    assert written == {**RECORD, "files": [], "begun": True}

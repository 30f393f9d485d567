import json
import os
from pathlib import Path

import pytest

from gon_tf.training import Options, Recipe, record

RECORD = {
    "recipe": Recipe("conv", "mnist", channels=1).to_json(),
    "options": Options().to_json(),
    "as_given": {},
    "dataset": {"name": "mnist", "images": 5},
    "images": "abc",
    "threads": [2, 2],
}


def fill(folder, names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


@pytest.mark.parametrize(
    "text",
    [
        *("", "[1]", "{", '{"recipe": 1}', "[" * 10000, '{"files": [1]}', '{"files": "log.csv"}'),
        *(json.dumps({**RECORD, "as_given": given}) for given in (["x"], {"__class__": 3})),
    ],
)
def test_a_record_that_is_none(tmp_path, text):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(ValueError, match="run.json does not say how the training was begun"):
        record.read(tmp_path)


def test_what_must_be_the_same():
    recipe = Recipe("conv", "mnist")  # channels as the images have them
    record.check_settings(RECORD, recipe, Options(checkpoint_every=5))
    with pytest.raises(ValueError, match=r"now seed is 7 \(was 0\), strategy is \"mirrored\""):
        record.check_settings(RECORD, Recipe("conv", "mnist", seed=7), Options("mirrored"))
    record.check_same(RECORD, RECORD)
    old = {key: RECORD[key] for key in ("recipe", "options", "dataset")}  # as 0.1.0 wrote it
    record.check_same(old, RECORD)
    with pytest.raises(ValueError, match=r"another data set; now images is 6 \(was 5\)"):
        record.check_same(RECORD, {**RECORD, "dataset": {"name": "mnist", "images": 6}})
    with pytest.raises(ValueError, match="begun with other images"):
        record.check_same(RECORD, {**RECORD, "images": "abd"})
    with pytest.warns(UserWarning, match=r"begun with \[2, 2\] threads, now there are \[4, 2\]"):
        record.check_same(RECORD, {**RECORD, "threads": [4, 2]})


def test_inputs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fill(tmp_path, ["a/1.png", "mnist/1.png", "x.npz", "t-1.tfrecord", "t-2.tfrecord", "b,c/1.png"])
    fill(tmp_path, ["tfds/mnist/3.0.1/dataset_info.json"])
    recipe = Recipe("conv", "a, x.npz:train,mnist", validation="t-*", evaluate="b,c")
    whole = record.absolute(recipe, tmp_path / "tfds")
    assert whole.dataset == f"{tmp_path}/a,{tmp_path}/x.npz:train,mnist"
    assert (whole.validation, whole.evaluate) == (f"{tmp_path}/t-*", f"{tmp_path}/b,c")
    assert record.absolute(whole, tmp_path / "tfds") == whole
    found = record.inputs(recipe, tmp_path / "tfds")
    expected = ["a", "x.npz", "t-1.tfrecord", "t-2.tfrecord", "b,c"]
    assert sorted(found) == sorted(map(Path, expected))
    assert Path("mnist") in record.inputs(recipe, tmp_path)


def test_a_user_without_a_home(monkeypatch):
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    assert not record.is_tfds("mnist", None)


def test_a_recipe_may_be_given_as_it_was_or_by_absolute_paths(tmp_path, monkeypatch):
    fill(tmp_path, ["a/1.png", "b/a/1.png"])
    monkeypatch.chdir(tmp_path)
    recipe = Recipe("conv", "a", channels=1)
    begun = {**RECORD, "recipe": record.absolute(recipe, None).to_json()}
    begun["as_given"] = {"dataset": "a", "validation": None, "evaluate": None}
    monkeypatch.chdir(tmp_path / "b")
    for name in ("a", "../a", str(tmp_path / "a")):
        record.check_settings(begun, Recipe("conv", name), Options())
    with pytest.raises(ValueError, match=r"now dataset is .*/b/a\" \(was .*/a\"\)"):
        record.check_settings(begun, Recipe("conv", "./a"), Options())

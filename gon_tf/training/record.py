"""run.json: how a training was begun, whether it is done, and which files it has written.

It is the sign that a training has taken a folder. Paths in it are absolute, so that the training
goes on from wherever it is resumed.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gon_tf import files, startup
from gon_tf.training import variants

if TYPE_CHECKING:
    from gon_tf.training.build import Job
    from gon_tf.training.recipe import Options, Recipe

RECORD = "run.json"
NAMES = ("dataset", "validation", "evaluate")  # of a recipe's fields that name images


def of_job(job: Job) -> dict[str, Any]:
    """What tells a run from others."""
    return {
        "recipe": absolute(job.recipe, job.data_dir).to_json(),
        "as_given": {name: getattr(job.recipe, name) for name in (*NAMES, "start")},
        "options": job.options.to_json(),
        "dataset": job.dataset,
        "images": job.fingerprint,
        "threads": startup.threads(),
        "finished": False,
    }


def read(folder: Path) -> dict[str, Any]:
    """The record in `folder`; "files" is None in one of a version that did not note them.

    Raises:
        ValueError: if it is none.
        OSError: if it cannot be read.
    """
    with contextlib.suppress(ValueError):
        usual: dict[str, Any] = {"finished": False, "files": None, "as_given": {}}
        values: dict[str, Any] = {**usual, **files.read_json(folder / RECORD)}
        parts = ("recipe", "options", "dataset", "as_given")
        whole = all(isinstance(values.get(part), dict) for part in parts)
        whole = whole and (values["files"] is None or is_names(values["files"]))
        if whole and values["as_given"].keys() <= {*NAMES, "start"}:
            return values
    raise ValueError(f"{folder / RECORD} does not say how the training was begun.")


def is_names(values: Any) -> bool:
    """Whether `values` is a list of texts."""
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def change(folder: Path, **values: Any) -> None:
    """Give entries of the record in `folder` other values."""
    files.write_json(folder / RECORD, {**read(folder), **values})


# Names of data sets


def parts_of(name: str) -> list[str]:
    """The data sets that one name joins."""
    name = os.path.expanduser(name)
    return [name] if os.path.exists(name) else [part.strip() for part in name.split(",")]


def path_in(name: str, data_dir: Path | None) -> str:
    """The path, or pattern of paths, in the name of one data set; "" if it is TensorFlow's."""
    name = os.path.expanduser(name)
    if is_tfds(name, data_dir):
        return ""
    for place in (name, name.rpartition(":")[0]):  # digits.npz:x_test
        if place and (os.path.exists(place) or glob.glob(place)):
            return place
    return ""


def is_tfds(name: str, data_dir: Path | None) -> bool:
    """Whether a name, perhaps that of a folder, too, means one of TensorFlow's data sets."""
    usual = os.path.expanduser("~/tensorflow_datasets")  # `~` stays where nobody has a home
    root = data_dir or os.environ.get("TFDS_DATA_DIR") or usual
    place = Path(root) / name.lower().replace("-", "_")
    prepared = (place.glob(f"{part}/dataset_info.json") for part in ("*", "*/*"))
    return Path(name).name == name and any(map(any, prepared))


def inputs(recipe: Recipe, data_dir: Path | None) -> list[Path]:
    """The files and folders that a recipe reads, but for TensorFlow's data sets."""
    names = filter(None, (getattr(recipe, name) for name in NAMES))
    places = [path_in(part, data_dir) for name in names for part in parts_of(name)]
    found: list[str] = []
    for place in filter(None, places):
        found += [place] if os.path.exists(place) else glob.glob(place)
    return list(map(Path, dict.fromkeys(found)))


def absolute(recipe: Recipe, data_dir: Path | None) -> Recipe:
    """The recipe with the absolute paths of its data sets."""

    def whole(name: str) -> str:
        place, name = path_in(name, data_dir), os.path.expanduser(name)
        return os.path.abspath(place) + name[len(place) :] if place else name

    given = {name: getattr(recipe, name) for name in NAMES}
    changed: dict[str, Any] = {
        name: ",".join(map(whole, parts_of(text))) for name, text in given.items() if text
    }
    if recipe.start and os.path.exists(os.path.expanduser(recipe.start)):
        changed["start"] = os.path.abspath(os.path.expanduser(recipe.start))
    return replace(recipe, **changed)


# A run that goes on


def prolonged(former: dict[str, Any], recipe: Recipe) -> dict[str, Any]:
    """The record of a run that is done, as that of one which goes on to more epochs.

    It is as it was if the recipe asks for no more.
    """
    epochs = former["recipe"].get("epochs")
    if not former["finished"] or not isinstance(epochs, int) or (recipe.epochs or 0) <= epochs:
        return former
    longer = {**former["recipe"], "epochs": recipe.epochs}
    return {**former, "recipe": longer, "finished": False, "prolonged": True}


def check_settings(
    former: dict[str, Any], recipe: Recipe, options: Options, data_dir: Path | None = None
) -> None:
    """Raise ValueError if a run would go on in another way than it was begun."""
    now = {**absolute(recipe, data_dir).to_json(), **options.to_json()}
    before = {**former["recipe"], **former["options"]}
    for name, given in former["as_given"].items():
        if getattr(recipe, name, None) == given:  # perhaps the images have been moved
            now[name] = before[name] = given
    for name in ("image_size", "channels") if recipe.start else ("channels",):
        if recipe.start or now[name] is None:  # as the images, or the model, have it
            now[name] = former["recipe"].get(name)
    if now["epochs"] is None:
        now["epochs"] = former["recipe"].get("epochs")
    chosen = former["recipe"].get("points_per_step")
    if chosen and now["points_per_step"] == variants.default_points(recipe) >= chosen:
        now["points_per_step"] = chosen  # as they fit in the memory
    if changed := differences(before, now):
        raise ValueError(
            f"--resume needs the options that the training was begun with; now {changed}."
        )


def check_same(former: dict[str, Any], now: dict[str, Any]) -> None:
    """Raise ValueError if the images are not those that a run was begun with; warn of threads."""
    if changed := differences(former["dataset"], now["dataset"]):
        raise ValueError(f"The training was begun with another data set; now {changed}.")
    if former.get("images", now["images"]) != now["images"]:  # 0.1.0 did not note them
        raise ValueError(
            "The training was begun with other images: as many, but their pixels or their order "
            "have changed since."
        )
    if former.get("threads", now["threads"]) != now["threads"]:
        warnings.warn(
            f"The training was begun with {former['threads']} threads, now there are "
            f"{now['threads']}: its weights may differ in their last bits.",
            stacklevel=2,
        )


def differences(former: dict[str, Any], now: dict[str, Any]) -> str:
    """The entries that differ, in words; "" if none does."""
    return ", ".join(
        f"{name.replace('_', '-')} is {json.dumps(now.get(name))} "
        f"(was {json.dumps(former.get(name))})"
        for name in {**former, **now}
        if former.get(name) != now.get(name)
    )

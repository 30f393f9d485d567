"""The folder of a training: what of it is the training's own, how it was begun, whether it is done.

`run.json`, the record, is the sign that a training has taken the folder. A training never begins
where files have the names of its own and no record says that they are, so from then on they are.
Only these are ever removed; whatever else is in the folder stays.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import re
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gon_tf import files, startup

if TYPE_CHECKING:
    from gon_tf.training.build import Job
    from gon_tf.training.recipe import Options, Recipe

RECORD, LOCK, LOG, CURVE = "run.json", ".lock", "log.csv", "loss.png"
CHECKPOINTS, TENSORBOARD = "checkpoints", "tensorboard"
OWN = {  # names of the files that a training writes into each folder
    "": re.compile(r"log\.csv|loss\.png|run\.json"),
    CHECKPOINTS: re.compile(r"\d{6}-\d{9}\.checkpoint"),
    "reconstructions": re.compile(r"\d{4,}\.png"),
    "samples": re.compile(r"\d{4,}\.png"),
    f"{TENSORBOARD}/train": re.compile(r"events\.out\.tfevents\..+"),
    f"{TENSORBOARD}/validation": re.compile(r"events\.out\.tfevents\..+"),
    TENSORBOARD: re.compile("$^"),
}
PRESET = ("config.json", "metadata.json", "model.weights.h5")


def own_files(folder: Path, within: Iterable[str] = tuple(OWN)) -> list[Path]:
    """The files in `folder`, or some of its folders, that have the names of a training's own."""
    found = []
    for name in within:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            places = sorted((folder / name).iterdir())
            found += [path for path in places if OWN[name].fullmatch(path.name) and path.is_file()]
    return found


def remove(folder: Path, within: Iterable[str] = tuple(OWN)) -> None:
    """Remove the training's own files but its record, and its folders if they are empty then."""
    for path in own_files(folder, within):
        if path.name != RECORD:
            path.unlink(missing_ok=True)
    for name in filter(None, within):
        with contextlib.suppress(OSError):  # not there, or not empty
            (folder / name).rmdir()


def record(job: Job) -> dict[str, Any]:
    """What tells a run from others."""
    return {
        "recipe": job.recipe.to_json(),
        "options": job.options.to_json(),
        "dataset": job.dataset,
        "images": job.fingerprint,
        "threads": startup.threads(),
        "finished": False,
    }


def inputs(recipe: Recipe, data_dir: Path | None) -> list[Path]:
    """The files and folders that a recipe reads, but for TensorFlow's data sets."""
    names = list(filter(None, (recipe.dataset, recipe.validation, recipe.evaluate)))
    names += [part.strip() for name in names for part in name.split(",")]
    names += [name.rpartition(":")[0] for name in names]  # digits.npz:x_test
    found: list[str] = []
    for name in map(os.path.expanduser, names):
        if not is_tfds(name, data_dir):
            found += [name] if name and os.path.exists(name) else glob.glob(name)
    return list(map(Path, dict.fromkeys(found)))


def is_tfds(name: str, data_dir: Path | None) -> bool:
    """Whether a name, perhaps that of a folder, too, means one of TensorFlow's data sets."""
    usual = os.path.expanduser("~/tensorflow_datasets")  # `~` stays where nobody has a home
    root = data_dir or os.environ.get("TFDS_DATA_DIR") or usual
    place = Path(root) / name.lower().replace("-", "_")
    prepared = (place.glob(f"{part}/dataset_info.json") for part in ("*", "*/*"))
    return Path(name).name == name and any(map(any, prepared))


def former(folder: Path) -> dict[str, Any] | None:
    """The record of the run in `folder` that could go on; None if there is nothing yet.

    Raises:
        ValueError: if there is something else in the folder.
    """
    if (folder / RECORD).exists():
        return read(folder)
    if content(folder):
        raise ValueError(f"The folder {folder} holds no training that could go on.")
    return None


def content(folder: Path) -> list[str]:
    """What is in a folder, but for what a run that was killed at its very start may have left."""
    if not folder.is_dir():
        return []
    names = sorted(path.name for path in folder.iterdir())
    return [name for name in names if name != LOCK and not files.TEMPORARY.fullmatch(name)]


def read(folder: Path) -> dict[str, Any]:
    """The record in `folder`.

    Raises:
        ValueError: if it is none.
        OSError: if it cannot be read.
    """
    with contextlib.suppress(ValueError):
        values = files.read_json(folder / RECORD)
        if all(isinstance(values.get(part), dict) for part in ("recipe", "options", "dataset")):
            return {"finished": False, **values}
    raise ValueError(f"{folder / RECORD} does not say how the training was begun.")


def check_new(folder: Path, sources: Iterable[Path], *, overwrite: bool) -> None:
    """Raise unless a new training may begin in `folder`.

    Args:
        folder: where it is to go.
        sources: what it reads.
        overwrite: whether a former training, or preset, may go.

    Raises:
        FileExistsError: if something is there that is not to be overwritten, or not ours.
        ValueError: if the folder is, holds or lies in one of `sources`.
        OSError: if it cannot be written.
    """
    present = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not present.is_dir():
        raise NotADirectoryError(f"{present} is a file; outputs need a folder.")
    if not os.access(present, os.W_OK | os.X_OK):
        raise PermissionError(f"The folder {present} cannot be written.")
    if content(folder) and not overwrite:
        raise FileExistsError(f"The folder {folder} exists already; --overwrite replaces it.")
    files.check_apart(folder, sources)
    with contextlib.suppress(ValueError, OSError):
        read(folder)
        return
    strange = own_files(folder)
    if not is_preset(folder):
        strange += [folder / name for name in PRESET if (folder / name).exists()]
    if strange:
        raise FileExistsError(
            f"{strange[0]} is there, and no {RECORD} says that a training wrote it; choose another "
            "folder."
        )


def is_preset(folder: Path) -> bool:
    """Whether a model was saved to `folder`."""
    with contextlib.suppress(ValueError, OSError):
        return {"class", "arguments"} <= files.read_json(folder / PRESET[0]).keys()
    return False


def begin(folder: Path, values: dict[str, Any]) -> None:
    """Make `folder` that of a new run with the record `values`.

    The model of a former one stays until there is a new one.
    """
    remove(folder)
    files.write_json(folder / RECORD, values)


def clean(folder: Path) -> None:
    """Remove what a process that was killed has left half-written."""
    for name in OWN:
        files.remove_temporary(folder / name)


def finish(folder: Path) -> None:
    """Note that the model is there; no checkpoint is needed any more."""
    files.write_json(folder / RECORD, {**read(folder), "finished": True})
    remove(folder, [CHECKPOINTS])


def check_settings(former: dict[str, Any], recipe: Recipe, options: Options) -> None:
    """Raise ValueError if a run would go on in another way than it was begun."""
    now = {**recipe.to_json(), **options.to_json()}
    if now["channels"] is None:  # as the images have it
        now["channels"] = former["recipe"].get("channels")
    if changed := differences({**former["recipe"], **former["options"]}, now):
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

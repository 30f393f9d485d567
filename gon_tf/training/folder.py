"""The folder of a training: who may write to it, how it was begun, and whether it is done."""

from __future__ import annotations

import contextlib
import fcntl
import glob
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from gon_tf import files
from gon_tf.cli import report

RECORD, LOCK, CHECKPOINTS = "run.json", ".lock", "checkpoints"
PRESET = {"config.json", "metadata.json", "model.weights.h5"}
OF_A_RUN = (RECORD, CHECKPOINTS, "log.csv", "loss.png", "reconstructions", "samples", "tensorboard")


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes from training into `folder`; the system ends it with the process.

    Raises:
        BlockingIOError: if another process is at it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BlockingIOError(f"Another process is training into {folder}.") from None
        yield


def record(recipe, options, dataset: dict) -> dict:
    """What tells a run from others."""
    return {
        "recipe": recipe.to_json(),
        "options": options.to_json(),
        "dataset": dataset,
        "finished": False,
    }


def begin(folder: Path, record: dict) -> None:
    """Make `folder` that of a new run; what is left of a former one goes.

    The former one's model stays until there is a new one.
    """
    for name in OF_A_RUN:
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    write_record(folder, record)


def clean(folder: Path) -> None:
    """Remove what a process that was killed has left half-written."""
    for place in (folder, folder / CHECKPOINTS, folder / "reconstructions", folder / "samples"):
        files.remove_temporary(place)
    pattern = f".{glob.escape(folder.name)}-????????"  # of save_to_preset
    for path in folder.absolute().parent.glob(pattern):
        if path.is_dir() and {item.name for item in path.iterdir()} <= PRESET:
            shutil.rmtree(path)


def finish(folder: Path) -> None:
    """Note that the model is there; no checkpoint is needed any more."""
    write_record(folder, {**(read_record(folder) or {}), "finished": True})
    shutil.rmtree(folder / CHECKPOINTS)


def write_record(folder: Path, record: dict) -> None:
    """Write how a run was begun."""
    files.write_durably(folder / RECORD, (json.dumps(record, indent=2) + "\n").encode())


def read_record(folder: Path) -> dict | None:
    """How the run in `folder` was begun; None if the folder is empty or not there.

    Raises:
        ValueError: if there is something else in the folder.
    """
    path = folder / RECORD
    if not path.is_file():
        if folder.is_dir() and {item.name for item in folder.iterdir()} - {LOCK}:
            raise ValueError(f"The folder {folder} holds no training that could go on.")
        return None
    with contextlib.suppress(ValueError, RecursionError):
        values = json.loads(path.read_text(encoding="utf-8"))
        parts = ("recipe", "options", "dataset")
        if isinstance(values, dict) and all(isinstance(values.get(p), dict) for p in parts):
            return {"finished": False, **values}
    raise ValueError(f"{path} does not say how the training was begun.")


def check_same(former: dict, recipe, options) -> None:
    """Raise ValueError if a run would go on in another way than it was begun."""
    now = {**recipe.to_json(), **options.to_json()}
    if now["channels"] is None:  # as the images have it
        now["channels"] = former["recipe"].get("channels")
    if changed := differences({**former["recipe"], **former["options"]}, now):
        raise ValueError(
            f"--resume needs the options that the training was begun with; now {changed}."
        )


def check_dataset(former: dict, dataset: dict) -> None:
    """Raise ValueError if the data are not those that a run was begun with."""
    if changed := differences(former["dataset"], dataset):
        raise ValueError(f"The training was begun with another data set; now {changed}.")


def differences(former: dict, now: dict) -> str:
    """The entries that differ, in words; "" if none does."""
    return ", ".join(
        f"{name.replace('_', '-')} is {report.text(now.get(name))} "
        f"(was {report.text(former.get(name))})"
        for name in {**former, **now}
        if former.get(name) != now.get(name)
    )

"""The folder of a training: what of it is the training's own, and how that makes way for another.

A training notes in its record each file that it is about to write, and never takes one that is
there already. Only what a record names is ever removed; whatever else is in the folder stays. What
a new training replaces goes to `former/`, beside the model that stays, until there is a new one.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from gon_tf import files
from gon_tf.training import record
from gon_tf.training.record import RECORD

LOCK, LOG, CURVE, FORMER = ".lock", "log.csv", "loss.png", "former"
CHECKPOINTS, TENSORBOARD = "checkpoints", "tensorboard"
PICTURES = ("reconstructions", "samples")
OWN = {  # names of the files that a training writes into each folder
    "": re.compile(r"log\.csv|loss\.png"),
    CHECKPOINTS: re.compile(r"\d{6}-\d{9}\.checkpoint"),
    **dict.fromkeys(PICTURES, re.compile(r"\d{4,}\.png")),
    f"{TENSORBOARD}/train": re.compile(r"events\.out\.tfevents\..+"),
    f"{TENSORBOARD}/validation": re.compile(r"events\.out\.tfevents\..+"),
}
PRESET = ("config.json", "metadata.json", "model.weights.h5")


def alike(folder: Path) -> list[str]:
    """The files in `folder` that have the names of a training's own, whosoever they are."""
    found = []
    for place, own in OWN.items():
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            paths = sorted((folder / place).iterdir())
            found += [path for path in paths if own.fullmatch(path.name) and path.is_file()]
    return [path.relative_to(folder).as_posix() for path in found]


def named(folder: Path) -> list[str]:
    """The files that the record in `folder` says are its own, of those that are there.

    Raises:
        ValueError: if there is no record.
        OSError: if it cannot be read.
    """
    names = record.read(folder)["files"]
    present = alike(folder)  # which keeps a forged record from naming others
    return present if names is None else sorted(set(present) & set(names))


def note(folder: Path, names: Iterable[str]) -> None:
    """Note in the record that the training is about to write the files `names`.

    Raises:
        FileExistsError: if one is there that is somebody else's.
    """
    own = record.read(folder)["files"]
    own = alike(folder) if own is None else own
    new = [name for name in names if name not in own]
    for name in new:
        if os.path.lexists(folder / name):
            raise FileExistsError(
                f"{folder / name} is not this training's; move it away and go on with --resume."
            )
    if new:  # of the checkpoints most are gone
        gone = f"{CHECKPOINTS}/"
        own = [name for name in own if not name.startswith(gone) or (folder / name).exists()]
        record.change(folder, files=[*own, *new])


def announce(folder: Path, path: Path) -> None:
    """`note` of one path."""
    note(folder, [path.relative_to(folder).as_posix()])


def note_events(folder: Path) -> None:
    """Note in the record what TensorFlow has written for TensorBoard from within this process."""
    names = [name for name in alike(folder) if name.startswith(f"{TENSORBOARD}/")]
    own, mark = named(folder), f".{os.getpid()}."
    if new := [name for name in names if name not in own and mark in PurePosixPath(name).name]:
        record.change(folder, files=[*own, *new])


def remove(folder: Path, names: Iterable[str]) -> None:
    """Remove files, and the folders that are empty then."""
    for name in names:
        (folder / name).unlink(missing_ok=True)
        for place in list(PurePosixPath(name).parents)[:-1]:
            with contextlib.suppress(OSError):  # not empty
                (folder / place).rmdir()


def former(folder: Path) -> dict[str, Any] | None:
    """The record of the run in `folder` that could go on; None if there is nothing yet.

    Raises:
        ValueError: if there is something else in the folder.
    """
    if (folder / RECORD).exists():
        return record.read(folder)
    if content(folder):
        raise ValueError(f"The folder {folder} holds no training that could go on.")
    return None


def content(folder: Path) -> list[str]:
    """What is in a folder, but for what a run that was killed at its very start may have left."""
    if not folder.is_dir():
        return []
    names = sorted(path.name for path in folder.iterdir())
    return [name for name in names if name != LOCK and not files.TEMPORARY.fullmatch(name)]


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
    ours: list[str] | None = None
    with contextlib.suppress(ValueError, OSError):
        ours = [*named(folder), RECORD]
    others = [name for name in (*alike(folder), RECORD) if name not in (ours or [])]
    if ours is None and not is_preset(folder):
        others += PRESET
    aside = folder / FORMER
    if not is_record(aside) and (content(aside) or not aside.is_dir()):
        others.append(FORMER)
    for name in others:
        if os.path.lexists(folder / name):
            raise FileExistsError(
                f"{folder / name} is there, and no {RECORD} says that a training wrote it; choose "
                "another folder."
            )


def is_preset(folder: Path) -> bool:
    """Whether a model was saved to `folder`."""
    with contextlib.suppress(ValueError, OSError):
        return {"class", "arguments"} <= files.read_json(folder / PRESET[0]).keys()
    return False


def is_record(folder: Path) -> bool:
    """Whether a folder has the record of a training."""
    with contextlib.suppress(ValueError, OSError):
        return bool(record.read(folder))
    return False


def begin(folder: Path, values: dict[str, Any]) -> None:
    """Make `folder` that of a new run with the record `values`.

    What a former one has written goes to `former/`. The model of that stays where it is. If this
    has happened before, and there is no new model since, what makes way is of no model, and goes.
    """
    own = None
    if is_record(folder):
        own = named(folder)
        if not is_record(folder / FORMER):
            files.write_json(folder / FORMER / RECORD, {**record.read(folder), "files": own})
    files.write_json(folder / RECORD, {**values, "files": own or [], "begun": not own})
    make_way(folder)


def make_way(folder: Path) -> None:
    """Let the files of a former run make way for one that is about to begin: once or never."""
    values = record.read(folder)
    if values.get("begun", True):
        return
    own, aside = named(folder), folder / FORMER
    wanted = record.read(aside)["files"] or []
    for name in own:
        if name in wanted and not (aside / name).exists():
            (aside / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(folder / name, aside / name)
    remove(folder, own)
    files.write_json(folder / RECORD, {**values, "files": [], "begun": True})


def clean(folder: Path) -> None:
    """Remove what a process that was killed has left half-written."""
    for name in (*OWN, TENSORBOARD, FORMER):
        files.remove_temporary(folder / name)


def finish(folder: Path) -> None:
    """Note that the model is there, and remove what is not needed any more."""
    record.change(folder, finished=True, prolonged=False)
    clean_finished(folder)


def clean_finished(folder: Path) -> None:
    """Remove checkpoints and the former training, which a kill in the last moment may have left."""
    if not record.read(folder)["finished"]:  # another run has begun since
        return
    remove(folder, [name for name in named(folder) if name.startswith(f"{CHECKPOINTS}/")])
    if is_record(folder / FORMER):
        remove(folder / FORMER, named(folder / FORMER))
        remove(folder, [f"{FORMER}/{RECORD}"])

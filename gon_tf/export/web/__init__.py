"""Models as a page that runs in a browser: no server, no request, no package.

    index.html        the page; a double click opens it
    gon.js            the only script: what the models compute, and the page
    models/NAME.js    the arrays of a model, one file each
    export.json       what an export wrote, with checksums

The page encodes by one matrix and decodes by the network, in JavaScript and a small kernel of
WebAssembly. Its script is made of the files beside this one.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from gon_tf import arguments, files
from gon_tf.export import record
from gon_tf.export.web import checks, description, writing
from gon_tf.export.web.exhibits import Exhibit, exhibit_of
from gon_tf.export.written import Exported, check_differences, check_precision, tolerance

NAMES = (writing.PAGE, writing.SCRIPT, writing.MODELS)


def save(
    exhibits: Sequence[Exhibit],
    folder: str | os.PathLike,
    *,
    quantize: str | None = None,
    overwrite: bool = False,
) -> list[Exported]:
    """Writes a page of models to `folder`, and checks what it computes; all of it or nothing.

    The page's script is run by node, or else by Chromium, and compared with the models. Where
    neither is there, a warning says that nothing was compared.

    Args:
        exhibits: the models, see `Exhibit` and `exhibit_of`; the first is the one that the page
            begins with.
        folder: path of the folder to write to. Its parent must exist.
        quantize: "int8" to store large matrices in a byte for each number.
        overwrite: write to a folder that exists, and replace the export in it; its other files
            stay, and must not be in the way.

    Returns:
        The functions of each model, with the largest difference from it: at most 1e-4, or 1e-3 if
        it has sines (a SIREN); with `quantize`, whatever it is. None if nothing was compared.

    Raises:
        ValueError: if a model cannot be shown, or the page differs from it.
        FileExistsError: if the folder exists, without `overwrite`, or has files in the way that are
            not as an export left them.

    Example:
        >>> exhibits = [gon_tf.export.web.exhibit_of(name) for name in ("mnist-conv",)]
        >>> gon_tf.export.web.save(exhibits, "page")[0].name
        'mnist-conv encode'
    """
    folder = files.path_of(folder)
    arguments.choice("quantize", quantize, (None, "int8"))
    if not exhibits:
        raise ValueError("A page shows at least one model. Received: none")
    former = record.check_folder(folder, NAMES, overwrite=overwrite)
    exhibits = with_different_names(exhibits)
    for exhibit in exhibits:
        check_precision(exhibit.model)
        description.check(exhibit.name, exhibit.model)
    described = [description.describe(exhibit) for exhibit in exhibits]
    names = [exhibit.name for exhibit in exhibits]
    command = checks.runtime()
    if command is None:
        warnings.warn(
            "Neither node nor Chromium is there: what the page computes was not compared with the "
            "model.",
            stacklevel=2,
        )
    functions = []
    with files.filling(folder, record.RECORD, former) as temporary:
        writing.write_page(temporary, names)
        for number, (exhibit, values) in enumerate(zip(exhibits, described, strict=True)):
            file = f"{writing.MODELS}/{writing.file_name(names, number)}"
            writing.write_model(temporary / file, values, quantize=quantize == "int8")
            size = (temporary / file).stat().st_size
            wanted = checks.checks_of(exhibit, values)
            found: dict[str, Any] = dict.fromkeys(check.name for check in wanted)
            if command is not None:
                found = compare(command, temporary, file, exhibit, wanted, limit=quantize is None)
            for name, difference in found.items():
                function = f"{exhibit.name} {name}"
                functions.append(Exported(function, folder / file, size, difference))
        classes = ", ".join(type(exhibit.model).__name__ for exhibit in exhibits)
        record.write(temporary, "web", classes)
    return functions


def compare(command, folder, file: str, exhibit: Exhibit, wanted, *, limit: bool) -> dict:
    """Differences of a model's functions, which must be small if there is a limit."""
    try:
        found = checks.differences(command, folder, folder / file, wanted)
    except (ValueError, KeyError) as error:
        raise ValueError(
            f"The page of {exhibit.name} does not run: {files.first_line(error)}"
        ) from error
    if limit:
        named = {f"{exhibit.name} {name}": difference for name, difference in found.items()}
        check_differences(named, tolerance(exhibit.model), "page")
    return found


def with_different_names(exhibits: Sequence[Exhibit]) -> list[Exhibit]:
    """The same, with numbers behind names that are there already."""
    names: list[str] = []
    for exhibit in exhibits:
        name, number = exhibit.name, 2
        while name in names:
            name, number = f"{exhibit.name} ({number})", number + 1
        names.append(name)
    return [replace(exhibit, name=name) for exhibit, name in zip(exhibits, names, strict=True)]


__all__ = ["Exhibit", "exhibit_of", "save"]

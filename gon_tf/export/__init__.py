"""A trained model as files that run without this package, without Keras and without gradients.

    encode       images  [batch, *image_shape]     -> latents [batch, latent_dim]
    decode       latents [batch, latent_dim]       -> images  [batch, *image_shape]
    reconstruct  images                            -> images
    sample       noise [batch, rank], choice [batch]         -> images, of standard normal noise
    decode_at    latents, coordinates [points, d]  -> values  [batch, points, channels]

All are float32, images in [0, 1], the batch of any size. A GON encodes by its fold, one Dense
layer, so the files hold plain operators only. `sample` is there if the model knows how its latents
are distributed: `choice`, evenly from [0, 1), chooses one of its Gaussians, and is not there if it
has one only; those of a label are an interval, which export.json names. `decode_at` is there if it
is implicit: it draws any part of a signal at any resolution.

What was written is opened again by the format's own runtime and compared with the model.
export.json, beside the files, names them with their checksums.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import keras

from gon_tf import arguments, files
from gon_tf.export import record, web
from gon_tf.export.formats import FORMATS, LiteRT, check_installed
from gon_tf.export.functions import functions_of, label_ranges
from gon_tf.export.written import Exported, check_differences, check_precision, tolerance
from gon_tf.models import GLO, GON


def save(
    model: keras.Model,
    folder: str | os.PathLike,
    format: str = "savedmodel",
    images: Any = None,
    *,
    quantize: str | None = None,
    overwrite: bool = False,
) -> list[Exported]:
    """Writes the functions of `model` to `folder`, and checks them; all of it or nothing.

    Args:
        model: a trained model of this project, in float32.
        folder: path of the folder to write to. Its parent must exist.
        format: "savedmodel" (signatures of one SavedModel), "onnx" or "litert" (a file each), or
            "web" (a page; `gon_tf.export.web.save` takes several models and what is known of them).
        images: to check with, `[batch, *image_shape]`, uint8 or float in [0, 1]; the first 256
            count. By default the model makes some.
        quantize: with "litert", "float16" or "int8" to store weights in 2 bytes or 1; with "web",
            "int8".
        overwrite: write to a folder that exists, and replace the export in it; its other files
            stay, and must not be in the way.

    Returns:
        What was written, with the largest difference from `model`: at most 1e-4, or 1e-3 if it has
        sines (a SIREN); with `quantize`, whatever it is.

    Raises:
        ValueError: if the model cannot be exported to the format, or the files differ from it.
        TypeError: if the images are integers other than uint8.
        FileExistsError: if the folder exists, without `overwrite`, or has files in the way that are
            not as an export left them.
        ImportError: if the format needs a package that is not installed.

    Example:
        >>> for function in gon_tf.export.save(gon_tf.load("mnist-conv"), "mnist", "onnx"):
        ...     print(function.path, function.max_difference)
    """
    folder = files.path_of(folder)
    arguments.choice("format", format, (*FORMATS, "web"))
    if format == "web":
        exhibit = web.Exhibit(type(model).__name__, model, images)
        return web.save([exhibit], folder, quantize=quantize, overwrite=overwrite)
    arguments.choice("quantize", quantize, (None, "float16", "int8"))
    if quantize and format != "litert":
        raise ValueError(f"quantize is for format='litert'. Received: format={format!r}")
    check_installed(format)
    former = record.check_folder(folder, FORMATS[format].names, overwrite=overwrite)
    writer = LiteRT(quantize) if quantize else FORMATS[format]()
    check_model(model, format)
    functions = functions_of(model, images)
    with files.filling(folder, record.RECORD, former) as temporary:
        differences = write_and_compare(writer, functions, temporary, format)
        if not quantize:
            check_differences(differences, tolerance(model), format)
        paths = {function.name: writer.file(function.name) for function in functions}
        sizes = {name: size(temporary / path) for name, path in paths.items()}
        record.write(temporary, format, type(model).__name__, labels=label_ranges(model))
    return [Exported(f, folder / paths[f], sizes[f], differences[f]) for f in paths]


def check_model(model: Any, format: str) -> None:
    """Raises ValueError if `model` has no counterpart in the format."""
    check_precision(model)
    if FORMATS[format].has_gradients or not encodes_by_gradients(model):
        return
    why = "optimises its latents"
    if isinstance(model, GON):
        why = f"takes inner_steps={model.inner_steps}"
        if not model.shares_origin:
            why = "has batch normalisation, dropout or noise in its decoder"
    raise ValueError(
        f"A GON exports to {format}, which has no gradients, if its decoder treats every image by "
        "itself and either there is one inner step or the decoder is a ConvDecoder without "
        f"normalisation; every model exports to savedmodel. Received: {type(model).__name__}, "
        f"which {why}"
    )


def encodes_by_gradients(model: Any) -> bool:
    """Whether encoding is more than plain operators."""
    plain = isinstance(model, GON) and (model.folds or model.encodes_plainly)
    return isinstance(model, GLO | GON) and not plain


def write_and_compare(writer, functions, folder: Path, format: str) -> dict[str, float]:
    """Writes functions, runs what was written, and says how far the results are off."""
    calls = {call: inputs for f in functions for call, inputs in f.calls().items()}
    try:
        writer.write(functions, folder)
        results = writer.run(folder, calls)
        return {function.name: function.difference(results) for function in functions}
    # Converters and runtimes raise whatever an operator that they do not know leads them to.
    except Exception as error:
        raise ValueError(
            f"The model cannot be exported to {format}: {files.first_line(error)}"
        ) from error


def size(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    written = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in written if file.is_file())

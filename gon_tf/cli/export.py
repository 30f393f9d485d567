"""`gon-tf export`: a model as files that run without this package."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import click

from gon_tf import files
from gon_tf.cli import arguments, inputs, outputs, report
from gon_tf.startup import quiet, start_tensorflow


@click.command(
    epilog=arguments.examples(
        "gon-tf export mnist-conv --format onnx -o mnist-onnx",
        "gon-tf export ./my-gon --format litert --quantize float16 -o my-gon-lite",
        "gon-tf export ./my-gon --format savedmodel --images photos/ -o my-gon-tf",
        "gon-tf export mnist-conv mnist-implicit --format web -o page",
    )
)
@click.argument(
    "models", metavar="MODEL...", nargs=-1, required=True, shell_complete=arguments.complete
)
@click.option(
    "--format",
    type=click.Choice(["savedmodel", "onnx", "litert", "web"]),
    required=True,
    help="SavedModel for TensorFlow, ONNX for onnxruntime and others, LiteRT for phones, web for a "
    "page that runs in a browser.",
)
@arguments.output("The folder to write to.")
@click.option(
    "--images",
    metavar="IMAGES",
    help="A picture, a folder or a data set to check with, and for web to begin with. Default: the "
    "model makes its own; for web, those on the model's card.",
)
@click.option(
    "--quantize",
    type=click.Choice(["float16", "int8"]),
    help="With litert, or int8 with web: store weights in 2 bytes or 1; the error is printed, not "
    "limited.",
)
@arguments.data_dir
@arguments.as_json
@arguments.overwrite
def export(models, format, output, images, quantize, data_dir, as_json, overwrite) -> None:
    """Export MODEL to run without gon-tf, Keras or gradients.

    Writes the functions encode, decode and reconstruct, sample if the distribution of the latents
    is known, and decode_at for implicit models: signatures of one SavedModel, or a file each. All
    take float32 batches of any size.

    With --format web, writes a page of one MODEL or several that opens by a double click and works
    on any web server: draw, see what comes back, sample.

    What was written is opened again and compared with MODEL. Prints the largest difference; above
    1e-4 (1e-3 for models of sines) the command fails and leaves nothing.
    """
    check_options(models, format, quantize)
    outputs.check_new_folder(output, overwrite=overwrite)
    folders = list(map(arguments.folder, models))
    sources = [*folders, *([Path(images)] if images else [])]
    files.check_apart(output, [source for source in sources if source.exists()])
    found = inputs.find_source([images], data_dir) if images else None

    start_tensorflow()
    import gon_tf
    from gon_tf import export as exporting
    from gon_tf.export import formats, record, web

    names = web.NAMES
    if format != "web":
        formats.check_installed(format)  # before the model and the pictures are read
        names = formats.FORMATS[format].names
    if output.exists():
        record.check_folder(output, names, overwrite=overwrite)
    loaded = [gon_tf.load(model) for model in models]
    pixels = [some_images(found, m.image_shape, data_dir) if found else None for m in loaded]
    options = {"quantize": quantize, "overwrite": overwrite}
    output.parent.mkdir(parents=True, exist_ok=True)
    with quiet(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Neither node nor Chromium")  # `show` says it
        if format == "web":
            exhibits = list(map(web.exhibit_of, models, loaded, pixels))
            functions = web.save(exhibits, output, **options)
        else:
            functions = exporting.save(loaded[0], output, format, pixels[0], **options)
    show(models, format, functions, as_json)
    if format == "web":
        click.echo(f"Open {output / 'index.html'} in a browser.", err=True)


def check_options(models: tuple[str, ...], format: str, quantize: str | None) -> None:
    """Raise click.UsageError for options that do not go together."""
    if len(models) > 1 and format != "web":
        raise click.UsageError(
            f"--format {format} takes one MODEL; --format web takes several. "
            f"Received: {', '.join(models)}"
        )
    allowed = {"litert": ("float16", "int8"), "web": ("int8",)}.get(format, ())
    if quantize and quantize not in allowed:
        raise click.UsageError(
            "--quantize is for --format litert (float16, int8) and --format web (int8). "
            f"Received: --quantize {quantize} for {format}"
        )


def some_images(found: Any, image_shape: tuple, data_dir: Path | None) -> Any:
    """The first images of what `--images` named."""
    source = inputs.open_source(found, data_dir)
    count = min(source.count, 256)
    _, _, images = next(source.batches(source.share(1, 1)[:count], image_shape))
    return images


def show(models: tuple[str, ...], format: str, functions, as_json: bool) -> None:
    """Print what was written and how far it is off."""
    if any(function.max_difference is None for function in functions):
        message = "Neither node nor Chromium is there to run the page: nothing was compared."
        click.echo(message, err=True)
    if as_json:
        rows = [{**vars(function), "path": str(function.path)} for function in functions]
        report.echo_json({"model": ", ".join(models), "format": format, "functions": rows})
        return
    rows = [(f.name, difference(f.max_difference), f.bytes, str(f.path)) for f in functions]
    report.echo_table(("function", "max difference", "bytes", "output"), rows)


def difference(value: float | None) -> str:
    """The largest difference, if anything was compared."""
    return "not compared" if value is None else f"{value:.1e}"

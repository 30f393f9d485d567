"""`gon-tf export`: a model as files that run without this package."""

from __future__ import annotations

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
    )
)
@arguments.model
@click.option(
    "--format",
    type=click.Choice(["savedmodel", "onnx", "litert"]),
    required=True,
    help="SavedModel for TensorFlow, ONNX for onnxruntime and others, LiteRT for phones.",
)
@arguments.output("The folder to write to.")
@click.option(
    "--images",
    metavar="IMAGES",
    help="A picture, a folder or a data set to check with. Default: the model makes its own.",
)
@click.option(
    "--quantize",
    type=click.Choice(["float16", "int8"]),
    help="With litert: store weights in 2 bytes or 1; the error is printed, not limited.",
)
@arguments.data_dir
@arguments.as_json
@arguments.overwrite
def export(model, format, output, images, quantize, data_dir, as_json, overwrite) -> None:
    """Export MODEL to run without gon-tf, Keras or gradients.

    Writes the functions encode, decode and reconstruct, sample if the distribution of the latents
    is known, and decode_at for implicit models: signatures of one SavedModel, or a file each. All
    take float32 batches of any size.

    What was written is opened again and compared with MODEL. Prints the largest difference; above
    1e-4 (1e-3 for models of sines) the command fails and leaves nothing.
    """
    if quantize and format != "litert":
        raise click.UsageError(f"--quantize is for --format litert. Received: {format}")
    outputs.check_new_folder(output, overwrite=overwrite)
    sources = [arguments.folder(model), *([Path(images)] if images else [])]
    files.check_apart(output, [source for source in sources if source.exists()])
    found = inputs.find_source([images], data_dir) if images else None

    start_tensorflow()
    import gon_tf
    from gon_tf import export as exporting
    from gon_tf.export import formats, record

    formats.check_installed(format)  # before the model and the pictures are read
    if output.exists():
        record.check_folder(output, formats.FORMATS[format].names, overwrite=overwrite)
    network = gon_tf.load(model)
    pixels = some_images(found, network.image_shape, data_dir) if found else None
    output.parent.mkdir(parents=True, exist_ok=True)
    with quiet():
        functions = exporting.save(
            network, output, format, pixels, quantize=quantize, overwrite=overwrite
        )
    show(model, format, functions, as_json)


def some_images(found: Any, image_shape: tuple, data_dir: Path | None) -> Any:
    """The first images of what `--images` named."""
    source = inputs.open_source(found, data_dir)
    count = min(source.count, 256)
    _, _, images = next(source.batches(range(count), image_shape))
    return images


def show(model: str, format: str, functions, as_json: bool) -> None:
    """Print what was written and how far it is off."""
    if as_json:
        rows = [{**vars(function), "path": str(function.path)} for function in functions]
        report.echo_json({"model": model, "format": format, "functions": rows})
        return
    rows = [(f.name, f"{f.max_difference:.1e}", f.bytes, str(f.path)) for f in functions]
    report.echo_table(("function", "max difference", "bytes", "output"), rows)

"""How much zoo models' samples look like their data sets, by several draws, and with other priors.

    python -m benchmarks.sampling mnist-conv [--components 1 5 20] [--samples 5000]
    python -m benchmarks.sampling mnist-conv --components 20 --save zoo/mnist-conv

Each row is what `gon_tf.sampling.measure` says: the Frechet distance of samples to held-out images
in the features that come with the package, the mean of three draws and their deviation, beside
that of as many training images, and the share of copies.

With several numbers of components the latents' distribution is fitted anew for each, which changes
no other weight. `--save` writes the model with the last number to a folder, with the figures in its
metadata. `--data-dir` or TFDS_DATA_DIR says where the data set lies.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

import gon_tf
from benchmarks import print_table
from gon_tf import files, presets, sampling, zoo


def load(name: str, shape, data_dir) -> np.ndarray:
    """All images of a data set, uint8."""
    return np.concatenate(list(gon_tf.data.load(name, shape, 1000, data_dir=data_dir)))


def load_labels(name: str, data_dir) -> np.ndarray:
    """The labels of a TFDS data set, in the order of its images."""
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core.read_only_builder import builder_from_files

    dataset, _, split = gon_tf.data.open_source(name, data_dir).name.partition(":")
    folder = Path(data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets")
    builder = builder_from_files(dataset, data_dir=str(folder.expanduser()))
    examples = builder.as_dataset(
        split=split,
        decoders=tfds.decode.PartialDecoding({"label": True}),
        read_config=tfds.ReadConfig(try_autocache=False),
    )
    return np.array([example["label"] for example in examples.as_numpy_iterator()])


def refit(model, images, components: int):
    """The same network with another distribution of latents to sample from.

    Args:
        model: a model whose `sample` draws from a mixture; its weights are not changed.
        images: those that it was trained on: an array, or a data set of batches.
        components: Gaussians in the mixture, >= 1; more than one needs scikit-learn
            (`pip install "gon-tf[mixture]"`).

    Returns:
        A new model, which reconstructs as `model` does.

    Raises:
        ValueError: if the model samples from a prior, or there are too few images.
        ImportError: if scikit-learn is needed and missing.
    """
    config = presets.describe(model)
    if "components" not in config["arguments"]:
        raise ValueError(
            f"A {type(model).__name__} samples from the prior N(0, I): there is nothing to refit."
        )
    config["arguments"]["components"] = components
    copy = presets.build(config, zoo.CONFIG)
    # Only the weights of the mixture differ in shape; they are fitted anew.
    of_mixture = {id(weight) for weight in copy.prior.variables}
    for new, old in zip(copy.weights, model.weights, strict=True):
        if id(new) not in of_mixture:
            new.assign(old)
    copy.fit_latents(images)
    return copy


def save(model, folder: Path, metadata: dict, figures: dict) -> None:
    """Writes the model with its figures as a preset, in the place of the former one."""
    metrics = {**metadata.get("metrics", {}), **figures}
    recipe = dict(metadata.get("recipe", {}))
    if "components" in presets.describe(model)["arguments"]:
        recipe["components"] = model.prior.components
    model.save_to_preset(folder, {**metadata, "recipe": recipe, "metrics": metrics}, overwrite=True)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("model", help="name of a zoo model, or folder of a preset with a recipe")
    parser.add_argument("--components", type=int, nargs="+", help="refit with so many Gaussians")
    parser.add_argument("--samples", type=int, default=5000)
    parser.add_argument("--save", type=Path, help="folder for the model with the last components")
    parser.add_argument("--data-dir")
    options = parser.parse_args()

    metadata = files.read_json(zoo.locate(options.model) / zoo.METADATA)
    recipe, model = metadata["recipe"], gon_tf.load(options.model)
    train, test = (
        load(recipe[key], model.image_shape, options.data_dir) for key in ("dataset", "evaluate")
    )
    rows = []
    for components in options.components or [None]:
        if components is not None:
            model = refit(model, train, components)
        figures = sampling.measure(model, train, test, options.samples)
        name = "samples" if components is None else f"samples, {components} Gaussians"
        held_out = figures["nearest_training_image_of_held_out"]
        rows.append(
            [
                name,
                f"{figures['frechet']:.3f} ± {figures['frechet_deviation']:.3f}",
                f"{figures['frechet_of_training_images']:.3f}",
                f"{figures['copies']:.1%}",
                f"{figures['nearest_training_image'] / held_out:.2f}",
            ]
        )
        print("#", *rows[-1], flush=True)
    header = ["images", "Frechet distance", "of training images", "copies"]
    print_table([*header, "nearest / held-out's"], rows)
    if options.save:
        save(model, options.save, metadata, figures)


if __name__ == "__main__":
    main()

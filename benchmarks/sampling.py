"""How much a model's samples look like its data set: a Frechet distance, and a look for copies.

    python -m benchmarks.sampling mnist-conv [--components 1 5 20] [--samples 10000]
    python -m benchmarks.sampling mnist-conv --components 20 --save zoo/mnist-conv

Features are the last hidden layer (64 units) of a small classifier, which is trained here on the
labels of the model's training data, three epochs, and kept in runs/classifiers. The Frechet
distance is that of two Gaussians fitted to the features: of samples and of held-out images. It
depends on the classifier, so it compares models of one data set and image size, on one machine.
Rows "train" and "reconstructions" say what real images and the model's best pictures would get.

A sample that was memorised lies nearer to a training image than new images of the same kind do.
"copies" is the share of samples whose nearest training image (squared error of pixels) is nearer
than that of 99% of the held-out images: 1% is what new images get.

With several numbers of components the latents' distribution is fitted anew for each, which changes
no other weight. `--save` writes the model with the last number to a folder, with the figures in its
metadata. `--data-dir` or TFDS_DATA_DIR says where the data set lies.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

import gon_tf
from benchmarks import print_table
from gon_tf import files, presets, zoo

CLASSIFIERS = Path("runs/classifiers")
FEATURES, EPOCHS, BATCH = 64, 3, 128


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


def new_classifier(shape, classes: int) -> keras.Model:
    """A small convolutional network from uint8 images to classes."""
    layers = [keras.Input(shape), keras.layers.Rescaling(1 / 255)]
    for width in (32, 64, 128):
        layers.append(keras.layers.Conv2D(width, 3, strides=2, padding="same", activation="elu"))
    layers += [
        keras.layers.Flatten(),
        keras.layers.Dense(FEATURES, activation="elu", name="features"),
        keras.layers.Dense(classes),
    ]
    return keras.Sequential(layers)


def classifier(dataset: str, images, labels) -> keras.Model:
    """The classifier of a data set: trained, or read if it was trained before."""
    height, width, channels = images.shape[1:]
    name = f"{dataset.split(':')[0].replace('/', '-')}-{height}x{width}x{channels}.weights.h5"
    keras.utils.set_random_seed(0)
    network = new_classifier(images.shape[1:], int(labels.max()) + 1)
    if (CLASSIFIERS / name).is_file():
        network.load_weights(CLASSIFIERS / name)
        return network
    # Small data sets are seen more often: 1,000 steps at least.
    epochs = max(EPOCHS, 1000 * BATCH // len(images))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.Adam(1e-3), loss)
    network.fit(images, labels, batch_size=BATCH, epochs=epochs, verbose=0)
    CLASSIFIERS.mkdir(parents=True, exist_ok=True)
    network.save_weights(CLASSIFIERS / name)
    return network


def accuracy(network: keras.Model, images, labels) -> float:
    """Share of the images whose class is found."""
    return float(np.mean(network.predict(images, verbose=0).argmax(axis=1) == labels))


def feature_network(network: keras.Model) -> keras.Model:
    """The classifier up to its last hidden layer."""
    return keras.Model(network.inputs, network.get_layer("features").output)


def moments(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of features `[n, FEATURES]`, float64."""
    features = features.astype(np.float64)
    return features.mean(axis=0), np.cov(features, rowvar=False)


def frechet(one: np.ndarray, other: np.ndarray) -> float:
    """Frechet distance of the Gaussians fitted to two sets of features `[n, FEATURES]`.

    |m1 - m2|^2 + trace(C1 + C2 - 2 (C1^1/2 C2 C1^1/2)^1/2): Heusel et al., NeurIPS 2017.
    """
    (mean, covariance), (other_mean, other_covariance) = moments(one), moments(other)
    variances, axes = np.linalg.eigh(covariance)
    root = (axes * np.sqrt(np.maximum(variances, 0))) @ axes.T
    products = np.linalg.eigvalsh(root @ other_covariance @ root)
    cross = np.sqrt(np.maximum(products, 0)).sum()
    total = np.trace(covariance) + np.trace(other_covariance) - 2 * cross
    return float(np.sum((mean - other_mean) ** 2) + total)


def nearest_distances(images: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Squared error of each image to the nearest of `among`, pixels in [0, 1], `[len(images)]`."""
    images, among = flat(images), flat(among)
    squares = np.sum(among**2, axis=1)
    nearest = [
        np.min(squares - 2 * part @ among.T, axis=1) + np.sum(part**2, axis=1)
        for part in np.array_split(images, max(len(images) // 200, 1))
    ]
    return np.maximum(np.concatenate(nearest), 0)


def flat(images: np.ndarray) -> np.ndarray:
    """uint8 images as rows of float32 in [0, 1]."""
    return images.reshape(len(images), -1).astype(np.float32) / 255


def to_uint8(images) -> np.ndarray:
    """Pictures in [0, 1] as uint8, as the data set's are."""
    return np.rint(np.clip(images, 0, 1) * 255).astype(np.uint8)


class Judge:
    """What samples of a data set are held against.

    Args:
        features: network from uint8 images to features.
        train: training images, uint8.
        test: held-out images, uint8.
        neighbours: images that nearest neighbours are sought for.
    """

    def __init__(self, features, train, test, neighbours=1000):
        self.features, self.train, self.neighbours = features, train, neighbours
        self.real = self.features_of(test)
        held_out = nearest_distances(test[:neighbours], train)
        self.near, self.median = np.quantile(held_out, 0.01), np.median(held_out)
        self.floor = self.frechet(train[: len(test)])

    def features_of(self, images) -> np.ndarray:
        """Features of uint8 images."""
        return self.features.predict(images, batch_size=500, verbose=0)

    def frechet(self, images) -> float:
        """Frechet distance of uint8 images to the held-out ones."""
        return frechet(self.features_of(images), self.real)

    def figures(self, images) -> dict:
        """All figures of uint8 images that a model has drawn."""
        nearest = nearest_distances(images[: self.neighbours], self.train)
        return {
            "frechet": self.frechet(images),
            "frechet_of_training_images": self.floor,
            "copies": float(np.mean(nearest < self.near)),
            "nearest_training_image": float(np.median(nearest)),
            "nearest_training_image_of_held_out": float(self.median),
        }


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
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--save", type=Path, help="folder for the model with the last components")
    parser.add_argument("--data-dir")
    options = parser.parse_args()

    metadata = files.read_json(zoo.locate(options.model) / zoo.METADATA)
    recipe, model = metadata["recipe"], gon_tf.load(options.model)
    train, test = (
        load(recipe[key], model.image_shape, options.data_dir) for key in ("dataset", "evaluate")
    )
    labels = load_labels(recipe["dataset"], options.data_dir)
    network = classifier(recipe["dataset"], train, labels)
    found = accuracy(network, test, load_labels(recipe["evaluate"], options.data_dir))
    print(f"classifier: {found:.2%} of the held-out images right")
    judge = Judge(feature_network(network), train, test)
    rows = [
        ["train", f"{judge.floor:.3f}", "", ""],
        ["reconstructions", f"{judge.frechet(to_uint8(model.reconstruct(test))):.3f}", "", ""],
    ]
    for row in rows:
        print("#", *row, flush=True)
    for components in options.components or [None]:
        if components is not None:
            model = refit(model, train, components)
        figures = judge.figures(to_uint8(model.sample(options.samples)))
        name = "samples" if components is None else f"samples, {components} Gaussians"
        ratio = figures["nearest_training_image"] / judge.median
        rows.append([name, f"{figures['frechet']:.3f}", f"{figures['copies']:.1%}", f"{ratio:.2f}"])
        print("#", *rows[-1], flush=True)
    print_table(["images", "Frechet distance", "copies", "nearest / held-out's"], rows)
    if options.save:
        save(model, options.save, metadata, {**figures, "samples": options.samples})


if __name__ == "__main__":
    main()

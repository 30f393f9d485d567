"""The features of pictures that Frechet distances are measured in, if no others are given.

They are the last hidden layer of a small classifier that comes with the package: one convolutional
network that learned digits, clothes, photographs and turned objects at once, see
benchmarks/features.py.
"""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from gon_tf import files

SIZE, WIDTH = 32, 64  # pixels a side; features
FOLDER = Path(__file__).parent
WEIGHTS, RECORD = FOLDER / "extractor.weights.h5", FOLDER / "extractor.json"
MOST_BYTES = 2**24


def new_classifier(classes: int) -> keras.Model:
    """The network from pictures `[batch, 32, 32, 3]` in [0, 1] to logits `[batch, classes]`."""
    exact: dict[str, Any] = {"dtype": "float32"}  # whatever the policy of a training
    images = keras.Input((SIZE, SIZE, 3), dtype="float32")
    outputs = layers.Rescaling(2.0, offset=-1.0, **exact)(images)
    for width, halve in ((24, True), (48, True), (96, False), (96, True), (128, True)):
        outputs = layers.Conv2D(width, 3, padding="same", use_bias=False, **exact)(outputs)
        outputs = layers.BatchNormalization(**exact)(outputs)
        outputs = layers.Activation("relu", **exact)(outputs)
        if halve:
            outputs = layers.MaxPooling2D(**exact)(outputs)
    outputs = layers.Flatten(**exact)(outputs)
    outputs = layers.Dense(WIDTH, activation="elu", name="features", **exact)(outputs)
    return keras.Model(images, layers.Dense(classes, **exact)(outputs), name="classifier")


@functools.cache
def classifier() -> keras.Model:
    """The classifier that comes with the package, from pictures as `prepare` gives them to logits.

    `extractor.json` beside its weights names the classes and says how often it is right.

    Raises:
        ValueError: if its files are damaged.
    """
    record = files.read_json(RECORD)
    content = files.read_plain(WEIGHTS, MOST_BYTES)
    if hashlib.sha256(content).hexdigest() != record.get("sha256"):
        raise ValueError(f"{WEIGHTS} is damaged (its sha256 differs); install gon-tf again.")
    network = new_classifier(len(record["classes"]))
    network.load_weights(WEIGHTS)
    network.trainable = False
    return network


def prepare(images: tf.Tensor) -> tf.Tensor:
    """Pictures of any size and number of channels as `[batch, 32, 32, 3]`.

    Three channels are red, green and blue; others are averaged to grey.
    """
    if images.shape[-1] != 3:
        grey = ops.mean(images, axis=-1, keepdims=True)
        images = ops.concatenate([grey, grey, grey], axis=-1)
    if tuple(images.shape[1:3]) != (SIZE, SIZE):
        images = tf.image.resize(images, (SIZE, SIZE), antialias=True)
    return images


@keras.saving.register_keras_serializable("gon_tf")
class Features(keras.Layer):
    """64 features of pictures of any size and number of channels.

    Example:
        >>> Features()(np.zeros((2, 28, 28, 1), np.float32)).shape
        TensorShape([2, 64])
    """

    def __init__(self, name: str | None = None):
        super().__init__(name=name, trainable=False, autocast=False, dtype="float32")
        network = classifier()
        self.network = keras.Model(network.inputs, network.get_layer("features").output)
        self.batch = tf.function(self.network, autograph=False, reduce_retracing=True)

    def call(self, images: tf.Tensor) -> tf.Tensor:
        """float32 `[batch, height, width, channels]` in [0, 1] to `[batch, 64]`."""
        return self.batch(prepare(images))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"name": self.name}

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, int]:
        """`(batch, 64)`."""
        return input_shape[0], WIDTH


@functools.cache
def extractor() -> Features:
    """The features, read once."""
    return Features()


def to_unit_range(images: Any) -> tf.Tensor:
    """Images as float32 in [0, 1], checked.

    Raises:
        ValueError: if they are no images, or not in this range.
    """
    images = np.asarray(images)
    if images.ndim != 4 or 0 in images.shape:
        raise ValueError(
            f"Images are [batch, height, width, channels]. Received: the shape {images.shape}"
        )
    if images.dtype == np.uint8:
        return ops.convert_to_tensor(images.astype(np.float32) / 255.0)
    images = images.astype(np.float32)
    if not (images.min() >= -1e-3 and images.max() <= 1.0 + 1e-3):
        raise ValueError(
            "Images are uint8 in [0, 255] or floating point in [0, 1]. "
            f"Received: values from {images.min():g} to {images.max():g}"
        )
    return ops.convert_to_tensor(np.clip(images, 0.0, 1.0))

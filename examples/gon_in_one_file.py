"""A Gradient Origin Network on MNIST in one file: `python gon_in_one_file.py`.

A GON has no encoder. The latents of an image are one step from the origin, against the gradient of
the reconstruction loss, and the decoder is trained through that step. This is the paper's gradient
step by a nested tape (Bond-Taylor & Willcocks, ICLR 2021), with instance normalisation, and needs
TensorFlow, TensorFlow Datasets and Pillow only.
"""

import argparse

import keras
import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image

LATENTS, FILTERS, BATCH = 256, 16, 64


def make_decoder():
    """Latents to images: four transposed convolutions, all smooth (ELU, sigmoid)."""
    layers = [keras.Input((LATENTS,)), keras.layers.Reshape((1, 1, LATENTS))]
    for number, filters in enumerate([4 * FILTERS, 2 * FILTERS, FILTERS]):
        stride, padding = (1, "valid") if number == 0 else (2, "same")
        layers += [
            keras.layers.Conv2DTranspose(filters, 4, stride, padding),
            keras.layers.GroupNormalization(groups=-1, epsilon=1e-5),
            keras.layers.Activation("elu"),
        ]
    layers += [keras.layers.Conv2DTranspose(1, 4, 2, "same", activation="sigmoid")]
    return keras.Sequential(layers)


def squared_error(decoder, latents, images):
    """Summed over the pixels of each image."""
    return tf.reduce_sum(tf.square(decoder(latents) - images), axis=[1, 2, 3])


def encode(decoder, images):
    """One step from the origin: latents = 0 - d/d latents of the loss at 0."""
    origin = tf.zeros((tf.shape(images)[0], LATENTS))
    with tf.GradientTape() as tape:
        tape.watch(origin)
        inner_loss = tf.reduce_sum(squared_error(decoder, origin, images))
    return -tape.gradient(inner_loss, origin)


def main():
    """Trains, measures on the test images, and draws eight of them above their reconstructions."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--steps", type=int, default=2000, help="training steps (default 2000)")
    parser.add_argument("--output", default="gon.png", help="picture to write (default gon.png)")
    options = parser.parse_args()

    keras.utils.set_random_seed(0)
    decoder = make_decoder()
    rate = keras.optimizers.schedules.CosineDecay(2e-3, options.steps)
    optimizer = keras.optimizers.Adam(rate)

    @tf.function
    def train_step(images):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(squared_error(decoder, encode(decoder, images), images))
        gradients = tape.gradient(loss, decoder.trainable_weights)
        optimizer.apply(gradients, decoder.trainable_weights)
        return loss

    def batches(split):
        dataset = tfds.load("mnist", split=split).map(lambda example: example["image"])
        return dataset.map(lambda image: tf.image.resize(image, (32, 32), antialias=True) / 255)

    train = batches("train").shuffle(10_000, seed=0).repeat().batch(BATCH, drop_remainder=True)
    for step, images in enumerate(train.take(options.steps), start=1):
        loss = train_step(images)
        if step % 100 == 0:
            print(f"step {step}: squared error per training image {loss:.3f}")

    test = list(batches("test").batch(500))
    errors = [squared_error(decoder, encode(decoder, images), images) for images in test]
    print(f"squared error per test image {np.mean(errors):.3f}")
    shown = test[0][:8]
    rows = [np.concatenate(row, axis=1) for row in (shown, decoder(encode(decoder, shown)))]
    picture = np.clip(np.concatenate(rows)[..., 0] * 255, 0, 255).astype(np.uint8)
    Image.fromarray(picture).save(options.output)


if __name__ == "__main__":
    main()

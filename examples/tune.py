"""Searches for good settings of a GON with KerasTuner.

    pip install "gon-tf[tuner]"
    python tune.py photos/ --size 32 --trials 10 -o tuned-gon

Each trial trains a model for a few epochs, and its held-out error decides; the best one is trained
anew for longer, and saved as a preset.
"""

import argparse

import keras
import keras_tuner
import numpy as np

import gon_tf

parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
parser.add_argument("dataset", help="as for gon-tf train: a folder of pictures, mnist:train, ...")
parser.add_argument("-o", "--output", default="tuned-gon", help="folder of the best model")
parser.add_argument("--size", type=int, default=32, help="pixels a side")
parser.add_argument("--latents", type=int, default=64)
parser.add_argument("--trials", type=int, default=10)
parser.add_argument("--epochs", type=int, default=3, help="of a trial")
parser.add_argument("--final-epochs", type=int, default=12, help="of the best model")
options = parser.parse_args()

shape = (options.size, options.size, 1)
images = gon_tf.data.open_images(options.dataset, shape)
numbers = np.arange(len(images))
held_out, training = images.part(numbers[::10]), images.part(numbers[numbers % 10 > 0])
batches = training.batches(64, shuffle_seed=0)


def build(choose):
    """A GON with the settings of a trial."""
    filters = choose.Int("filters", 8, 24, step=8)
    decoder = gon_tf.ConvDecoder(shape, latent_dim=options.latents, filters=filters)
    model = gon_tf.GON(decoder, damping=choose.Float("damping", 1e-3, 1.0, sampling="log"))
    rate = choose.Float("learning_rate", 1e-3, 5e-2, sampling="log")
    model.compile(keras.optimizers.Adam(rate, beta_1=0.95, beta_2=0.95))
    return model


tuner = keras_tuner.RandomSearch(
    build, "val_loss", options.trials, seed=0, directory=f"{options.output}-trials", overwrite=True
)
tuner.search(batches, validation_data=held_out.batches(256), epochs=options.epochs, verbose=2)
(best,) = tuner.get_best_hyperparameters()
model = build(best)
model.fit(batches, validation_data=held_out.batches(256), epochs=options.final_epochs, verbose=2)
model.save_to_preset(options.output, overwrite=True)
print(f"{options.output}: {best.values}")

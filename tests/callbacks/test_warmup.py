import keras
import numpy as np
import pytest

from gon_tf import GON, ConvDecoder, VariationalGON
from gon_tf.callbacks import KLWarmup


class Weights(keras.callbacks.Callback):
    """Records the weight of the divergence at every step."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(float(self.model.kl_weight))


def build(kl_weight=1.0):
    model = VariationalGON(ConvDecoder((8, 8, 1), 4, filters=2), kl_weight=kl_weight)
    model.compile("adam")
    return model


def weights_of(model, images, warmup, **arguments):
    """The weight at each of two steps per epoch."""
    weights = Weights()
    arguments = {"epochs": 4, "batch_size": 5, "verbose": 0, **arguments}
    model.fit(images, callbacks=[warmup, weights], **arguments)
    return weights.seen


def test_warmup_over_epochs(images):
    model = build(kl_weight=2.0)
    seen = weights_of(model, images, KLWarmup(epochs=2, start=0.5))
    np.testing.assert_allclose(seen, [1.0, 1.0, 1.5, 1.5, 2.0, 2.0, 2.0, 2.0])


def test_warmup_over_steps(images):
    seen = weights_of(build(), images, KLWarmup(steps=5))
    np.testing.assert_allclose(seen, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.0, 1.0], atol=1e-6)


def test_the_weight_is_the_models_own_after_training(images):
    model = build(kl_weight=0.5)
    weights_of(model, images, KLWarmup(epochs=100))
    assert float(model.kl_weight) == 0.5


@pytest.mark.parametrize("warmup", [lambda: KLWarmup(epochs=4), lambda: KLWarmup(steps=8)])
def test_resumed_training_goes_on(images, warmup, tmp_path):
    whole = weights_of(build(), images, warmup())
    model = build()
    first = weights_of(model, images, warmup(), epochs=2)
    model.save(tmp_path / "model.keras")
    model = keras.saving.load_model(tmp_path / "model.keras")
    second = weights_of(model, images, warmup(), initial_epoch=2)
    np.testing.assert_allclose(first + second, whole)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "either epochs or steps. Received: epochs=None, steps=None"),
        ({"epochs": 1, "steps": 1}, "either epochs or steps. Received: epochs=1, steps=1"),
        ({"epochs": 0}, "integer >= 1. Received: epochs=0"),
        ({"steps": 1.5}, "integer >= 1. Received: steps=1.5"),
        ({"epochs": 1, "start": 1.5}, r"in \[0, 1\]. Received: start=1.5"),
        ({"epochs": 1, "start": -0.5}, "number >= 0. Received: start=-0.5"),
    ],
)
def test_arguments_out_of_range(arguments, message):
    with pytest.raises(ValueError, match=message):
        KLWarmup(**arguments)


def test_model_without_a_divergence(images):
    model = GON(ConvDecoder((8, 8, 1), 4, filters=2))
    model.compile("adam")
    with pytest.raises(TypeError, match="needs a model with a kl_weight.*Received: GON"):
        model.fit(images, callbacks=[KLWarmup(epochs=1)], verbose=0)

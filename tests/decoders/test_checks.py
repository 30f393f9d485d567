import keras
import numpy as np
import pytest

import gon_tf

IMAGES = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1), dtype=np.uint8)


def decoder(first="elu", interpolation="nearest"):
    latents = keras.Input((4,))
    values = keras.layers.Reshape((4, 4, 2))(keras.layers.Dense(32, activation=first)(latents))
    values = keras.layers.UpSampling2D(2, interpolation=interpolation, name="larger")(values)
    pictures = keras.layers.Conv2D(1, 3, padding="same", activation="sigmoid")(values)
    return keras.Model(latents, pictures, name="mine")


class Own(keras.Model):
    """A decoder that somebody wrote as a subclass."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(64, activation="sigmoid")
        self.shape = keras.layers.Reshape((8, 8, 1))

    def call(self, latents):
        return self.shape(self.dense(latents))


def test_bilinear_resizing_names_its_layer():
    with pytest.raises(ValueError, match=r"no second derivative of bilinear .* the layer 'larger'"):
        gon_tf.GON(decoder(interpolation="bilinear"))
    assert gon_tf.GON(decoder()).latent_dim == 4


@pytest.mark.parametrize("step", ["gradient", "gauss-newton"])
def test_a_decoder_that_is_dead_at_the_origin(step):
    with pytest.raises(ValueError, match=r"do not change with the latents at the origin.*'mine'"):
        gon_tf.GON(decoder("relu"), step=step)
    with pytest.raises(ValueError, match="do not change with the latents"):
        gon_tf.VariationalGON(decoder("relu"))


def test_a_subclass_that_was_called():
    own = Own()
    with pytest.raises(ValueError, match="give it a keras.Input, or call it once"):
        gon_tf.GON(own)
    own(np.zeros((1, 4)))
    model = gon_tf.GON(own)
    assert (model.latent_dim, model.image_shape) == (4, (8, 8, 1))
    model.compile(keras.optimizers.Adam(1e-3))
    before = model.train_on_batch(IMAGES)[0]
    assert model.train_on_batch(IMAGES)[0] < before

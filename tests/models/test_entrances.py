"""Every way to give a model images takes the same ones, and refuses the same ones."""

import json
import logging
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from gon_tf import GON, Autoencoder, ConvDecoder, ImplicitDecoder, ImplicitGON


@pytest.fixture(params=[GON, ImplicitGON, Autoencoder])
def model(request):
    if request.param is ImplicitGON:
        decoder = ImplicitDecoder(1, latent_dim=2, width=4, depth=1)
        model = ImplicitGON(decoder, (8, 8, 1), points_per_step=16)
    else:
        model = request.param(ConvDecoder((8, 8, 1), latent_dim=2, filters=1))
    model.compile("adam")
    return model


class Batches(keras.utils.PyDataset):
    """Batches of five images, without an end if there is no count."""

    def __init__(self, images, count=2):
        super().__init__()
        self.images, self.count = images, count

    @property
    def num_batches(self):
        return self.count

    def __getitem__(self, number):
        return self.images[:5]


def endless(images):
    while True:
        yield (images[:5],)


ENTRANCES = {
    "fit a generator": lambda m, x: m.fit(endless(x), steps_per_epoch=2, verbose=0),
    "fit a PyDataset": lambda m, x: m.fit(Batches(x), verbose=0),
    "evaluate a generator": lambda m, x: m.evaluate(endless(x), steps=1, verbose=0),
    "predict": lambda m, x: m.predict(x, verbose=0),
    "predict a data set": lambda m, x: m.predict(
        tf.data.Dataset.from_tensor_slices(x).batch(5), verbose=0
    ),
    "call": lambda m, x: m(x),
    "train_on_batch": lambda m, x: m.train_on_batch(x),
    "test_on_batch": lambda m, x: m.test_on_batch(x),
    "encode": lambda m, x: m.encode(x),
}
WRONG = {
    "NCHW": lambda x: x.transpose(0, 3, 1, 2),
    "flat": lambda x: x.reshape(len(x), -1),
    "no channel": lambda x: x[..., 0],
    "floats to 255": lambda x: x.astype("float32"),
    "int64": lambda x: x.astype("int64"),
    "uint16": lambda x: x.astype("uint16"),
    "NaN": lambda x: np.where(np.arange(8) == 3, np.nan, x[..., 0] / 255.0)[..., None],
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("entrance", ENTRANCES)
def test_wrong_images_are_refused(model, images, entrance, wrong):
    if isinstance(model, Autoencoder) and wrong not in ("NCHW", "floats to 255"):
        return  # the same check as the others'
    with pytest.raises((ValueError, TypeError), match="(?i)image"):
        ENTRANCES[entrance](model, WRONG[wrong](images))


@pytest.mark.parametrize("entrance", ENTRANCES)
def test_white_may_be_a_little_more_than_one(model, images, entrance):
    brightest = np.where(images > 200, np.float32(1.0000002), np.float32(0.5))
    ENTRANCES[entrance](model, brightest)
    np.testing.assert_array_equal(
        model.encode(brightest), model.encode(np.minimum(brightest, np.float32(1.0)))
    )


def test_dictionaries_of_tensorflow_datasets(model, images):
    data = tf.data.Dataset.from_tensor_slices({"image": images, "label": np.arange(10)})
    model.fit(data.batch(5), verbose=0)
    assert np.isfinite(model.evaluate(data.batch(5), verbose=0, return_dict=True)["loss"])
    with pytest.raises(ValueError, match=r"'image'\. Received: picture"):
        model.fit(tf.data.Dataset.from_tensor_slices({"picture": images}).batch(5), verbose=0)


@pytest.mark.parametrize("option", ["sample_weight", "class_weight"])
def test_images_have_no_weights(model, images, option):
    weights = {"sample_weight": np.ones(10), "class_weight": {0: 1.0}}[option]
    with pytest.raises(ValueError, match=f"weigh the same. Received: {option}"):
        model.fit(images, verbose=0, **{option: weights})


def test_what_comes_after_training_is_checked_before(images):
    def model(components):
        model = GON(ConvDecoder((8, 8, 1), 2, filters=1), components=components)
        model.compile("adam")
        return model

    one = model(1)
    one.fit(images[:1], verbose=0)
    assert one.sample(2).shape == (2, 8, 8, 1)
    with pytest.raises(ValueError, match="2 latents for each component"):
        model(10).fit(images[:5], verbose=0)
    model(1).fit(Batches(images, count=None), steps_per_epoch=2, verbose=0)
    few = model(10)
    with pytest.warns(UserWarning, match="is trained, but what sample draws from is not fitted"):
        few.fit(tf.data.Dataset.from_tensor_slices(images[:5]).batch(5), verbose=0)


def test_interpolation_between_images_of_two_types(model, images):
    between = model.interpolate(images[0], images[1] / np.float32(255.0), steps=3)
    np.testing.assert_allclose(between, model.interpolate(images[0], images[1], 3), atol=1e-5)


def test_keras_export_says_which_to_use(model, tmp_path):
    with pytest.raises(TypeError, match=r"gon_tf\.export\.save"):
        model.export(tmp_path / "model")


CHANNELS_FIRST = """
import numpy as np, gon_tf
images = np.random.default_rng(0).integers(0, 256, (8, 8, 8, 1), dtype=np.uint8)
for make in (gon_tf.GON, gon_tf.Autoencoder, gon_tf.TiedAutoencoder):
    model = make(gon_tf.ConvDecoder((8, 8, 1), latent_dim=4, filters=2))
    model.compile("adam")
    model.fit(images, verbose=0)
    print(model.reconstruct(images).shape)
"""


@pytest.mark.slow
def test_channels_are_last_whatever_keras_is_told(tmp_path):
    settings = {"image_data_format": "channels_first", "backend": "tensorflow"}
    (tmp_path / "keras.json").write_text(json.dumps(settings))
    environment = {**os.environ, "KERAS_HOME": str(tmp_path), "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-c", CHANNELS_FIRST], env=environment, capture_output=True, text=True
    )
    assert done.stdout.splitlines() == ["(8, 8, 8, 1)"] * 3, done.stderr


@pytest.mark.parametrize("way", ["fit", "evaluate", "predict", "train_on_batch", "test_on_batch"])
def test_what_is_no_array_of_images(model, way):
    images = np.zeros((5, 8, 8, 1), np.uint8)
    for given, kind in (({"image": images}, "dict of 1"), ([images, images], "list of 2")):
        with pytest.raises(TypeError, match=f"Images are one array.* Received: a {kind}"):
            getattr(model, way)(given)
    with pytest.raises(ValueError, match="at least one image"):
        getattr(model, way)(images[:0])


def test_batches_have_no_weights(model):
    images = np.zeros((5, 8, 8, 1), np.uint8)
    for way, name in (
        (model.train_on_batch, "sample_weight"),
        (model.train_on_batch, "class_weight"),
        (model.test_on_batch, "sample_weight"),
    ):
        with pytest.raises(ValueError, match=f"All images weigh the same. Received: {name}"):
            way(images, **{name: np.ones(5)})


@pytest.mark.slow
def test_several_models_and_many_sizes_without_warnings_of_retracing(monkeypatch):
    said = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())
    monkeypatch.setattr(tf.get_logger(), "handlers", [handler])
    images = np.random.default_rng(0).random((12, 8, 8, 1), np.float32)
    for count in range(1, 7):
        model = GON(ConvDecoder((8, 8, 1), latent_dim=2, filters=1))
        model.compile("adam")
        model.fit(images[:count], verbose=0)
        for some in (images[:count], images[count : 2 * count + 1]):
            model.predict(some, verbose=0)
            model.evaluate(some, verbose=0)
            model.encode(some)
            model.reconstruct(some)
            model.sample(len(some))
    assert said == []
    tf.get_logger().warning("of another kind")
    assert said == ["of another kind"]

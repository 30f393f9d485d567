"""What every model class must do, with tiny arguments. A new class adds one line to MODELS."""

import functools
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import gon_tf
from gon_tf import metrics

SHAPE, LATENTS = (8, 8, 1), 4


def conv_decoder(**arguments):
    return gon_tf.ConvDecoder(SHAPE, LATENTS, filters=2, **arguments)


def implicit_decoder(**arguments):
    # Sines of low frequencies: at omega 30 so small a network draws noise.
    return gon_tf.ImplicitDecoder(
        1, LATENTS, width=16, depth=2, omega=5.0, output_activation="sigmoid", **arguments
    )


MODELS = {
    "gon": lambda: gon_tf.GON(conv_decoder()),
    "gon, gradient": lambda: gon_tf.GON(conv_decoder(), step="gradient", inner_scale=1.0),
    "gon, cross-entropy": lambda: gon_tf.GON(conv_decoder(), loss="cross_entropy"),
    "gon, two steps": lambda: gon_tf.GON(conv_decoder(), inner_steps=2, learn_origin=True),
    "implicit gon": lambda: gon_tf.ImplicitGON(implicit_decoder(), SHAPE),
    "implicit gon, some points": lambda: gon_tf.ImplicitGON(
        implicit_decoder(modulation="shift"),
        SHAPE,
        loss="cross_entropy",
        step="gradient",
        inner_scale=0.1,
        points_per_step=56,
    ),
    "variational gon": lambda: gon_tf.VariationalGON(conv_decoder()),
    "variational gon, published": lambda: gon_tf.VariationalGON(
        conv_decoder(normalization="instance"), step="gradient", noise_at_origin=True
    ),
    "autoencoder": lambda: gon_tf.Autoencoder(conv_decoder()),
    "tied autoencoder": lambda: gon_tf.TiedAutoencoder(conv_decoder(normalization="instance")),
    "variational autoencoder": lambda: gon_tf.VariationalAutoencoder(conv_decoder()),
    "glo": lambda: gon_tf.GLO(conv_decoder(), image_count=10),
}
METRICS = {"loss", "psnr", "sse"}
NO_LABELS = {"rank": None, "labels": None}
PRIORS = {
    "local-gaussians": {"prior": "local-gaussians", "components": 2, "rank": 2},
    "mixture": {"prior": "mixture", "components": 1, **NO_LABELS},
    "normal": {"prior": "normal", "components": None, **NO_LABELS},
}


# What Keras' loop or TensorFlow do to a step is tested on those models whose steps differ.
STEPS = ("gon", "gon, two steps", "implicit gon, some points", "variational gon", "glo")


def each(names):
    """Parameters that keep the tests of one model together, so that it is trained once."""
    return [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in names]


@pytest.fixture(params=each(MODELS))
def build(request):
    return MODELS[request.param]


@pytest.fixture
def model(build):
    model = build()
    model.compile(keras.optimizers.Adam(1e-2))
    return model


@pytest.fixture(scope="session")
def trained_model(rectangles):
    """The model of a name after two epochs, shared by all tests: they leave it as it is."""

    @functools.cache
    def train(name):
        keras.utils.set_random_seed(0)
        model = MODELS[name]()
        model.compile(keras.optimizers.Adam(1e-2))
        model.fit(rectangles, epochs=2, batch_size=5, verbose=0)
        return model

    return train


@pytest.fixture(params=each(MODELS))
def trained(request, trained_model):
    return trained_model(request.param)


def batches(images, size, **arguments):
    """Batches of (images, labels). The labels are the images' numbers, which only GLO looks at."""
    numbered = tf.data.Dataset.from_tensor_slices((images, np.arange(len(images))))
    return numbered.batch(size, **arguments)


def test_shapes_and_types(trained, images):
    latents = trained.encode(images)
    assert (latents.shape, latents.dtype) == ((10, LATENTS), np.float32)
    for pictures, count in [
        (trained.decode(latents), 10),
        (trained.reconstruct(images), 10),
        (trained.sample(3, seed=1), 3),
        (trained.interpolate(images[0], images[1], steps=5), 5),
        (trained.encode(images[:0]).reshape(0, *SHAPE), 0),
    ]:
        assert (pictures.shape, pictures.dtype) == ((count, *SHAPE), np.float32)
        assert np.all((pictures >= 0.0) & (pictures <= 1.0))


def test_fit_lowers_the_loss_and_reports_metrics(model, images):
    history = model.fit(
        batches(images, 5), epochs=8, validation_data=batches(images, 4), verbose=0
    ).history
    names = {metric.name for metric in model.reported_metrics}
    assert names >= METRICS
    assert set(history) == names | {f"val_{name}" for name in {*names, "ssim"}}
    assert history["loss"][-1] < history["loss"][0]
    assert history["val_loss"][-1] < history["val_loss"][0]


def test_evaluate_agrees_with_reconstruct(trained, images):
    measured = trained.evaluate(batches(images, 4), return_dict=True, verbose=0)
    errors = np.sum((trained.reconstruct(images) - images / 255.0) ** 2, axis=(1, 2, 3))
    assert measured["sse"] == pytest.approx(errors.mean(), rel=1e-3)
    assert measured["psnr"] == pytest.approx(np.mean(-10 * np.log10(errors / 64)), rel=1e-3)
    similarity = metrics.SSIM()
    similarity.update_state(images / 255.0, trained.reconstruct(images))
    assert measured["ssim"] == pytest.approx(float(similarity.result()), rel=1e-3)


def test_three_ways_to_reconstruct_are_one(trained, images):
    expected = trained.reconstruct(images)
    np.testing.assert_allclose(trained(images), expected, atol=1e-4)
    np.testing.assert_allclose(trained.predict(images, verbose=0), expected, atol=1e-4)


def test_uint8_and_floats_are_the_same_images(trained, images):
    floats = images / np.float32(255)
    np.testing.assert_array_equal(trained.encode(images), trained.encode(floats))
    np.testing.assert_array_equal(trained.encode(images), trained.encode(floats.astype("float64")))


def test_image_alone_equals_image_in_batch(trained):
    pictures = np.random.default_rng(3).integers(0, 256, (64, *SHAPE), np.uint8)
    together = trained.encode(pictures)
    scale = np.abs(together).max()
    for number in (0, 17, 63):
        alone = trained.encode(pictures[number : number + 1])
        np.testing.assert_allclose(alone[0], together[number], atol=1e-4 * scale)


def test_more_images_than_fit_on_the_device_at_once(trained):
    pictures = np.random.default_rng(3).integers(0, 256, (300, *SHAPE), np.uint8)
    np.testing.assert_allclose(
        trained.reconstruct(pictures)[290:], trained.reconstruct(pictures[290:]), atol=1e-4
    )


def test_a_sample_belongs_to_its_seed(trained):
    many = trained.sample(20, seed=10)
    np.testing.assert_allclose(trained.sample(1, seed=17)[0], many[7], atol=1e-6)
    np.testing.assert_array_equal(trained.sample(20, seed=10), many)
    assert np.abs(many[0] - many[1]).max() > 1e-3


def test_interpolation_ends_at_the_reconstructions(trained, images):
    path = trained.interpolate(images[2], images[5])
    ends = trained.reconstruct(images[[2, 5]])
    np.testing.assert_allclose(path[[0, -1]], ends, atol=1e-4)


@pytest.mark.parametrize("build", each(["gon", "variational autoencoder"]), indirect=True)
def test_labels_are_ignored(build, images):
    def train(dataset):
        keras.utils.set_random_seed(0)
        model = build()
        model.compile("adam")
        return model.fit(dataset, verbose=0).history["loss"]

    unlabelled = tf.data.Dataset.from_tensor_slices(images).batch(5)
    assert train(batches(images, 5)) == train(unlabelled)


@pytest.mark.parametrize("build", each(STEPS), indirect=True)
def test_same_seed_same_training(build, images):
    def weights():
        keras.utils.set_random_seed(3)
        model = build()
        model.compile("adam")
        model.fit(images, epochs=2, batch_size=5, verbose=0)
        return model.get_weights()

    for one, other in zip(weights(), weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_config_round_trip(build):
    model = build()
    copy = type(model).from_config(model.get_config())
    assert copy.get_config() == model.get_config()


def test_files_and_presets_in_a_fresh_process(trained_model, images, tmp_path):
    models = [trained_model(name) for name in MODELS]
    for number, model in enumerate(models):
        model.save(tmp_path / f"{number}.keras")
        model.save_to_preset(tmp_path / str(number), {"description": "a test"})
    np.save(tmp_path / "images.npy", images)
    script = (
        "import gon_tf, keras, numpy as np\n"
        "images = np.load('images.npy')\n"
        f"for i in range({len(models)}):\n"
        "    models = keras.saving.load_model(f'{i}.keras'), gon_tf.load(str(i))\n"
        "    arrays = [f(x) for m in models for f, x in\n"
        "              ((m.encode, images), (m.reconstruct, images), (m.sample, 3))]\n"
        "    continued = models[0].fit(images, batch_size=10, shuffle=False, verbose=0)\n"
        "    np.savez(f'{i}.npz', *arrays, continued.history['loss'])"
    )
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, capture_output=True)
    for number, model in enumerate(models):
        *arrays, loss = np.load(tmp_path / f"{number}.npz").values()
        for encoded, reconstructed, sampled in (arrays[:3], arrays[3:]):
            np.testing.assert_allclose(encoded, model.encode(images), rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(reconstructed, model.reconstruct(images), atol=1e-6)
            np.testing.assert_allclose(sampled, model.sample(3), atol=1e-6)
        copy = keras.saving.load_model(tmp_path / f"{number}.keras")
        continued = copy.fit(images, batch_size=10, shuffle=False, verbose=0).history["loss"]
        np.testing.assert_allclose(loss, continued, rtol=1e-5)


def test_preset_round_trip_is_exact(trained, images, tmp_path):
    trained.save_to_preset(tmp_path / "preset")
    loaded = gon_tf.load(tmp_path / "preset")
    assert type(loaded) is type(trained)
    np.testing.assert_array_equal(loaded.encode(images), trained.encode(images))
    np.testing.assert_array_equal(loaded.sample(3), trained.sample(3))


@pytest.mark.parametrize(
    ("build", "precision"),
    [
        *((name, "mixed_bfloat16") for name in MODELS),
        *((name, "mixed_float16") for name in STEPS),
    ],
    indirect=["build"],
)
def test_mixed_precision(build, images, precision):
    full = build()
    full.fit_latents(images)  # GLO encodes no image before
    keras.config.set_dtype_policy(precision)
    try:
        model = build()
        model.copy_from(full)
        model.compile(keras.optimizers.Adam(1e-2))
        before = model.encode(images)
        history = model.fit(images, epochs=6, batch_size=5, verbose=0).history["loss"]
    finally:
        keras.config.set_dtype_policy("float32")
    expected = full.encode(images)
    assert np.abs(before - expected).max() < 0.1 * np.abs(expected).max()
    assert history[-1] < history[0]
    assert all(weight.dtype == "float32" for weight in model.trainable_weights)


@pytest.mark.parametrize("build", each(STEPS), indirect=True)
def test_static_and_dynamic_batches_train_alike(build, images):
    def losses(dataset):
        keras.utils.set_random_seed(0)
        model = build()
        model.compile("adam")
        return model.fit(dataset, epochs=2, verbose=0).history["loss"]

    static = losses(batches(images, 5, drop_remainder=True))
    dynamic = losses(batches(images, 5, drop_remainder=False))
    np.testing.assert_allclose(static, dynamic, rtol=1e-4)


@pytest.mark.parametrize("build", each(STEPS), indirect=True)
def test_steps_per_execution_and_ragged_last_batch(build, images):
    def losses(steps):
        keras.utils.set_random_seed(0)
        model = build()
        model.compile("adam", steps_per_execution=steps)
        return model.fit(batches(images, 3), epochs=2, verbose=0).history["loss"]

    np.testing.assert_allclose(losses(4), losses(1), rtol=1e-5)


@pytest.mark.parametrize("build", each(STEPS), indirect=True)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_two_devices_train_like_one(build, images, two_devices):
    def train():
        keras.utils.set_random_seed(0)
        model = build()
        model.compile(keras.optimizers.SGD(1e-3))
        model.fit(batches(images, 10), epochs=3, verbose=0)
        return model.get_weights()

    alone = train()
    with two_devices.scope():
        together = train()
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


NAN = np.full((10, *SHAPE), np.nan, np.float32)
WRONG = {
    "one image": (lambda x: x[0], ValueError, r"\[batch, 8, 8, 1\]. Received: \(8, 8, 1\)"),
    "another size": (lambda x: x[:, :4], ValueError, r"Received: \(10, 4, 8, 1\)"),
    "integers": (lambda x: x.astype(np.int32), TypeError, "Received: dtype int32"),
    "255": (lambda x: x.astype(np.float32), ValueError, "Divide by 255 or pass uint8"),
    "negative": (lambda x: x / 255.0 - 0.5, ValueError, r"lie in \[0, 1\]. Received: .* from -0.5"),
    "nan": (lambda x: NAN, ValueError, "must be finite"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_wrong_images(kind, images):
    model = MODELS["gon"]()
    model.compile("adam")
    spoil, error, message = WRONG[kind]
    wrong = spoil(images)
    for use in (model.encode, model.reconstruct, model.fit, model.evaluate):
        with pytest.raises(error, match=message):
            use(wrong)
    for use in (model.fit, model.evaluate):
        with pytest.raises(error, match="Received"):
            use(batches(wrong, 5), verbose=0)


def test_wrong_values_of_a_generator(images):
    model = MODELS["gon"]()
    model.compile("adam")
    with pytest.raises(ValueError, match="320 values that do not. Divide"):
        model.fit(((np.full((5, *SHAPE), 200.0),) for _ in range(2)), steps_per_epoch=2, verbose=0)


def test_wrong_latents(trained):
    with pytest.raises(ValueError, match=r"\[batch, 4\]. Received: \(2, 5\)"):
        trained.decode(np.zeros((2, 5)))
    with pytest.raises(ValueError, match="latents must be finite"):
        trained.decode(np.full((2, 4), np.inf))


@pytest.mark.parametrize("prior", ["local-gaussians", "mixture", "normal"])
def test_every_prior_draws_and_is_saved(build, images, tmp_path, prior):
    model = type(built := build()).from_config({**built.get_config(), **PRIORS[prior]})
    model.fit_latents(images)
    drawn = model.sample(3, seed=5)
    np.testing.assert_allclose(model.sample(1, seed=6)[0], drawn[1], atol=1e-6)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.sample(3, seed=5), drawn)


def test_principal_directions_move_pixels_most_first(build, images):
    model = build()
    model.fit_latents(images)
    directions = model.principal_directions(3)
    assert directions.dtype == np.float32
    assert directions.shape[1:] == (LATENTS,)
    mean, covariance = model.prior.gaussians().moments()
    along = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    lengths = np.linalg.norm(directions, axis=1)
    # One standard deviation: no longer than the longest axis, no shorter than the shortest.
    spread = np.sqrt(np.maximum(np.linalg.eigvalsh(covariance), 0.0))
    assert ((lengths <= 1.1 * spread[-1]) & (lengths >= 0.9 * spread[0])).all()
    assert np.isfinite(along).all()
    ends = [
        model.decode((mean + 0.1 * d)[None]) - model.decode((mean - 0.1 * d)[None])
        for d in directions
    ]
    moved = [float(np.sum(end**2)) for end in ends]
    assert moved[0] > 0.5 * max(moved)


def test_samples_by_label(build, images):
    model = build()
    model.fit_latents(images, ["dark", "light"] * 5)
    assert model.labels == ("dark", "light")
    drawn = model.sample(3, seed=2, label="light")
    np.testing.assert_allclose(model.sample(1, seed=4, label="light")[0], drawn[2], atol=1e-6)
    with pytest.raises(ValueError, match="No label is 'lite'; did you mean 'light'"):
        model.sample(label="lite")


def test_sample_before_training(build):
    model = build()
    if model.is_normal:
        assert model.sample(2).shape == (2, *SHAPE)
        return
    with pytest.raises(ValueError, match="fit_latents"):
        model.sample(2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda model, x: model.sample(0), "integer >= 1. Received: n=0"),
        (lambda model, x: model.sample(1, seed=-1), "integer >= 0. Received: seed=-1"),
        (lambda model, x: model.interpolate(x[0], x[1], steps=1), "integer >= 2"),
        (lambda model, x: model.compile("adam", loss="squared_error"), "compile.loss="),
        (lambda model, x: model.fit(tf.data.Dataset.from_tensors((x, x, x))), "sample weights"),
    ],
)
def test_wrong_calls(call, message, images):
    model = MODELS["gon"]()
    model.compile("adam")
    with pytest.raises(ValueError, match=message):
        call(model, images)


def test_diverging_training_stops_with_a_message(images):
    model = gon_tf.GON(conv_decoder(output_activation=None))
    model.compile(keras.optimizers.SGD(1e6))
    with pytest.raises(ValueError, match=r"loss is not finite.*smaller learning rate"):
        model.fit(images, epochs=20, batch_size=5, verbose=0)


def test_diverging_training_keeps_the_last_good_checkpoint(images, tmp_path):
    model = gon_tf.GON(conv_decoder(output_activation=None))
    model.compile(keras.optimizers.SGD(1e-3))
    save = keras.callbacks.ModelCheckpoint(tmp_path / "last.weights.h5", save_weights_only=True)
    model.fit(images, callbacks=[save], verbose=0)
    model.optimizer.learning_rate = 1e6
    with pytest.raises(ValueError, match="loss is not finite"):
        model.fit(images, epochs=20, batch_size=5, callbacks=[save], verbose=0)
    assert not all(np.all(np.isfinite(weight)) for weight in model.get_weights())
    model.load_weights(tmp_path / "last.weights.h5")
    assert all(np.all(np.isfinite(weight)) for weight in model.get_weights())


def test_generators_and_py_datasets(images):
    class Pictures(keras.utils.PyDataset):
        def __len__(self):
            return 2

        def __getitem__(self, number):
            return images[5 * number : 5 * number + 5], np.zeros(5)

    model = MODELS["gon"]()
    model.compile("adam")
    model.fit(((images,) for _ in range(2)), steps_per_epoch=2, verbose=0)
    assert not model.prior.is_fitted
    model.fit(Pictures(), verbose=0)
    assert model.sample(2).shape == (2, *SHAPE)


def test_endless_data(images):
    model = MODELS["gon"]()
    model.compile("adam")
    model.fit(batches(images, 5).repeat(), steps_per_epoch=3, epochs=2, verbose=0)
    assert model.sample(2).shape == (2, *SHAPE)

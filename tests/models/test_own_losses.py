"""Losses and metrics of one's own: against those of the project, and against the nested tape."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

import gon_tf
from gon_tf.origin import Network
from tests.nested import nested, repeated

SHAPE, LATENTS = (8, 8, 2), 4


@keras.saving.register_keras_serializable("tests")
def squared(images, pictures):
    return ops.square(pictures - images)


@keras.saving.register_keras_serializable("tests")
class Charbonnier(keras.losses.Loss):
    def __init__(self, epsilon, **options):
        super().__init__(**options)
        self.epsilon = epsilon

    def call(self, images, pictures):
        return ops.sqrt(ops.square(pictures - images) + self.epsilon**2)

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}


def edges(images, pictures):
    """Of what is next to each other: no pixel by itself."""
    errors = pictures - images
    return ops.square(errors[:, 1:] - errors[:, :-1])


def conv():
    decoder = gon_tf.ConvDecoder(SHAPE, LATENTS, filters=3)
    for weight in decoder.trainable_weights:  # to where all of them matter
        weight.assign(weight * 3.0)
    return decoder


def implicit():
    return gon_tf.ImplicitDecoder(
        2, LATENTS, width=16, depth=2, omega=5.0, output_activation="sigmoid"
    )


MODELS = {
    "gon": lambda **options: gon_tf.GON(conv(), **options),
    "two steps": lambda **options: gon_tf.GON(conv(), inner_steps=2, **options),
    "variational": lambda **options: gon_tf.VariationalGON(conv(), **options),
    "implicit": lambda **options: gon_tf.ImplicitGON(implicit(), SHAPE, inner_steps=2, **options),
    "points": lambda **options: gon_tf.ImplicitGON(
        implicit(), SHAPE, points_per_step=30, **options
    ),
    "sketch": lambda **options: gon_tf.GON(
        gon_tf.ResidualDecoder((16, 16, 2), LATENTS, filters=2, sketch_size=8), **options
    ),
    "autoencoder": lambda **options: gon_tf.Autoencoder(conv(), **options),
    "glo": lambda **options: gon_tf.GLO(conv(), image_count=6, encode_steps=3, **options),
}


def build(name, **options):
    keras.utils.set_random_seed(0)
    return MODELS[name](**options)


@pytest.fixture
def batch():
    return np.random.default_rng(0).random((6, *SHAPE), np.float32)


def loss_and_gradients(model, images):
    """Those of a training step, without a graph, which would take long to build."""
    keras.utils.set_random_seed(1)
    data = (tf.constant(images), tf.range(len(images)))
    with tf.GradientTape() as tape:
        loss = model.batch_loss(data, training=True)
    gradients = tape.gradient(loss, model.trainable_weights)
    return [loss, *map(tf.convert_to_tensor, gradients)]


def assert_close(value, expected, tolerance=1e-4):
    np.testing.assert_allclose(value, expected, atol=tolerance * np.abs(expected).max())


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("step", ["gauss-newton", "gradient"])
def test_a_squared_error_of_ones_own_is_the_built_in_one(name, step):
    has_step = name not in ("autoencoder", "glo")
    options = {"step": step} if has_step else {}
    own, built_in = (build(name, loss=loss, **options) for loss in (squared, "squared_error"))
    images = np.random.default_rng(0).random((6, *own.image_shape), np.float32)
    pairs = zip(loss_and_gradients(own, images), loss_and_gradients(built_in, images), strict=True)
    for value, expected in pairs:
        assert_close(value, expected, 1e-3)
    assert_close(own.latents_of(images), built_in.latents_of(images), 1e-3)


def test_a_cross_entropy_of_pictures_takes_the_step_of_logits(batch):
    own, built_in = build("gon", loss="binary_crossentropy"), build("gon", loss="cross_entropy")
    assert_close(own.encode(batch), built_in.encode(batch), 1e-3)


@pytest.mark.parametrize("name", ["gon", "variational"])
@pytest.mark.parametrize(
    ("loss", "step"),
    [
        ("log_cosh", "gauss-newton"),
        ("binary_crossentropy", "gauss-newton"),
        (Charbonnier(0.3), "gauss-newton"),
        (Charbonnier(0.3), "gradient"),
        (edges, "gradient"),
    ],
)
def test_the_fast_path_is_the_nested_tape(batch, name, loss, step):
    model = build(name, loss=loss, step=step)
    network = model.inner_network()

    def by_tape():
        precision = None
        if step == "gauss-newton":
            precision = by_hand(model, network)
        start = repeated(model.start(), batch)
        tape_network = Network(network)
        return nested(
            tape_network,
            start,
            batch,
            model.pixel_loss,
            model.origin_step,
            model.penalty,
            precision,
        )

    def shared():
        problem = model.problem(tf.constant(batch))
        return model.latents_from(
            model.origin_of(problem, network, shared=True), network, problem.images
        )

    def latents_and_gradients(latents_of):
        with tf.GradientTape() as tape:
            latents = latents_of()
            value = tf.reduce_mean(model.pixel_loss(network(latents), batch))
        return [latents, *tape.gradient(value, model.decoder.trainable_weights)]

    pairs = zip(latents_and_gradients(shared), latents_and_gradients(by_tape), strict=True)
    for fast, expected in pairs:
        assert_close(fast, expected, 1e-3)


def by_hand(model, network):
    """J^T D J and damping, D being the second derivative where the picture is the image."""
    outputs, jacobian = network.jacobian(model.start())
    images = tf.reshape(outputs, [-1])
    pixels = tf.identity(images)
    with tf.GradientTape() as outer:
        outer.watch(pixels)
        with tf.GradientTape() as inner:
            inner.watch(pixels)
            pair = (tf.reshape(values, outputs.shape) for values in (images, pixels))
            value = tf.reduce_sum(model.pixel_loss.function(*pair))
        slopes = inner.gradient(value, pixels)
    hessian = outer.jacobian(slopes, pixels)
    matrix = tf.einsum("lo,op,mp->lm", jacobian[0], hessian, jacobian[0])
    step = model.origin_step
    scale = tf.reduce_mean(tf.linalg.diag_part(matrix)) if step.relative else 1.0
    return (matrix + step.damping * scale * tf.eye(LATENTS))[None]


def test_what_does_not_fold_says_so_and_works(batch):
    model = build("gon", loss=edges, step="gradient", inner_scale=1.0)
    assert not model.folds
    assert not model.encodes_plainly
    assert_close(model.encode(batch), model.latents_of(batch))
    with pytest.raises(ValueError, match="affine in the image.*loss of one's own, edges"):
        model.fold()


def test_known_values_of_an_implicit_model(batch):
    model, built_in = build("implicit", loss=squared), build("implicit")
    mask = np.random.default_rng(1).random((6, 8, 8)) < 0.5
    assert_close(model.encode(batch, mask=mask), built_in.encode(batch, mask=mask), 1e-3)
    assert_close(model.encode(batch, mask=mask[0]), built_in.encode(batch, mask=mask[0]), 1e-3)


# What `compile` is given


def absolute(images, pictures):
    return ops.mean(ops.abs(pictures - images), axis=(1, 2, 3))


@pytest.mark.parametrize("name", ["gon", "variational", "implicit"])
def test_compiled_loss_is_what_training_minimises_and_no_more(batch, name):
    model = build(name)
    latents, folds = model.latents_of(batch), model.folds
    model.compile(keras.optimizers.Adam(1e-3), loss=absolute)
    np.testing.assert_array_equal(model.latents_of(batch), latents)
    assert model.folds == folds
    loss, *gradients = loss_and_gradients(model, batch)
    keras.utils.set_random_seed(1)
    with tf.GradientTape() as tape:
        posterior = model.posterior(model.problem(tf.constant(batch), training=True))
        drawn = posterior.draw(None if name != "variational" else noise_of(model, batch))
        error = absolute(batch, model.images_of(drawn, training=True))
        expected = tf.reduce_mean(error + posterior.divergence())
    assert_close(loss, expected)
    for one, other in zip(gradients, tape.gradient(expected, model.trainable_weights), strict=True):
        assert_close(one, other, 1e-3)


def noise_of(model, batch):
    model.noise_seed.assign_sub([0, 1])  # what the step before has drawn
    return model.noise(tf.constant(batch), training=True)


def test_some_points_stand_for_all(batch):
    model = build("points")
    model.compile("adam", loss=squared)
    some, all_of_them = (float(model.batch_loss(batch, training)) for training in (True, False))
    assert some == pytest.approx(all_of_them, rel=0.3)
    assert some != all_of_them


@pytest.mark.slow
def test_metrics_are_reported_by_their_names(batch):
    model = build("points")
    model.compile("adam", loss="mae", metrics=["mae", squared, keras.metrics.CosineSimilarity()])
    history = model.fit(batch, batch_size=3, epochs=1, verbose=0, validation_data=(batch,)).history
    names = {"mean_absolute_error", "squared", "cosine_similarity"}
    assert names | {f"val_{name}" for name in names} <= set(history)
    measured = model.evaluate(batch, batch_size=6, verbose=0, return_dict=True)
    errors = model.reconstruct(batch) - batch
    assert measured["mean_absolute_error"] == pytest.approx(np.abs(errors).mean(), rel=1e-3)
    assert measured["squared"] == pytest.approx(np.square(errors).mean(), rel=1e-3)
    assert measured["loss"] == pytest.approx(64 * np.abs(errors).mean(), rel=1e-3)
    assert model.evaluate(batch, verbose=0)[3] == pytest.approx(measured["mean_absolute_error"])
    model.compile("adam")
    assert "squared" not in model.get_metrics_result()


# Files


@pytest.mark.parametrize(
    ("loss", "described"),
    [
        (squared, "tests>squared"),
        ("log_cosh", "keras>log_cosh"),
        (Charbonnier(0.3), "tests>Charbonnier"),
        (keras.losses.Huber(0.2), "keras>Huber"),
    ],
)
def test_registered_losses_and_metrics_come_back(batch, tmp_path, loss, described):
    model = build("gon", loss=loss)
    model.compile("adam", loss=Charbonnier(0.5), metrics=[squared, "mae"])
    model.optimizer.build(model.trainable_variables)
    model.save(tmp_path / "model.keras")
    model.save_to_preset(tmp_path / "preset")
    config = model.get_config()["loss"]
    assert (config if isinstance(config, str) else config["class"]) == described
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.chosen_loss.loss.epsilon == 0.5
    assert [metric.name for metric in loaded.chosen_metrics] == ["squared", "mean_absolute_error"]
    for copy in (loaded, gon_tf.load(tmp_path / "preset")):
        assert_close(copy.encode(batch), model.encode(batch), 1e-6)
        assert_close(copy.pixel_loss(batch[:3], batch[3:]), model.pixel_loss(batch[:3], batch[3:]))


def test_a_preset_whose_loss_was_not_imported(tmp_path):
    folder = tmp_path / "preset"
    for loss, name in [(squared, "tests>squared"), (Charbonnier(0.3), "tests>Charbonnier")]:
        build("gon", loss=loss).save_to_preset(folder, overwrite=True)
        found = keras.saving.get_custom_objects().pop(name)
        try:
            with pytest.raises(ValueError, match=f"imported.*Received.*{name}"):
                gon_tf.load(folder)
        finally:
            keras.saving.get_custom_objects()[name] = found


def test_what_is_not_registered_is_not_saved(tmp_path):
    model = build("gon", loss=edges, step="gradient")
    for save in (model.save_to_preset, lambda folder: model.save(f"{folder}.keras")):
        with pytest.raises(ValueError, match=r"register_keras_serializable.*Received: edges"):
            save(tmp_path / "model")
    model = build("gon")
    for options in ({"loss": edges}, {"metrics": [edges]}):
        model.compile("adam", **options)
        with pytest.raises(ValueError, match=r"register_keras_serializable.*Received: edges"):
            model.save(tmp_path / "model.keras")
    assert list(tmp_path.iterdir()) == []


# Bad input


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("gon", {"loss": "absolute"}, "Received: loss='absolute'"),
        ("gon", {"loss": {"class": "GON", "arguments": {}}}, "Received: loss={'class'"),
        ("gon", {"loss": 3}, "Received: loss=3"),
        ("gon", {"loss": lambda x, y: ops.mean((x - y) ** 2)}, r"own value.*which gives \(\)"),
        ("gon", {"loss": lambda x, y: (y - ops.mean(x, axis=0)) ** 2}, "own value"),
        ("gon", {"loss": lambda x, y: ops.square(x)}, "finite derivative by the pictures"),
        ("gon", {"loss": lambda x, y: ops.round(y)}, "finite derivative by the pictures"),
        ("gon", {"loss": lambda x, y: ops.sqrt(x - y)}, "finite derivative by the pictures"),
        ("gon", {"loss": edges}, r"step='gauss-newton' \(not.*that pixel alone. Received: edges"),
        ("gon", {"loss": "mae"}, "second derivative.*Received: mean_absolute_error"),
        ("gon", {"loss": lambda x, y: ops.sqrt((x - y) ** 2)}, "second derivative"),
        ("gon", {"loss": lambda x, y: (x - y) ** 4}, "second derivative"),
        ("implicit", {"loss": edges, "step": "gradient"}, "ImplicitGON needs.*Received: edges"),
    ],
)
def test_what_is_no_loss(name, options, message):
    with pytest.raises(ValueError, match=message):
        build(name, **options)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("gon", {"loss": "squared_error"}, r"GON\(\.\.\., loss='squared_error'\)"),
        ("gon", {"loss": "absolute"}, "Received: loss='absolute'"),
        ("gon", {"loss": lambda x, y: ops.mean(y)}, "own value"),
        ("points", {"loss": edges}, "points_per_step needs.*Received: edges"),
        ("gon", {"metrics": [keras.metrics.Mean("sse")]}, "that name already. Received: 'sse'"),
        ("gon", {"metrics": ["mae", "mae"]}, "that name already. Received: 'mean_absolute"),
        ("gon", {"loss_weights": [1.0]}, "All images weigh the same"),
    ],
)
def test_what_compile_refuses(name, options, message):
    with pytest.raises(ValueError, match=message):
        build(name).compile("adam", **options)


def test_a_loss_that_is_nan_says_so(batch):
    model = build("gon")
    # Finite for the pictures that it is tried with, not for white.
    model.compile("adam", loss=lambda x, y: ops.log(1.0 - x) * y)
    with pytest.raises(ValueError, match="The loss is not finite"):
        model.fit(np.ones_like(batch), verbose=0)

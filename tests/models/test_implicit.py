"""What is particular to ImplicitGON; what all models share is tested in test_all_models.py."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import gon_tf
from gon_tf import ConvDecoder, ImplicitDecoder, ImplicitGON
from gon_tf.decoders import GaussianEncoding
from gon_tf.decoders.derivatives import PointwiseNetwork
from gon_tf.models import implicit as implicit_models
from gon_tf.models import observations
from gon_tf.origin import Network

SHAPE = (8, 8, 1)
STEPS = ["gradient", "gauss-newton"]


def implicit(decoder=(), shape=SHAPE, **arguments):
    arguments.setdefault("inner_scale", 1.0)
    return ImplicitGON(decoder_of(shape, **dict(decoder)), shape, **arguments)


def decoder_of(shape, **arguments):
    defaults = {"latent_dim": 4, "width": 16, "depth": 2, "coordinate_dim": len(shape) - 1}
    return ImplicitDecoder(shape[-1], **{**defaults, **arguments})


@pytest.fixture
def floats(images):
    return images / np.float32(255)


@pytest.fixture
def half():
    """A mask that knows every second row."""
    mask = np.zeros((8, 8), bool)
    mask[::2] = True
    return mask


def relative_error(value, reference):
    return np.abs(np.subtract(value, reference)).max() / np.abs(reference).max()


def test_coordinates_run_over_the_grid_row_by_row():
    model = implicit(shape=(2, 3, 1))
    expected = [[-1, -1], [-1, 0], [-1, 1], [1, -1], [1, 0], [1, 1]]
    np.testing.assert_array_equal(model.coordinates, np.float32(expected))


# The fast path and the nested tape


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    ("loss", "modulation", "images_at_once"),
    [
        ("squared_error", False, 10),
        ("squared_error", False, 3),
        ("squared_error", "shift", 10),
        ("cross_entropy", "multiplicative", 10),
    ],
)
def test_shared_origin_equals_the_nested_tape(floats, step, loss, modulation, images_at_once):
    model = implicit(
        {"output_activation": "sigmoid", "modulation": modulation}, loss=loss, step=step
    )
    batch = tf.constant(floats[:images_at_once])

    def latents_and_gradients(network, shared):
        with tf.GradientTape() as tape:
            problem = model.problem(batch)
            latents = model.origin_of(problem, network, shared=shared).latents(problem.images)
            value = tf.reduce_mean(model.pixel_loss(network(latents), problem.images))
        return latents, tape.gradient(value, model.trainable_weights)

    fast, fast_gradients = latents_and_gradients(model.network(), shared=True)
    slow, slow_gradients = latents_and_gradients(Network(model.network()), shared=False)
    assert relative_error(fast, slow) < 1e-4
    # Two sums in another order; omega = 30 amplifies their rounding in each layer and derivative.
    for one, other in zip(fast_gradients, slow_gradients, strict=True):
        assert relative_error(one, other) < 1e-3


def test_images_share_the_origin_where_they_can(floats, half, monkeypatch):
    latents_at_once, jacobian = set(), PointwiseNetwork.jacobian

    def counted(network, latents):
        latents_at_once.add(latents.shape[0])
        return jacobian(network, latents)

    monkeypatch.setattr(PointwiseNetwork, "jacobian", counted)
    for model in (implicit(), implicit({"dropout": 0.5}, points_per_step=16)):
        model.batch_loss(floats, training=True)
        model.encode(floats, mask=half)
        model.encode(floats, mask=np.repeat(half[None], 10, axis=0))
        model.encode(floats[:, 0], np.zeros((8, 2)))
    assert latents_at_once == {1}
    model.encode(floats[:, 0], np.zeros((10, 8, 2)))
    assert len(latents_at_once) == 2


def test_a_second_step_takes_each_images_own_jacobian(floats):
    def error(**arguments):
        model = implicit(inner_steps=2, **arguments)
        problem = model.problem(tf.constant(floats))
        latents = model.posterior(problem).mean
        expected = model.origin_of(problem, problem.network, shared=True)
        points = expected.latents(problem.images)
        own = expected.moved(problem.network, points, chord=model.chord is True)
        return relative_error(latents, own.latents(problem.images)), latents

    by_default, latents = error()
    by_chord, other = error(chord=True)
    assert max(by_default, by_chord) < 1e-6
    assert relative_error(latents, other) > 1e-4


# What is known of a signal


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("steps", [1, 2])
def test_full_masks_and_the_grids_own_coordinates_change_nothing(floats, step, steps):
    model = implicit(step=step, inner_steps=steps, inner_scale=0.1)
    expected = model.encode(floats)
    points, values = model.coordinates, floats.reshape(10, 64, 1)
    for found in (
        model.encode(floats, mask=np.ones((8, 8), bool)),
        model.encode(floats, mask=np.ones((10, 8, 8), int)),
        model.encode(values, points),
        model.encode(values, np.repeat(points[None], 10, axis=0)),
        model.encode(values, points, mask=np.ones((10, 64))),
        model.encode(values[:, ::-1], points[::-1]),
    ):
        # Every further step at omega = 30 amplifies rounding.
        assert relative_error(found, expected) < (1e-4 if steps == 1 else 1e-3)


@pytest.mark.parametrize("step", STEPS)
def test_all_ways_to_say_what_is_known_are_one(floats, half, step):
    model = implicit(step=step)
    expected = model.encode(floats, mask=half)
    points, values = model.coordinates[half.ravel()], floats[:, half]
    each = np.repeat(half[None], 10, axis=0)
    for found in (
        model.encode(floats, mask=each),
        model.encode(np.where(half[..., None], floats, np.nan), mask=half),
        model.encode(np.where(half[..., None], floats, np.nan), mask=each),
        model.encode(values, points),
        model.encode(values, np.repeat(points[None], 10, axis=0)),
        model.encode(floats.reshape(10, 64, 1), model.coordinates, mask=half.ravel()),
        np.concatenate([model.encode(image[None], mask=half) for image in floats]),
    ):
        assert relative_error(found, expected) < 1e-4
    assert relative_error(model.encode(floats), expected) > 0.05


@pytest.mark.parametrize("step", STEPS)
def test_masks_of_each_image(floats, step):
    """The shared Jacobian gives what one image at a time gives, and what the nested tape gives."""
    model = implicit(step=step)
    masks = np.random.default_rng(0).uniform(size=(10, 8, 8)) < 0.4
    found = model.encode(floats, mask=masks)
    alone = [model.encode(floats[n : n + 1], mask=masks[n]) for n in range(10)]
    assert relative_error(found, np.concatenate(alone)) < 1e-4
    points = np.repeat(model.coordinates[None], 10, axis=0)
    nested = model.encode(floats.reshape(10, 64, 1), points, mask=masks.reshape(10, 64))
    assert relative_error(found, nested) < 1e-4


def test_uint8_with_a_mask(images, half):
    model = implicit()
    expected = model.encode(images / np.float32(255), mask=half)
    np.testing.assert_allclose(model.encode(images, mask=half), expected, rtol=1e-5, atol=1e-7)


def test_no_images_and_more_than_fit_at_once(floats, half, monkeypatch):
    model = implicit()
    each = np.repeat(half[None], 10, axis=0)
    points = np.repeat(model.coordinates[None], 10, axis=0)
    values = floats.reshape(10, 64, 1)
    expected = [model.encode(floats, mask=each), model.encode(values, points)]
    assert model.encode(floats[:0], mask=half).shape == (0, 4)
    assert model.encode(floats[:0], mask=each[:0]).shape == (0, 4)
    monkeypatch.setattr(implicit_models, "FLOATS", 64 * 4 * 3)
    for found, whole in zip(
        (model.encode(floats, mask=each), model.encode(values, points)), expected, strict=True
    ):
        assert relative_error(found, whole) < 1e-4


@pytest.fixture(scope="module")
def trained():
    """A model of 8x8 pictures of Gaussian spots, and pictures that it has not seen."""
    keras.utils.set_random_seed(0)
    place = np.random.default_rng(0).uniform(-0.8, 0.8, (320, 1, 1, 2))
    points = observations.grid((8, 8)).reshape(1, 8, 8, 2)
    spots = np.exp(-4.0 * np.sum((points - place) ** 2, axis=-1, keepdims=True))
    spots = spots.astype(np.float32)
    model = ImplicitGON(
        ImplicitDecoder(1, 8, width=32, depth=2, omega=10.0), SHAPE, points_per_step=48
    )
    model.compile(keras.optimizers.Adam(3e-3))
    model.fit(spots[:256], batch_size=32, epochs=20, verbose=0)
    return model, spots[256:]


def test_training_on_some_points_learns_all(trained):
    model, spots = trained
    error = np.mean((model.reconstruct(spots) - spots) ** 2)
    assert error < 0.2 * np.var(spots)


def test_in_painting_recovers_more_than_ignoring_the_mask(trained):
    model, spots = trained
    mask = np.random.default_rng(1).uniform(size=spots.shape[:3]) < 0.6
    filled = model.decode(model.encode(spots, mask=mask))
    ignored = model.reconstruct(np.where(mask[..., None], spots, 0.0))
    unknown = ~mask
    error, baseline = (np.mean((pictures - spots)[unknown] ** 2) for pictures in (filled, ignored))
    assert error < 0.5 * baseline


def test_super_resolution(trained):
    """The picture at 15x15 goes through the pixels of the picture at 8x8."""
    model, spots = trained
    latents = model.encode(spots)
    large = model.decode(latents, size=(15, 15))
    assert large.shape == (64, 15, 15, 1)
    np.testing.assert_allclose(large[:, ::2, ::2], model.decode(latents), atol=1e-4)


# Decoding


def test_decode_at_native_size_is_the_grid():
    model = implicit(shape=(5, 7, 2))
    latents = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    expected = np.asarray(model.decoder(latents, model.coordinates)).reshape(3, 5, 7, 2)
    for pictures in (model.decode(latents), model.decode(latents, size=(5, 7))):
        np.testing.assert_allclose(pictures, expected, atol=1e-5)
    assert model.decode(latents[:0], size=(2, 9)).shape == (0, 2, 9, 2)


@pytest.mark.parametrize("floats_at_once", [1, 16 * 10, 16 * 35 * 2])
def test_chunks_equal_the_whole(monkeypatch, floats_at_once):
    model = implicit(shape=(5, 7, 1))
    latents = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    images = np.random.default_rng(0).uniform(size=(2, 5, 7, 1)).astype(np.float32)
    whole, folded = model.decode(latents), model.encode(images)
    monkeypatch.setattr(implicit_models, "FLOATS", floats_at_once)
    np.testing.assert_allclose(model.decode(latents), whole, atol=1e-5)
    assert relative_error(model.encode(images), folded) < 1e-4


def test_fold_is_the_encoder(floats):
    for step in STEPS:
        model = implicit(step=step)
        folded = model.fold().predict(floats, verbose=0)
        assert relative_error(folded, model.encode(floats)) < 1e-4
        assert relative_error(model.latents_of(tf.constant(floats)), folded) < 1e-4


# Training


@pytest.mark.parametrize(
    ("shape", "points"), [((12, 1), 10), ((4, 6, 3), None), ((3, 4, 5, 1), 10)]
)
def test_signals_of_any_rank(shape, points):
    signals = np.random.default_rng(0).uniform(size=(6, *shape)).astype(np.float32)
    model = implicit(shape=shape, points_per_step=points)
    model.compile(keras.optimizers.Adam(1e-3))
    model.fit(tf.data.Dataset.from_tensor_slices(signals).batch(3), epochs=2, verbose=0)
    measured = model.evaluate(signals, return_dict=True, verbose=0)
    error = np.sum((model.reconstruct(signals) - signals) ** 2) / 6
    assert measured["sse"] == pytest.approx(error, rel=1e-3)
    assert model.sample(2).shape == (2, *shape)
    assert model.interpolate(signals[0], signals[1], steps=3).shape == (3, *shape)
    larger = tuple(2 * side for side in shape[:-1])
    assert model.decode(model.encode(signals), size=larger).shape == (6, *larger, shape[-1])
    with pytest.raises(ValueError, match="images must have the shape"):
        model.encode(signals[0])


def test_some_points_stand_for_all_in_loss_and_metrics(floats):
    model, whole = implicit(points_per_step=16), implicit()
    whole.decoder.set_weights(model.decoder.get_weights())
    batch_loss = tf.function(model.batch_loss)
    draws = [float(batch_loss(floats, training=True)) for _ in range(60)]
    assert np.std(draws) > 0.0
    assert float(model.get_metrics_result()["sse"]) == pytest.approx(np.mean(draws), rel=1e-4)
    assert np.mean(draws) == pytest.approx(float(whole.batch_loss(floats, True)), rel=0.1)


def test_all_points_in_another_order_are_all_points(floats):
    model, whole = implicit(points_per_step=64), implicit()
    whole.decoder.set_weights(model.decoder.get_weights())
    np.testing.assert_allclose(
        model.batch_loss(floats, True), whole.batch_loss(floats, True), rtol=1e-4
    )


def test_dropout_leaves_out_the_same_units_in_both_passes(floats):
    model = implicit({"dropout": 0.5})
    drawn = []
    network_at = model.network_at

    def remembering(points, kept=None, training=None):
        drawn.append(kept)
        return network_at(points, kept, training)

    model.network_at = remembering
    losses = [float(model.batch_loss(floats, training=True)) for _ in range(3)]
    assert len(drawn) == 3
    assert len({kept.numpy().tobytes() for kept in drawn}) == 3
    assert len(set(losses)) == 3
    np.testing.assert_array_equal(model.reconstruct(floats), model.reconstruct(floats))


def test_chance_is_part_of_a_saved_model(images, tmp_path):
    model = implicit({"dropout": 0.2}, points_per_step=20)
    model.compile(keras.optimizers.Adam(1e-3))
    model.fit(images, batch_size=5, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    one, other = (m.fit(images, batch_size=10, verbose=0).history["loss"] for m in (model, loaded))
    np.testing.assert_allclose(one, other, rtol=1e-6)


def test_encoding_layers_in_presets(images, tmp_path):
    encoding = GaussianEncoding(5, scale=0.5, learn_projection=True)
    model = implicit({"encoding": encoding, "omega": (5.0, 10.0)}, points_per_step=32)
    model.save_to_preset(tmp_path / "preset")
    loaded = gon_tf.load(tmp_path / "preset")
    assert loaded.decoder.encoding.scale == 0.5
    np.testing.assert_array_equal(loaded.encode(images), model.encode(images))


def test_own_encoding_in_a_preset_says_what_to_do(tmp_path):
    model = implicit({"encoding": keras.layers.Dense(3)})
    with pytest.raises(ValueError, match=r"Received: Dense; save this model with model.save"):
        model.save_to_preset(tmp_path / "preset")


# Errors


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"mask": np.ones((8, 7))}, r"mask must have the shape \(8, 8\).*Received: \(8, 7\)"),
        ({"mask": np.ones((3, 8, 8))}, r"or \(10, 8, 8\).*Received: \(3, 8, 8\)"),
        ({"mask": np.full((8, 8), 0.5)}, "true .or 1. where a value is known.*0.5 to 0.5"),
        ({"mask": np.zeros((8, 8))}, "mask must leave a known value in every image"),
        ({"coordinates": np.zeros((8, 2))}, r"coordinates \(8, 2\) for values \(10, 8, 8, 1\)"),
    ],
)
def test_mask_and_coordinates_that_do_not_match_the_grid(images, call, message):
    with pytest.raises(ValueError, match=message):
        implicit().encode(images, **call)


@pytest.mark.parametrize(
    ("shape", "coordinates", "message"),
    [
        ((10, 5, 1), (6, 2), r"Received: coordinates \(6, 2\) for values \(10, 5, 1\)"),
        ((10, 5, 1), (5, 3), r"\[points, 2\] or \[batch, points, 2\].*\(5, 3\)"),
        ((10, 5, 1), (9, 5, 2), r"Received: coordinates \(9, 5, 2\)"),
        ((10, 5), (5, 2), r"Received: coordinates \(5, 2\) for values \(10, 5\)"),
        (
            (10, 5, 3),
            (5, 2),
            r"the shape \[batch, points, 1\]. Received: .10, 5, 3",
        ),
    ],
)
def test_coordinates_that_do_not_match_the_values(shape, coordinates, message):
    with pytest.raises(ValueError, match=message):
        implicit().encode(np.zeros(shape, np.float32), np.zeros(coordinates))


def test_values_that_are_none(floats, half):
    model = implicit()
    with pytest.raises(ValueError, match="a known value in every image"):
        model.encode(np.zeros((3, 0, 1)), np.zeros((0, 2)))
    with pytest.raises(ValueError, match="coordinates must be finite"):
        model.encode(floats[:, 0], np.full((8, 2), np.nan))
    with pytest.raises(ValueError, match="lie in .0, 1.. Received: values from 0 to 2"):
        model.encode(np.where(half[..., None], 2.0, 0.0) + 0 * floats, mask=half)
    with pytest.raises(ValueError, match="must be finite"):
        model.encode(np.full_like(floats, np.nan), mask=half)
    with pytest.raises(TypeError, match="Received: dtype int64"):
        model.encode(np.ones((10, 8, 8, 1), np.int64), mask=half)


@pytest.mark.parametrize("size", [(8,), 8, (8, 0), (8, 2.5), "88", (8, 8, 8)])
def test_size_that_is_none(size):
    with pytest.raises(ValueError, match="size must be"):
        implicit().decode(np.zeros((1, 4)), size=size)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image_shape": (8, 1)}, r"2 sides, then 1 channels.*Received: image_shape=\(8, 1\)"),
        ({"image_shape": (8, 8, 3)}, r"then 1 channels.*Received: image_shape=\(8, 8, 3\)"),
        ({"image_shape": (8, 0, 1)}, "integer >= 1. Received: image_shape=0"),
        ({"image_shape": 8}, "Received: image_shape=8"),
        ({"points_per_step": 0}, "integer >= 1. Received: points_per_step=0"),
        ({"points_per_step": 65}, "at most 64, .*Received: points_per_step=65"),
        ({"damping": 0.0}, "number > 0. Received: damping=0.0"),
        ({"loss": "cross_entropy"}, "output_activation=None"),
    ],
)
def test_argument_out_of_range(arguments, message):
    with pytest.raises(ValueError, match=message):
        ImplicitGON(decoder_of(SHAPE), **{"image_shape": SHAPE, **arguments})


def test_decoder_that_is_none():
    with pytest.raises(TypeError, match=r"gon_tf.ImplicitDecoder. Received: ConvDecoder"):
        ImplicitGON(ConvDecoder(SHAPE, 4), SHAPE)


def test_weights_of_known_values_add_up_to_the_points_of_the_grid(floats, half):
    shared = observations.observe(floats, None, half, SHAPE)
    assert shared.values.shape == (10, 32, 1)
    np.testing.assert_allclose(shared.weights, np.full((1, 32, 1), 2.0))
    each = observations.observe(floats, None, np.repeat(half[None], 10, axis=0), SHAPE)
    np.testing.assert_allclose(each.weights.sum(axis=(1, 2)), 64.0)

"""Parity with the published implicit networks: one recorded training step on 16 MNIST images."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from gon_tf import ImplicitDecoder, ImplicitGON, convert

FIXTURES = Path(__file__).parent / "fixtures"
SHAPE, PIXELS, BATCH = (28, 28, 1), 28 * 28, 16
BLOCK = "decoder.net.blocks.0.0.linear.weight"


def siren():
    """The paper's network; the recorded inner loss is a mean over the batch."""
    return ImplicitGON(ImplicitDecoder(1, 32), SHAPE, step="gradient", inner_scale=1 / BATCH)


def gon_pytorch(decoder, **arguments):
    """gon-pytorch's network; its losses are means over the pixels."""
    decoder = ImplicitDecoder(1, 64, width=64, depth=3, output_activation="sigmoid", **decoder)
    return ImplicitGON(
        decoder,
        SHAPE,
        loss="cross_entropy",
        step="gradient",
        inner_scale=1 / PIXELS,
        **arguments,
    )


NETWORKS = {
    "implicit_step": siren,
    "implicit_nerf_step": lambda: gon_pytorch({"encoding": "nerf"}),
    "implicit_modulated_step": lambda: gon_pytorch(
        {"encoding": "gaussian", "modulation": True}, inner_steps=3, learn_origin=True
    ),
}


@pytest.fixture(scope="module", params=NETWORKS)
def network(request):
    """The name of a network and its recorded step."""
    with np.load(FIXTURES / f"{request.param}.npz") as arrays:
        return request.param, dict(arrays)


@pytest.fixture(scope="module")
def step(network):
    return network[1]


@pytest.fixture
def model(network):
    name, step = network
    model = NETWORKS[name]()
    convert.load_torch_weights(model, state(step, "before"))
    return model


def state(step, moment):
    prefix = f"{moment}/"
    return {k.removeprefix(prefix): v for k, v in step.items() if k.startswith(prefix)}


def scale(step):
    """The recorded losses of the paper's network are sums over the pixels, the others' means."""
    return 1.0 if "hidden" in step else 1.0 / PIXELS


def relative_error(value, reference):
    return np.abs(value - reference).max() / np.abs(reference).max()


def test_latents(model, step):
    assert relative_error(model.encode(step["images"]), step["latents"]) < 1e-4
    if model.learn_origin:
        # The way from the learned origin is short, and 3 steps at omega 30 amplify rounding.
        start = step["before/init_latent"]
        moved = model.encode(step["images"]) - start
        assert relative_error(moved, step["latents"] - start) < 1e-3


def test_reconstructions(model, step):
    for pictures in (model.decode(step["latents"]), model(step["images"])):
        np.testing.assert_allclose(pictures, step["reconstructions"], atol=1e-5)


def test_losses(model, step):
    images = tf.constant(step["images"])
    outer = model.batch_loss(images, training=True) * scale(step)
    np.testing.assert_allclose(outer, step["outer_loss"], rtol=1e-5)
    # The inner loss is recorded before the last step.
    latents = tf.repeat(model.start(), BATCH, axis=0)
    if model.inner_steps > 1:
        with pytest.warns(UserWarning, match="made for inner_steps="):
            model.inner_steps -= 1
        latents = model.latents_of(images)
    problem = model.problem(images)
    inner = tf.reduce_sum(problem.loss(problem.network(latents), problem.images))
    inner *= 1 / BATCH if "hidden" in step else 1 / PIXELS
    np.testing.assert_allclose(inner, step["inner_loss"], rtol=1e-5)


def recorded(step, moment, model):
    """(name, weight, what was recorded of it in our layout) of each weight."""
    arrays = state(step, moment)
    rows = {name: slice(None) for name in arrays}
    if "hidden" in step:
        # The fixture has every eighth row of the large matrices.
        rows |= {n: slice(None, None, 8) for n, v in arrays.items() if v.shape == (32, 256)}
    pairs, arrays = convert.implicit_weights(model, arrays)
    for name, (weight, axes) in pairs.items():
        if name in arrays:
            taken = rows.get(name, slice(None))
            values = np.asarray(arrays[name]) if axes is None else np.transpose(arrays[name], axes)
            yield name, weight, taken, values


def test_gradients(model, step):
    with tf.GradientTape() as tape:
        loss = model.batch_loss(step["images"], training=True) * scale(step)
    weights = model.trainable_weights
    gradients = {w.path: g for w, g in zip(weights, tape.gradient(loss, weights), strict=True)}
    compared = 0
    for name, weight, rows, expected in recorded(step, "grad", model):
        gradient = np.asarray(gradients[weight.path])[..., rows]
        # Second derivatives at omega 30: two orders of the sums differ by more than in latents.
        assert relative_error(gradient, expected) < 1e-3, name
        compared += 1
    assert compared == len(weights)


@pytest.mark.parametrize("network", ["implicit_step"], indirect=True)
def test_weights_after_one_adam_step(model, step):
    # PyTorch adds epsilon to the corrected second moment, Keras to the raw one.
    epsilon = 1e-8 * np.sqrt(1e-3)
    model.compile(keras.optimizers.Adam(float(step["learning_rate"]), epsilon=epsilon))
    model.train_step(step["images"])
    for (_, weight, rows, expected), (*_, gradient) in zip(
        recorded(step, "after", model), recorded(step, "grad", model), strict=True
    ):
        # Adam's first step is the gradient's sign; where that is rounding it says nothing.
        certain = np.abs(gradient) > 1e-3 * np.abs(gradient).max()
        assert np.mean(certain) > 0.9
        found = np.asarray(weight)[..., rows]
        np.testing.assert_allclose(found[certain], expected[certain], atol=1e-6)


def rejected(model, weights):
    before = model.get_weights()
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the callers look at the text
        convert.load_torch_weights(model, weights)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    return str(error.value)


def test_weights_that_do_not_fit():
    with np.load(FIXTURES / "implicit_nerf_step.npz") as arrays:
        weights = state(dict(arrays), "before")
    model = NETWORKS["implicit_nerf_step"]()
    without = {name: value for name, value in weights.items() if name != BLOCK}
    assert f"Received: no {BLOCK}, coordinates" in rejected(model, without)
    wrong = {**weights, BLOCK: weights[BLOCK][:, 1:]}
    assert f"{BLOCK}, coordinates must become the shape (40, 64)" in rejected(model, wrong)
    assert "Received: no" in rejected(model, {**weights, BLOCK: np.zeros(3)})
    moved = {**weights, "init_latent": np.ones((1, 64))}
    assert "Received: also init_latent" in rejected(model, moved)
    assert "Received: no 0.linear.bias" in rejected(siren(), {"1.linear.bias": np.zeros(256)})

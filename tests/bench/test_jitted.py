"""The JAX networks of the comparison against the recorded steps of the published code."""

import dataclasses

import numpy as np
import pytest

from gon_tf.bench.cases import CASES, Case
from tests.bench.recorded import SIZES, check_step, read_step, relative_error

jax = pytest.importorskip("jax", reason="JAX is nothing that the project needs")


@pytest.fixture(params=SIZES)
def recorded(request):
    from gon_tf.bench import jitted

    step = read_step(request.param)
    model = jitted.GON(SIZES[request.param])
    model.learning_rate = float(step["learning_rate"])
    expected = jitted.new_parameters(SIZES[request.param])
    parameters = {name: step[f"before/{name}"] for name in expected}
    assert {name: value.shape for name, value in parameters.items()} == {
        name: value.shape for name, value in expected.items()
    }
    noises = [step.get("noise_inner"), step.get("noise_outer")]
    return model, parameters, noises, step


def test_latents(recorded):
    model, parameters, noises, step = recorded
    latents = jax.jit(model.encode)(parameters, step["images"], noises[0])
    assert relative_error(latents, step["latents"]) < 1e-4


@pytest.mark.slow
def test_gradients_and_weights_after_a_step(recorded):
    from gon_tf.bench import jitted

    model, parameters, noises, step = recorded
    zeros = jax.tree.map(np.zeros_like, parameters)
    state = (parameters, zeros, zeros, 0.0)
    (after, first, *_), loss = jax.jit(model.train_step)(state, step["images"], noises)
    assert float(loss) == pytest.approx(step["outer_loss"], rel=1e-4)
    gradients = {name: np.asarray(mean) / (1 - jitted.MOMENTUM) for name, mean in first.items()}
    check_step(step, gradients, after)


def test_the_operations_run():
    from gon_tf.bench import jitted

    for kind in ("conv", "variational", "implicit"):
        functions = jitted.operations(Case(kind, 3, 8, 2, depth=2), 2)
        assert set(functions) == {"train", "encode", "decode", "reconstruct"}
        for function in functions.values():
            function()
        assert functions["reconstruct"]().shape == (2, 8, 8, 1)
        assert functions["train"]() != functions["train"]()


def test_the_size_of_the_published_network():
    from gon_tf.bench import jitted

    parameters = jitted.new_parameters(CASES["conv-256"])
    assert sum(value.size for value in parameters.values()) == 303_697
    small = dataclasses.replace(CASES["conv-256"], side=8)
    assert set(jitted.new_parameters(small)) == {
        f"{layer}.{kind}" for layer in (0, 1, 3) for kind in ("weight", "bias")
    }

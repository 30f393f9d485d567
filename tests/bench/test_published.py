"""The PyTorch networks of the comparison against the recorded steps of the published code."""

import pytest

from gon_tf.bench.cases import CASES, Case
from tests.bench.recorded import SIZES, check_step, read_step, relative_error

torch = pytest.importorskip("torch", reason="PyTorch is the extra `bench`")


@pytest.fixture(params=SIZES)
def recorded(request):
    from gon_tf.bench import published

    step = {name: torch.tensor(array) for name, array in read_step(request.param).items()}
    torch.manual_seed(0)
    model = published.build(SIZES[request.param])
    state = {k.removeprefix("before/"): v for k, v in step.items() if k.startswith("before/")}
    missing, unexpected = model.network.load_state_dict(state, strict=False)
    assert not unexpected
    assert all(name.endswith("num_batches_tracked") for name in missing)
    images = step["images"].permute(0, 3, 1, 2)
    if request.param == "implicit_step":
        images = step["images"].reshape(len(images), -1, 1)
    return model, images, step


def with_recorded_noise(model, step):
    """Let a variational network draw the recorded noise: that of the inner pass, then the outer."""
    if "noise_inner" in step:
        noises = iter([step["noise_inner"], step["noise_outer"]] * 2)
        draw = model.network.forward
        model.network.forward = lambda points: draw(points, noise=next(noises))
    return model


def test_latents_and_losses(recorded):
    model, images, step = recorded
    model = with_recorded_noise(model, step)
    latents = model.encode(images)
    assert relative_error(latents, step["latents"].numpy()) < 1e-4
    loss = model.inner_loss(latents, images)
    assert loss.item() == pytest.approx(step["outer_loss"].item(), rel=1e-4)


@pytest.mark.parametrize("way", ["plain", "compiled"])
def test_gradients_and_weights_after_a_step(recorded, way):
    from gon_tf.bench import published

    model, images, step = recorded
    model = with_recorded_noise(model, step)
    for group in model.optimizer.param_groups:
        group["lr"] = step["learning_rate"].item()
    # Without a compiler, which not every machine has: the graph is the same.
    train = model.train_step
    if way == "compiled":
        train = published.compiled_step(model, backend="aot_eager")
    assert train(images) == pytest.approx(step["outer_loss"].item(), rel=1e-4)
    parameters = dict(model.network.named_parameters())
    gradients = {name: weight.grad for name, weight in parameters.items()}
    after = {name: weight.detach() for name, weight in parameters.items()}
    check_step({name: value.numpy() for name, value in step.items()}, gradients, after)


def test_the_operations_run():
    from gon_tf.bench import published

    for kind in ("conv", "variational", "implicit"):
        functions = published.operations(Case(kind, 3, 8, 2, depth=2), 2)
        assert set(functions) == {"train", "encode", "decode", "reconstruct"}
        for function in functions.values():
            function()
    shape = functions["reconstruct"]().shape
    assert shape == (2, 64, 1)


def test_the_size_of_the_published_network():
    from gon_tf.bench import published

    network = published.build(CASES["conv-256"]).network
    assert sum(weight.numel() for weight in network.parameters()) == 303_697

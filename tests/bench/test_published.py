"""The PyTorch networks of the comparison against the recorded steps of the published code."""

from pathlib import Path

import numpy as np
import pytest

from gon_tf.bench.cases import CASES, Case

torch = pytest.importorskip("torch", reason="PyTorch is the extra `bench`")

FIXTURES = Path(__file__).parents[1] / "fixtures"
SIZES = {
    "conv_step": Case("conv", latent_dim=32, side=32, width=16),
    "implicit_step": Case("implicit", latent_dim=32, side=28, width=256),
    "variational_step": Case("variational", latent_dim=48, side=32, width=32),
}


@pytest.fixture(params=SIZES)
def recorded(request):
    from gon_tf.bench import published

    with np.load(FIXTURES / f"{request.param}.npz") as arrays:
        step = {name: torch.tensor(arrays[name]) for name in arrays.files}
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


def relative_error(value, reference):
    return ((value - reference).abs().max() / reference.abs().max()).item()


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
    assert relative_error(latents, step["latents"]) < 1e-4
    loss = model.inner_loss(latents, images)
    assert loss.item() == pytest.approx(step["outer_loss"].item(), rel=1e-4)


def test_gradients_and_weights_after_a_step(recorded):
    model, images, step = recorded
    model = with_recorded_noise(model, step)
    rate = step["learning_rate"].item()
    for group in model.optimizer.param_groups:
        group["lr"] = rate
    assert model.train_step(images) == pytest.approx(step["outer_loss"].item(), rel=1e-4)
    largest = max(v.abs().max().item() for k, v in step.items() if k.startswith("grad/"))
    for name, weight in model.network.named_parameters():
        expected, after = step[f"grad/{name}"], step[f"after/{name}"]
        kept = slice(None, None, len(weight) // len(expected))  # some rows of the large matrices
        scale = max(expected.abs().max().item(), 1e-3 * largest)
        assert (weight.grad[kept] - expected).abs().max().item() < 5e-3 * scale
        certain = expected.abs() > 1e-2 * scale
        moved = (weight.detach()[kept] - after).abs()[certain]
        assert moved.numel() == 0 or moved.max().item() < 1e-2 * rate


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

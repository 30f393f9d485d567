"""The published Gradient Origin Networks in PyTorch, written for the comparison.

Networks, losses, normalisation and optimizer are those of the paper's code; the parameters' names
too, so that its weights load. `pip install "gon-tf[bench]"`.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any

import torch
from torch import func, nn
from torch.nn import functional

from gon_tf.bench.cases import Case

OMEGA = 30.0


class GON(nn.Module):
    """A network that encodes by the gradient at the origin, for every image, and trains through it.

    Args:
        network: from latents `[batch, latent_dim]` to outputs.
        latent_dim: number of latents.
        loss: function of outputs and images, a scalar; of both passes.
        learning_rate: Adam's.
    """

    def __init__(self, network: nn.Module, latent_dim: int, loss: Callable, learning_rate: float):
        super().__init__()
        self.network, self.latent_dim, self.loss = network, latent_dim, loss
        self.optimizer = torch.optim.Adam(self.parameters(), learning_rate)

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        """Images of latents."""
        return self.network(latents)

    def inner_loss(self, latents: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
        """The loss whose gradient at the origin gives the latents; also that of training."""
        return self.loss_of(self.network(latents), images)

    def loss_of(self, outputs: Any, images: torch.Tensor) -> torch.Tensor:
        """The same of what the network gives."""
        return self.loss(outputs, images)

    def encode(self, images: torch.Tensor, create_graph: bool = False) -> torch.Tensor:
        """Latents of images, `[batch, latent_dim]`."""
        origin = torch.zeros(len(images), self.latent_dim, requires_grad=True)
        loss = self.inner_loss(origin, images)
        (gradient,) = torch.autograd.grad(loss, [origin], create_graph=create_graph)
        return -gradient

    def train_step(self, images: torch.Tensor) -> float:
        """One step of the optimizer; the loss before it."""
        loss = self.inner_loss(self.encode(images, create_graph=True), images)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Images of latents, for use: without a graph."""
        with torch.no_grad():
            return self.forward(latents)


class Variational(nn.Module):
    """Two linear maps of the latents to a mean and a log-variance, and the network of a draw."""

    def __init__(self, network: nn.Module, latent_dim: int):
        super().__init__()
        self.fc21 = nn.Linear(latent_dim, latent_dim)
        self.fc22 = nn.Linear(latent_dim, latent_dim)
        self.main = network

    def forward(self, points: torch.Tensor, noise: torch.Tensor | None = None) -> Any:
        """(images, divergence of the posterior from N(0, I) averaged over the batch)."""
        mean, log_variance = self.fc21(points), self.fc22(points)
        noise = torch.randn_like(mean) if noise is None else noise
        divergence = mean.square() + log_variance.exp() - log_variance - 1.0
        drawn = mean + torch.exp(0.5 * log_variance) * noise
        return self.main(drawn), 0.5 * divergence.sum(dim=1).mean()


class VariationalGON(GON):
    """The variational form: both passes add the divergence."""

    def loss_of(self, outputs: Any, images: torch.Tensor) -> torch.Tensor:
        """The negative evidence lower bound."""
        pictures, divergence = outputs
        return self.loss(pictures, images) + divergence

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        """Images of points, at the mean."""
        return self.network.main(self.network.fc21(latents))


class TransposedConvolutions(nn.Sequential):
    """Transposed convolutions with batch normalisation and ELU: 4x4, then doubled to `side`."""

    def __init__(self, side: int, latent_dim: int, filters: int):
        doublings = (side // 4).bit_length() - 1
        widths = [filters * 2**power for power in reversed(range(doublings))]
        layers = [nn.ConvTranspose2d(latent_dim, widths[0], 4)]
        for inputs, outputs in zip(widths, [*widths[1:], 1], strict=True):
            layers += [nn.BatchNorm2d(inputs), nn.ELU()]
            layers += [nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1)]
        super().__init__(*layers, nn.Sigmoid())

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        """Images `[batch, 1, side, side]`."""
        return super().forward(latents[:, :, None, None])


class Siren(nn.Sequential):
    """A SIREN of (row, column, latents), applied to each point of each image."""

    def __init__(self, side: int, latent_dim: int, width: int, depth: int):
        sizes = [2 + latent_dim, *[width] * depth, 1]
        pairs = enumerate(itertools.pairwise(sizes))
        super().__init__(*(SineLayer(*pair, i == 0, i == depth) for i, pair in pairs))
        line = torch.linspace(-1.0, 1.0, side)
        grid = torch.stack(torch.meshgrid(line, line, indexing="ij"), dim=-1).reshape(-1, 2)
        self.register_buffer("grid", grid, persistent=False)

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        """Values at all points, `[batch, points, 1]`."""
        points = self.grid.expand(len(latents), -1, -1)
        repeated = latents[:, None].expand(-1, points.shape[1], -1)
        return super().forward(torch.cat([points, repeated], dim=-1))


class SineLayer(nn.Module):
    """sin(omega (W h + b)), or the linear map alone."""

    def __init__(self, inputs: int, outputs: int, is_first: bool, is_last: bool):
        super().__init__()
        self.linear, self.is_last = nn.Linear(inputs, outputs), is_last
        bound = 1.0 / inputs if is_first else (6.0 / inputs) ** 0.5 / OMEGA
        nn.init.uniform_(self.linear.weight, -bound, bound)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """`[..., outputs]`."""
        outputs = self.linear(hidden)
        return outputs if self.is_last else torch.sin(OMEGA * outputs)


def squared_error(outputs: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """Summed over channels, mean over batch and pixels (both `[batch, channels, ...]`)."""
    return (outputs - images).square().sum(dim=1).mean()


def cross_entropy(outputs: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """Summed over pixels, mean over the batch."""
    return functional.binary_cross_entropy(outputs, images, reduction="sum") / len(images)


def build(case: Case) -> GON:
    """The published network of a case, with the published learning rate."""
    if case.kind == "implicit":
        network = Siren(case.side, case.latent_dim, case.width, case.depth)
        return GON(network, case.latent_dim, squared_error, learning_rate=1e-4)
    network = TransposedConvolutions(case.side, case.latent_dim, case.width)
    if case.kind == "conv":
        return GON(network, case.latent_dim, squared_error, learning_rate=2e-4)
    network = Variational(network, case.latent_dim)
    return VariationalGON(network, case.latent_dim, cross_entropy, learning_rate=2e-4)


def operations(case: Case, batch: int) -> dict[str, Callable[[], object]]:
    """The operations of `gon_tf.bench.cases`. Encoding by a fold is not among them."""
    model, images = prepared(case, batch)
    latents = model.encode(images)
    return {
        "train": functools.partial(model.train_step, images),
        "encode": lambda: model.encode(images),
        "decode": lambda: model.decode(latents),
        "reconstruct": lambda: model.decode(model.encode(images)),
    }


def compiled_operations(case: Case, batch: int) -> dict[str, Callable[[], object]]:
    """The training step alone by `compiled_step`: each further operation compiles for long."""
    model, images = prepared(case, batch)
    step = compiled_step(model)
    return {"train": lambda: step(images)}


def prepared(case: Case, batch: int) -> tuple[GON, torch.Tensor]:
    """A new network and some images."""
    torch.manual_seed(0)
    shape = (case.side**2, 1) if case.kind == "implicit" else (1, case.side, case.side)
    return build(case), torch.rand(batch, *shape)


def compiled_step(model: GON, backend: str = "inductor") -> Callable[[torch.Tensor], float]:
    """`GON.train_step` with both gradients by `torch.func`, in one graph of `torch.compile`.

    Batch normalisation keeps no running statistics then: functional gradients cannot write them.
    """
    func.replace_all_batch_norm_modules_(model.network)
    parameters = dict(model.network.named_parameters())
    # The same numbers, which nothing but `torch.func` takes gradients of.
    detached = {name: parameter.detach() for name, parameter in parameters.items()}

    def loss(values, points, images):
        return model.loss_of(func.functional_call(model.network, values, (points,)), images)

    def loss_at_latents(values, images):
        origin = torch.zeros(len(images), model.latent_dim)
        latents = -func.grad(loss, argnums=1)(values, origin, images)
        return loss(values, latents, images)

    gradients = torch.compile(func.grad_and_value(loss_at_latents), backend=backend)

    def step(images):
        found, value = gradients(detached, images)
        for name, parameter in parameters.items():
            parameter.grad = found[name]
        model.optimizer.step()
        return value.item()

    return step

"""The published Gradient Origin Networks in JAX, jitted: what one would write there today.

Networks, losses, normalisation and optimizer are those of `gon_tf.bench.published`; parameters have
its names and shapes. `pip install jax`.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from gon_tf.bench.cases import Case

OMEGA, NORMALIZATION_EPSILON = 30.0, 1e-5
MOMENTUM, DECAY, EPSILON = 0.9, 0.999, 1e-8  # of Adam
Parameters = dict[str, jax.Array]


class GON:
    """A network that encodes by the gradient at the origin; functions of parameters, to be jitted.

    Args:
        case: the network.
    """

    def __init__(self, case: Case):
        self.case = case
        self.learning_rate = 1e-4 if case.kind == "implicit" else 2e-4
        layers = case.depth if case.kind == "implicit" else (case.side // 4).bit_length() - 1
        network = {"conv": convolutions, "variational": variational, "implicit": siren}[case.kind]
        self.network = functools.partial(network, side=case.side, layers=layers)

    def loss(self, parameters: Parameters, latents: Any, images: Any, noise: Any) -> jax.Array:
        """The loss of both passes, of images `[batch, side, side, 1]`."""
        outputs, divergence = self.network(parameters, latents, noise)
        if self.case.kind != "variational":  # of an implicit network the sum over its points
            points = self.case.side**2 if self.case.kind == "implicit" else 1
            return points * jnp.mean(jnp.square(outputs - images))
        white, black = (jnp.maximum(jnp.log(p), -100.0) for p in (outputs, 1.0 - outputs))
        return divergence - jnp.sum(images * white + (1.0 - images) * black) / len(images)

    def encode(self, parameters: Parameters, images: Any, noise: Any) -> jax.Array:
        """Latents of images, `[batch, latent_dim]`."""
        origin = jnp.zeros((len(images), self.case.latent_dim))
        return -jax.grad(self.loss, argnums=1)(parameters, origin, images, noise)

    def loss_at_latents(self, parameters: Parameters, images: Any, noises: Any) -> jax.Array:
        """What training minimises, with the noise of the inner and of the outer pass."""
        latents = self.encode(parameters, images, noises[0])
        return self.loss(parameters, latents, images, noises[1])

    def train_step(self, state: tuple, images: Any, noises: Any) -> tuple[tuple, jax.Array]:
        """The next (parameters, their two moments, steps) of Adam, and the loss before."""
        parameters, first, second, steps = state
        loss, gradients = jax.value_and_grad(self.loss_at_latents)(parameters, images, noises)
        steps = steps + 1
        first = jax.tree.map(lambda m, g: MOMENTUM * m + (1 - MOMENTUM) * g, first, gradients)
        second = jax.tree.map(lambda v, g: DECAY * v + (1 - DECAY) * g * g, second, gradients)

        def moved(parameter, mean, square):
            mean, square = mean / (1 - MOMENTUM**steps), square / (1 - DECAY**steps)
            return parameter - self.learning_rate * mean / (jnp.sqrt(square) + EPSILON)

        return (jax.tree.map(moved, parameters, first, second), first, second, steps), loss

    def decode(self, parameters: Parameters, latents: Any) -> jax.Array:
        """Images of latents, of a variational network at the mean."""
        return self.network(parameters, latents, None)[0]


def convolutions(
    parameters: Parameters, latents: Any, noise: Any, side: int, layers: int, name: str = ""
) -> Any:
    """Transposed convolutions with batch normalisation and ELU; no divergence."""

    def weights(number):
        return (parameters[f"{name}{number}.{kind}"] for kind in ("weight", "bias"))

    kernel, bias = weights(0)
    hidden = jnp.einsum("nl,lohw->nhwo", latents, kernel) + bias
    for number in range(3, 3 * layers + 1, 3):
        scale, shift = weights(number - 2)
        hidden = hidden - jnp.mean(hidden, (0, 1, 2))
        # At the origin all images are equal: what rounding leaves would be divided by sqrt(1e-5).
        hidden = hidden - jnp.mean(hidden, (0, 1, 2))
        variance = jnp.mean(jnp.square(hidden), (0, 1, 2))
        hidden = hidden * lax.rsqrt(variance + NORMALIZATION_EPSILON) * scale + shift
        kernel, bias = weights(number)
        hidden = lax.conv_transpose(
            jax.nn.elu(hidden),
            kernel,
            strides=(2, 2),
            padding="SAME",
            dimension_numbers=("NHWC", "OIHW", "NHWC"),
            transpose_kernel=True,
        )
        hidden = hidden + bias
    return jax.nn.sigmoid(hidden), 0.0


def variational(parameters: Parameters, points: Any, noise: Any, side: int, layers: int) -> Any:
    """Images of a draw, or at the mean without noise, and the divergence from N(0, I)."""
    mean, log_variance = (
        points @ parameters[f"{name}.weight"].T + parameters[f"{name}.bias"]
        for name in ("fc21", "fc22")
    )
    drawn = mean if noise is None else mean + jnp.exp(0.5 * log_variance) * noise
    images, _ = convolutions(parameters, drawn, None, side, layers, "main.")
    divergence = jnp.square(mean) + jnp.exp(log_variance) - log_variance - 1.0
    return images, 0.5 * jnp.mean(jnp.sum(divergence, axis=1))


def siren(parameters: Parameters, latents: Any, noise: Any, side: int, layers: int) -> Any:
    """Values at all points of each image; no divergence."""
    line = jnp.linspace(-1.0, 1.0, side)
    grid = jnp.stack(jnp.meshgrid(line, line, indexing="ij"), axis=-1)
    shape = (len(latents), side, side)
    repeated = jnp.broadcast_to(latents[:, None, None], (*shape, latents.shape[-1]))
    hidden = jnp.concatenate([jnp.broadcast_to(grid, (*shape, 2)), repeated], axis=-1)
    for number in range(layers + 1):
        kernel, bias = (parameters[f"{number}.linear.{kind}"] for kind in ("weight", "bias"))
        hidden = hidden @ kernel.T + bias
        hidden = hidden if number == layers else jnp.sin(OMEGA * hidden)
    return hidden, 0.0


def new_parameters(case: Case) -> Parameters:
    """Parameters of the shapes of the published network, at random within its bounds."""
    shapes, bounds = {}, {}

    def add(name, shape, bound, outputs):
        shapes.update({f"{name}.weight": shape, f"{name}.bias": (outputs,)})
        bounds.update(dict.fromkeys((f"{name}.weight", f"{name}.bias"), bound))

    if case.kind == "implicit":
        sizes = [2 + case.latent_dim, *[case.width] * case.depth, 1]
        for number, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
            bound = (6.0 / inputs) ** 0.5 / OMEGA if number else 1.0 / inputs
            add(f"{number}.linear", (outputs, inputs), bound, outputs)
    else:
        prefix = "main." if case.kind == "variational" else ""
        doublings = (case.side // 4).bit_length() - 1
        widths = [case.width * 2**power for power in reversed(range(doublings))]
        for number, pair in enumerate(itertools.pairwise([case.latent_dim, *widths, 1])):
            add(f"{prefix}{3 * number}", (*pair, 4, 4), (16 * pair[1]) ** -0.5, pair[1])
        for number, width in enumerate(widths):  # of normalisations: scale and shift
            add(f"{prefix}{3 * number + 1}", (width,), 0.0, width)
    if case.kind == "variational":
        for name in ("fc21", "fc22"):
            size = case.latent_dim
            add(name, (size, size), size**-0.5, size)
    random = np.random.default_rng(0)
    return {
        name: jnp.ones(shape)
        if bounds[name] == 0.0 and name.endswith("weight")
        else jnp.asarray(random.uniform(-bounds[name], bounds[name], shape), "float32")
        for name, shape in shapes.items()
    }


def operations(case: Case, batch: int) -> dict[str, Callable[[], object]]:
    """The operations of `gon_tf.bench.cases`. Encoding by a fold is not among them."""
    model, parameters = GON(case), new_parameters(case)
    images = jax.random.uniform(jax.random.key(1), (batch, case.side, case.side, 1))
    zeros = jax.tree.map(jnp.zeros_like, parameters)
    trained = [(parameters, zeros, zeros, jnp.zeros(())), jax.random.key(0)]

    @jax.jit
    def step(state, key, images):
        key, drawn = jax.random.split(key)
        noises = jax.random.normal(drawn, (2, batch, case.latent_dim))
        state, loss = model.train_step(state, images, noises)
        return state, key, loss

    def train():
        *trained[:], loss = step(*trained, images)
        return loss.item()

    @jax.jit
    def encoded(parameters, images):
        noise = jax.random.normal(jax.random.key(2), (batch, case.latent_dim))
        return model.encode(parameters, images, noise)

    decoded, latents = jax.jit(model.decode), encoded(parameters, images)
    return {
        "train": train,
        "encode": lambda: encoded(parameters, images).block_until_ready(),
        "decode": lambda: decoded(parameters, latents).block_until_ready(),
        "reconstruct": lambda: decoded(parameters, encoded(parameters, images)).block_until_ready(),
    }

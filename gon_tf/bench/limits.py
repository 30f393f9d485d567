"""How far a training step is from the machine's limit.

The limit is the time that the step's matrix products (convolutions are such) and sines would take
at the machine's own rates, measured in the same run. All else (activations, the optimizer, memory)
counts as nothing, and so does what an implementation computes twice.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

from gon_tf.bench.cases import Case

POINTS, UNITS = 12_544, 256  # of the product and the layer of sines that give the rates


@dataclass(frozen=True)
class Work:
    """What a step has to compute.

    Attributes:
        operations: floating-point operations in matrix products; a multiply-add is two.
        sines: sines and cosines.
    """

    operations: float
    sines: float = 0.0

    def seconds(self, product: float, sine: float) -> float:
        """The limit, from the seconds that the operations of `rates` take."""
        rate = 2 * POINTS * UNITS**2 / product
        return self.operations / rate + self.sines * sine / (2 * POINTS * UNITS)


def rates() -> dict[str, Callable[[], object]]:
    """The operations that measure the machine: "product" and "sine" (with its derivative)."""
    import tensorflow as tf

    from gon_tf.decoders import sine

    left, right = tf.random.normal((POINTS, UNITS)), tf.random.normal((UNITS, UNITS))
    product = tf.function(lambda: tf.matmul(left, right))

    @tf.function
    def sines():
        return sine.compiled_sine(left), sine.compiled_product(left, left, quarters=1)

    return {"product": lambda: product()[0, 0].numpy(), "sine": lambda: sines()[1][0, 0].numpy()}


def machine_rates(product: float, sine: float) -> dict[str, float]:
    """Billion operations per second in products, and nanoseconds for a sine, of such seconds."""
    elements = POINTS * UNITS
    return {"gflops": 2e-9 * elements * UNITS / product, "ns_per_sine": 5e8 * sine / elements}


def training_work(case: Case, path: str, batch: int) -> Work | None:
    """The work of a training step by "gauss-newton" or "gradient"; None for other paths.

    A pass through a linear layer costs its product; the gradient by its inputs, and that by its
    weights, cost as much each. The pass at the latents takes all three for every image.
    """
    if path not in ("gauss-newton", "gradient") or case.kind == "variational":
        return None
    if case.kind == "implicit":
        return implicit_work(case, path, batch)
    return conv_work(case, path, batch)


def implicit_work(case: Case, path: str, batch: int) -> Work:
    """The origin is one image more, with a gradient by the latents that is trained through."""
    points = case.side**2
    hidden = 2 * points * case.width**2 * (case.depth - 1) + 2 * points * case.width
    sines = points * case.width * case.depth
    # At the origin: the pass, its gradient, and those of both by weights and inputs.
    origin = 6 * (hidden + 2 * points * case.width * case.latent_dim)
    step = step_operations(case, path, batch, points)
    return Work(3 * batch * hidden + origin + step, sines=2 * (batch + 2) * sines)


def conv_work(case: Case, path: str, batch: int) -> Work:
    """A Gauss-Newton step takes one tangent for each latent, a gradient one pass for each image."""
    first, others = conv_layers(case)
    outer = 3 * (batch + 1) * (first + others)
    if path == "gradient":
        return Work(outer + 3 * batch * (first + others))
    tangents = 3 * case.latent_dim * others  # those of the first layer are its weights
    return Work(outer + tangents + step_operations(case, path, batch, case.side**2))


def conv_layers(case: Case) -> tuple[float, float]:
    """Operations of one image in the first layer, and in the others."""
    doublings = int(math.log2(case.side // 4))
    channels = [case.width * 2**power for power in reversed(range(doublings))] + [1]
    first = 2 * case.latent_dim * channels[0] * 4**2
    others = 0
    for number, (inputs, outputs) in enumerate(itertools.pairwise(channels)):
        # Each of n input pixels reaches 4 output pixels along a side, but for one at each end.
        taps = 4 * (4 * 2**number) - 2
        others += 2 * taps**2 * inputs * outputs
    return first, others


def step_operations(case: Case, path: str, batch: int, pixels: int) -> float:
    """From the Jacobian to the latents and back: J^T g, and J^T D J and its solution."""
    latents = case.latent_dim
    gradients = 2 * 2 * batch * latents * pixels
    if path == "gradient":
        return gradients
    matrix = 2 * 2 * latents**2 * pixels
    solution = latents**3 / 3 + 2 * 2 * batch * latents**2 + 2 * batch * latents**2
    return gradients + matrix + solution

"""What is measured: networks and their sizes, and the ways to train and use each of them."""

from __future__ import annotations

from dataclasses import dataclass

OPERATIONS = ("train", "encode", "encode folded", "decode", "reconstruct")
PATHS = {
    "gauss-newton": "this project's default step",
    "gradient": "the paper's step by this project's fast path",
    "nested": "the paper's step by the nested tape",
    "autoencoder": "a plain (variational) autoencoder with the same decoder",
    "pytorch": "the published step in PyTorch, with its batch normalisation",
    "torch-compile": "the same by functional gradients under torch.compile",
    "jax": "the same by JAX, jitted",
}
PACKAGES = {"pytorch": "torch", "torch-compile": "torch", "jax": "jax"}  # that they need
MACHINE = "machine"  # no way to train: the processor's own rates, see `gon_tf.bench.limits`


@dataclass(frozen=True)
class Case:
    """A network and its size.

    Attributes:
        kind: "conv", "variational" or "implicit".
        latent_dim: number of latents.
        side: height and width of its grey images.
        width: filters of the last hidden layer, or units of each hidden layer.
        depth: hidden layers, of an implicit network.
    """

    kind: str
    latent_dim: int
    side: int
    width: int
    depth: int = 4

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of the images."""
        return self.side, self.side, 1


CASES = {
    "conv-32": Case("conv", latent_dim=32, side=32, width=16),
    "conv-256": Case("conv", latent_dim=256, side=32, width=16),
    "variational": Case("variational", latent_dim=256, side=32, width=16),
    "implicit": Case("implicit", latent_dim=32, side=28, width=256),
}

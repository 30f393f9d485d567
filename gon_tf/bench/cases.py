"""What is measured: networks and their sizes, and the ways to train and use each of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

OPERATIONS = ("train", "encode", "encode folded", "decode", "reconstruct")
PATHS = {
    "gauss-newton": "this project's default step",
    "gradient": "the paper's step by this project's fast path",
    "nested": "the paper's step by the nested tape",
    "autoencoder": "a plain (variational) autoencoder with the same decoder",
    "pytorch": "the published step in PyTorch, with its batch normalisation",
}
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


def operations(case: Case, path: str, batch: int) -> dict[str, Callable[[], object]]:
    """Functions that do each of the `OPERATIONS` that a path has once, and wait for the result.

    Args:
        case: the network.
        path: one of `PATHS`, or `MACHINE`.
        batch: number of images.
    """
    if path == "pytorch":
        from gon_tf.bench import published

        return published.operations(case, batch)
    from gon_tf.startup import start_tensorflow

    start_tensorflow()
    if path == MACHINE:
        from gon_tf.bench import limits

        return limits.rates()
    return keras_operations(build(case, path), batch)


def keras_operations(model, batch: int) -> dict[str, Callable[[], object]]:
    """The operations of a model of this project, on random images."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(0)
    model.compile(keras.optimizers.Adam(1e-4))
    step = tf.function(model.train_step, autograph=False)
    images = tf.random.stateless_uniform((batch, *model.image_shape), [1, 2])
    arrays = images.numpy()
    latents = model.encode(arrays)
    functions = {
        "train": lambda: step(images)["loss"].numpy(),
        "encode": lambda: model.encode(arrays),
        "decode": lambda: model.decode(latents),
        "reconstruct": lambda: model.reconstruct(arrays),
    }
    if getattr(model, "folds", False):
        encoder = tf.function(model.fold())
        functions["encode folded"] = lambda: encoder(images).numpy()
    return functions


def build(case: Case, path: str):
    """A model of this project for one of the `PATHS`; its decoder has no normalisation."""
    import gon_tf

    if case.kind == "implicit":
        decoder = gon_tf.ImplicitDecoder(1, case.latent_dim, width=case.width, depth=case.depth)
        if path == "autoencoder":
            return implicit_autoencoder(decoder, case)
        arguments, kind = (decoder, case.image_shape), gon_tf.ImplicitGON
    else:
        decoder = gon_tf.ConvDecoder(case.image_shape, case.latent_dim, filters=case.width)
        variational = case.kind == "variational"
        if path == "autoencoder":
            return (gon_tf.VariationalAutoencoder if variational else gon_tf.Autoencoder)(decoder)
        arguments, kind = (decoder,), gon_tf.VariationalGON if variational else gon_tf.GON
    if path == "nested":
        kind = type("Nested", (kind,), {"shares_origin": False})
    return kind(*arguments, step="gauss-newton" if path == "gauss-newton" else "gradient")


def implicit_autoencoder(decoder, case: Case):
    """An autoencoder with an implicit decoder; as many hidden layers of its width encode."""
    import keras

    import gon_tf
    from gon_tf.models.observations import grid

    points = keras.ops.convert_to_tensor(grid(case.image_shape[:-1]))
    latents = keras.Input((case.latent_dim,))
    pictures = keras.layers.Reshape(case.image_shape)(decoder(latents, points))
    hidden = [keras.layers.Dense(case.width, activation="elu") for _ in range(case.depth)]
    first, last = keras.layers.Flatten(), keras.layers.Dense(case.latent_dim)
    encoder = keras.Sequential([keras.Input(case.image_shape), first, *hidden, last])
    return gon_tf.Autoencoder(keras.Model(latents, pictures), encoder=encoder)

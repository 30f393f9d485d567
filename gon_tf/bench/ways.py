"""The ways to train a network, as functions that can be timed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gon_tf.bench.cases import MACHINE, Case


def operations(case: Case, path: str, batch: int) -> dict[str, Callable[[], object]]:
    """Functions that do each of the `OPERATIONS` that a path has once, and wait for the result.

    Args:
        case: the network.
        path: one of `PATHS`, or `MACHINE`.
        batch: number of images.
    """
    if path in ("pytorch", "torch-compile"):
        from gon_tf.bench import published

        own = published.operations if path == "pytorch" else published.compiled_operations
        return own(case, batch)
    if path == "jax":
        from gon_tf.bench import jitted

        return jitted.operations(case, batch)
    from gon_tf.startup import start_tensorflow

    start_tensorflow()
    if path == MACHINE:
        from gon_tf.bench import limits

        return limits.rates()
    return keras_operations(build(case, path), batch)


def keras_operations(model: Any, batch: int) -> dict[str, Callable[[], object]]:
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


def build(case: Case, path: str) -> Any:
    """A model of this project for one of the `PATHS`; its decoder has no normalisation."""
    import gon_tf

    options: dict[str, Any] = {"step": "gauss-newton" if path == "gauss-newton" else "gradient"}
    if case.kind == "implicit":
        decoder = gon_tf.ImplicitDecoder(1, case.latent_dim, width=case.width, depth=case.depth)
        if path == "autoencoder":
            return implicit_autoencoder(decoder, case)
        kind, options["image_shape"] = gon_tf.ImplicitGON, case.image_shape
    else:
        decoder = gon_tf.ConvDecoder(case.image_shape, case.latent_dim, filters=case.width)
        variational = case.kind == "variational"
        if path == "autoencoder":
            return (gon_tf.VariationalAutoencoder if variational else gon_tf.Autoencoder)(decoder)
        kind = gon_tf.VariationalGON if variational else gon_tf.GON
    if path == "nested":
        kind = nested(kind)
    return kind(decoder, **options)


def nested(kind: type) -> type:
    """A kind of GON as in the paper's code: a tape through the decoder for every image."""
    from gon_tf.origin import Network

    def origin_of(self, problem, network, *, shared):
        return kind.origin_of(self, problem, Network(network), shared=False)

    return type("Nested", (kind,), {"shares_origin": False, "origin_of": origin_of})


def implicit_autoencoder(decoder: Any, case: Case) -> Any:
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

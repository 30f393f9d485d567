"""Training that begins with the weights of another model: its network stays, pictures are new."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gon_tf import files
from gon_tf.training.recipe import Recipe

if TYPE_CHECKING:
    import keras

VARIANTS = {
    "GON": "conv",
    "VariationalGON": "variational",
    "ImplicitGON": "implicit",
    "Autoencoder": "autoencoder",
    "VariationalAutoencoder": "vae",
}
# Fields of a recipe that a model brings.
NETWORK = (
    *("latent_dim", "filters", "activation", "normalization", "width", "depth", "omega", "loss"),
    *("step", "inner_steps", "step_size", "damping", "components", "prior", "rank", "decoder"),
)
SHAPE = ("image_size", "channels")


def config(model: str) -> tuple[Path, dict[str, Any]]:
    """The preset folder of MODEL, and its config.json."""
    from gon_tf import zoo

    folder = zoo.locate(model)
    return folder, files.read_json(folder / "config.json")


def variant_of(model: str) -> str:
    """The variant whose training fits a model.

    Raises:
        ValueError: if none does.
    """
    name = config(model)[1].get("class")
    if name not in VARIANTS:
        raise ValueError(f"--from takes a {', '.join(VARIANTS)}. Received: {name} in {model}")
    return VARIANTS[name]


def adopt(recipe: Recipe) -> Recipe:
    """The recipe with what its `start` says of the network; as it is if there is none.

    Raises:
        ValueError: if the recipe says otherwise, or the model cannot be trained.
    """
    if recipe.start is None:
        return recipe
    if (variant := variant_of(recipe.start)) != recipe.variant:
        raise ValueError(
            f"{recipe.start} is trained as the variant {variant}. Received: {recipe.variant}"
        )
    arguments = config(recipe.start)[1]["arguments"]
    network = {**arguments.get("decoder", {}).get("arguments", {}), **arguments}
    known = {name: network[name] for name in NETWORK if is_plain(network.get(name))}
    for name, value in known.items():
        if getattr(recipe, name) not in (None, value):
            raise ValueError(
                f"{recipe.start} has {name.replace('_', '-')} {value}, which --from keeps. "
                f"Received: {getattr(recipe, name)}"
            )
    return replace(recipe, **known)


def is_plain(value: Any) -> bool:
    """Whether a model's argument can be a field of a recipe."""
    return isinstance(value, (int, float, str))


def begun(recipe: Recipe) -> tuple[Recipe, keras.Model]:
    """The model of `recipe.start`, and the recipe with the shape of its images."""
    from gon_tf import presets

    assert recipe.start is not None
    model = presets.load(recipe.start)
    height, width, channels = model.image_shape
    if channels not in (1, 3):
        raise ValueError(f"{recipe.start} makes images of {channels} channels, not of 1 or 3.")
    return replace(recipe, image_size=(height, width), channels=channels), model


def fingerprint(model: keras.Model) -> str:
    """Equal for the same weights alone."""
    digest = hashlib.sha256()
    for weight in model.get_weights():
        digest.update(weight.tobytes())
    return digest.hexdigest()


def epochs_of(folder: Path) -> int:
    """The epochs that the model in `folder` was trained for; its log may know of more."""
    epochs = files.read_json(folder / "metadata.json").get("epochs")
    if not isinstance(epochs, int) or epochs < 1:
        raise ValueError(
            f"{folder / 'metadata.json'} must say the epochs of its model. Received: {epochs!r}"
        )
    return epochs


def take_weights(model: keras.Model, folder: Path, steps: int) -> None:
    """Give `model` the trained weights of the model in `folder`, and so many steps behind it."""
    from gon_tf import presets

    former = presets.load(str(folder.absolute()))
    with model.distribute_strategy.scope():
        model.optimizer.build(model.trainable_variables)
        pairs = zip(model.trainable_variables, former.trainable_variables, strict=True)
        for variable, value in pairs:
            variable.assign(value)
        if model.optimizer.use_ema:  # zeros, else, which only a first step leaves behind at once
            averages = model.optimizer._model_variables_moving_average
            for average, variable in zip(averages, model.trainable_variables, strict=True):
                average.assign(variable)
        model.optimizer.iterations.assign(steps)

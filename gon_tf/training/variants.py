"""The kinds of model that a recipe can train: how each is built, and what it takes by default."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from gon_tf.training import schedules
from gon_tf.training.recipe import Recipe

if TYPE_CHECKING:
    import keras


Shape = tuple[int, int, int]  # of the images: height, width, channels


@dataclass(frozen=True)
class Variant:
    """A kind of model: its line in `VARIANTS` is all that the command needs to train it.

    Attributes:
        build: makes the model from a complete recipe and the shape of its images.
        defaults: the recipe's fields that only some variants have, or whose default differs
            between variants, and their values here.
    """

    build: Callable[[Recipe, Shape], keras.Model]
    defaults: Mapping[str, Any]


def conv(recipe: Recipe, image_shape: Shape) -> keras.Model:
    """The convolutional GON of a recipe."""
    import gon_tf

    options = taken(recipe, *ORIGIN, *PRIOR)
    return gon_tf.GON(conv_decoder(recipe, image_shape), **options)


def variational(recipe: Recipe, image_shape: Shape) -> keras.Model:
    """The variational GON of a recipe."""
    import gon_tf

    options = taken(recipe, *ORIGIN, *PRIOR)
    return gon_tf.VariationalGON(conv_decoder(recipe, image_shape), **options)


def implicit(recipe: Recipe, image_shape: Shape) -> keras.Model:
    """The implicit GON of a recipe."""
    import gon_tf

    sizes = taken(recipe, "latent_dim", "width", "depth", "omega")
    decoder = gon_tf.ImplicitDecoder(image_shape[-1], **sizes)
    options = taken(recipe, *ORIGIN, *PRIOR, "points_per_step")
    return gon_tf.ImplicitGON(decoder, image_shape, **options)


def autoencoder(recipe: Recipe, image_shape: Shape) -> keras.Model:
    """The autoencoder of a recipe, its encoder the mirror image of the decoder."""
    import gon_tf

    options = taken(recipe, "loss", *PRIOR)
    return gon_tf.Autoencoder(conv_decoder(recipe, image_shape), **options)


def vae(recipe: Recipe, image_shape: Shape) -> keras.Model:
    """The variational autoencoder of a recipe, its encoder the mirror image of the decoder."""
    import gon_tf

    options = taken(recipe, "loss", *PRIOR)
    return gon_tf.VariationalAutoencoder(conv_decoder(recipe, image_shape), **options)


def conv_decoder(recipe: Recipe, image_shape: Shape) -> keras.Model:
    """The convolutional decoder of a recipe."""
    import gon_tf

    return gon_tf.ConvDecoder(
        image_shape,
        normalization=None if recipe.normalization == "none" else recipe.normalization,
        **taken(recipe, *CONV),
    )


def taken(recipe: Recipe, *names: str) -> dict[str, Any]:
    """Fields of a recipe as arguments of the same names."""
    return {name: getattr(recipe, name) for name in names}


CONV = {"latent_dim": 256, "filters": 16, "activation": "elu"}
GAUSS_NEWTON = {"step": "gauss-newton", "inner_steps": 1, "step_size": 1.0}
ORIGIN = (*GAUSS_NEWTON, "damping", "loss")
MOMENTS = ("beta_1", "beta_2")
PRIOR = {"prior": "local-gaussians", "components": None, "rank": None}

VARIANTS: dict[str, Variant] = {
    "conv": Variant(
        conv,
        {
            **PRIOR,
            **CONV,
            **GAUSS_NEWTON,
            "normalization": "none",
            "loss": "squared_error",
            "damping": 0.01,
            "learning_rate": 2e-2,
            "beta_1": 0.95,
            "beta_2": 0.95,
        },
    ),
    "variational": Variant(
        variational,
        {
            **PRIOR,
            **CONV,
            **GAUSS_NEWTON,
            "normalization": "none",
            "loss": "cross_entropy",
            "damping": 1.0,
            "learning_rate": 8e-3,
            "beta_1": 0.95,
            "beta_2": 0.97,
        },
    ),
    "implicit": Variant(
        implicit,
        {
            **PRIOR,
            **GAUSS_NEWTON,
            "latent_dim": 32,
            "width": 256,
            "depth": 4,
            "omega": 30.0,
            "points_per_step": None,
            "loss": "squared_error",
            "damping": 1.0,
            "learning_rate": 2e-4,
        },
    ),
    "autoencoder": Variant(
        autoencoder,
        {
            **PRIOR,
            **CONV,
            "normalization": "instance",
            "loss": "squared_error",
            "learning_rate": 2e-3,
        },
    ),
    "vae": Variant(
        vae,
        {
            **PRIOR,
            **CONV,
            "normalization": "instance",
            "loss": "cross_entropy",
            "learning_rate": 4e-3,
        },
    ),
}


def complete(recipe: Recipe) -> Recipe:
    """The recipe with its variant's defaults for what it leaves open.

    Raises:
        ValueError: if there is no such variant, or it has no use for a value that is set.
    """
    if recipe.variant not in VARIANTS:
        known = ", ".join(VARIANTS)
        raise ValueError(f"A recipe's variant is one of {known}. Received: {recipe.variant!r}")
    defaults = VARIANTS[recipe.variant].defaults
    optional = {name for variant in VARIANTS.values() for name in variant.defaults}
    if recipe.optimizer in schedules.WITHOUT_MOMENTS:
        defaults = {name: defaults[name] for name in defaults if name not in MOMENTS}
    given = {
        field.name: getattr(recipe, field.name)
        for field in fields(recipe)
        if field.name in optional and getattr(recipe, field.name) is not None
    }
    if useless := given.keys() - defaults.keys() - set(MOMENTS):
        name = sorted(useless)[0]
        raise ValueError(
            f"{recipe.variant} models have no {name.replace('_', '-')}. Received: {given[name]!r}"
        )
    if "prior" in defaults:
        given["prior"] = prior_of(recipe)
    return replace(recipe, **{**defaults, **given})


def prior_of(recipe: Recipe) -> str:
    """The prior of a recipe: as models take theirs, a mixture if there are components alone."""
    if recipe.prior:
        return recipe.prior
    alone = recipe.components is not None and recipe.rank is None
    return "mixture" if alone else "local-gaussians"

"""The kinds of model that a recipe can train: how each is built, and what it takes by default."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from gon_tf.training import schedules
from gon_tf.training.recipe import Recipe

if TYPE_CHECKING:
    import keras


Shape = tuple[int, int, int]  # of the images: height, width, channels


@dataclass(frozen=True)
class Chosen:
    """A default that other fields decide.

    Attributes:
        by: from a recipe that has the fields before this one to the value.
        text: how it is chosen, for the help.
    """

    by: Callable[[Recipe], Any]
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Variant:
    """A kind of model: its line in `VARIANTS` is all that the command needs to train it.

    Attributes:
        build: makes the model from a complete recipe and the shape of its images.
        defaults: the recipe's fields that only some variants have, or whose default differs
            between variants, and their values here; a `Chosen` looks at those before it.
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

    if recipe.decoder == "residual":
        if recipe.normalization != "none":
            raise ValueError(
                "A residual decoder has no normalisation: leave out --normalization, or choose "
                f"--decoder conv. Received: {recipe.normalization!r}"
            )
        return gon_tf.ResidualDecoder(image_shape, **taken(recipe, *CONV))
    return gon_tf.ConvDecoder(
        image_shape,
        normalization=None if recipe.normalization == "none" else recipe.normalization,
        **taken(recipe, *CONV),
    )


def taken(recipe: Recipe, *names: str) -> dict[str, Any]:
    """Fields of a recipe as arguments of the same names."""
    return {name: getattr(recipe, name) for name in names}


FAST, SLOW, MOST_FAST = 2e-2, 5e-3, 64  # learning rates of ConvDecoder, and pixels of a side
RESIDUAL = 8e-3  # the learning rate of ResidualDecoder


def conv_rate(recipe: Recipe) -> float:
    """The learning rate of a convolutional GON: a larger ConvDecoder takes a lower one."""
    if recipe.decoder == "residual":
        return RESIDUAL
    return FAST if max(recipe.image_size) <= MOST_FAST else SLOW


def implicit_rate(recipe: Recipe) -> float:
    """The learning rate of an implicit GON: with Muon, larger pictures take a higher one."""
    if recipe.optimizer != "muon":
        return 2e-4
    return 5e-4 if is_small(recipe) else 2e-3


def is_small(recipe: Recipe) -> bool:
    """Whether pictures are about as large as those of MNIST and CIFAR-10."""
    return max(recipe.image_size) <= SMALL


SMALL = 40  # pixels of a side
CONV = {"latent_dim": 256, "filters": 16, "activation": "elu"}
DECODER = Chosen(
    lambda recipe: "conv" if is_small(recipe) else "residual",
    f"conv to {SMALL} pixels, residual above",
)
# A second step at each image's own latents takes seven times the time of a training step.
IMPLICIT_STEPS = Chosen(
    lambda recipe: 2 if is_small(recipe) else 1, f"2 to {SMALL} pixels, 1 above"
)
GAUSS_NEWTON = {"step": "gauss-newton", "inner_steps": 1, "step_size": 1.0}
ORIGIN = (*GAUSS_NEWTON, "damping", "loss")
MOMENTS = ("beta_1", "beta_2")
PRIOR = {"prior": "local-gaussians", "components": None, "rank": None}


def default_points(recipe: Recipe) -> int:
    """The points of an implicit model that a step sees, if there is the memory for them."""
    return min(math.prod(recipe.image_size), MOST_POINTS)


POINTS = Chosen(default_points, "256, or all if there are fewer, or what fits in --memory")
MOST_POINTS = 256

VARIANTS: dict[str, Variant] = {
    "conv": Variant(
        conv,
        {
            **PRIOR,
            "decoder": DECODER,
            **CONV,
            **GAUSS_NEWTON,
            "normalization": "none",
            "loss": "squared_error",
            "damping": 0.01,
            "optimizer": Chosen(
                lambda recipe: "muon" if recipe.decoder == "residual" else "adam",
                "muon with residual, adam with conv",
            ),
            "learning_rate": Chosen(
                conv_rate,
                f"{RESIDUAL:g} with residual; {FAST:g} with conv to {MOST_FAST} pixels, "
                f"{SLOW:g} above",
            ),
            "beta_1": 0.95,
            "beta_2": 0.95,
        },
    ),
    "variational": Variant(
        variational,
        {
            **PRIOR,
            "decoder": DECODER,
            **CONV,
            **GAUSS_NEWTON,
            "inner_steps": 2,
            "normalization": "none",
            "loss": "cross_entropy",
            "damping": 1.0,
            "optimizer": "muon",
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
            "inner_steps": IMPLICIT_STEPS,
            "latent_dim": 32,
            "width": 256,
            "depth": 4,
            "omega": 30.0,
            "points_per_step": POINTS,
            "loss": "squared_error",
            "damping": 1.0,
            "optimizer": "muon",
            "learning_rate": Chosen(
                implicit_rate,
                f"0.0005 with muon to {SMALL} pixels, 0.002 above; else 0.0002",
            ),
        },
    ),
    "autoencoder": Variant(
        autoencoder,
        {
            **PRIOR,
            **CONV,
            "normalization": "instance",
            "loss": "squared_error",
            "optimizer": "adam",
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
            "optimizer": "adam",
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
    defaults = dict(VARIANTS[recipe.variant].defaults)
    defaults.setdefault("optimizer", "adam")
    optional = {name for variant in VARIANTS.values() for name in variant.defaults}
    for field in fields(recipe):
        given = getattr(recipe, field.name)
        if given is not None and field.name in optional - defaults.keys() - set(MOMENTS):
            raise ValueError(
                f"{recipe.variant} models have no {field.name.replace('_', '-')}. "
                f"Received: {given!r}"
            )
    if "prior" in defaults:
        recipe = replace(recipe, prior=prior_of(recipe))
    for name, default in defaults.items():
        if name in MOMENTS and recipe.optimizer in schedules.WITHOUT_MOMENTS:
            continue
        if getattr(recipe, name) is None:
            value: Any = default.by(recipe) if isinstance(default, Chosen) else default
            chosen = {name: value}
            recipe = replace(recipe, **chosen)
    return recipe


def prior_of(recipe: Recipe) -> str:
    """The prior of a recipe: as models take theirs, a mixture if there are components alone."""
    if recipe.prior:
        return recipe.prior
    alone = recipe.components is not None and recipe.rank is None
    return "mixture" if alone else "local-gaussians"

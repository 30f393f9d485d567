"""A training recipe: everything that decides what a trained model is, as plain data."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import get_args, get_origin, get_type_hints


@dataclass(frozen=True)
class Recipe:
    """Every argument of a training run. `gon-tf train` documents them one by one.

    Example:
        >>> recipe = Recipe("conv", "mnist:train", epochs=40)
        >>> Recipe.from_json(recipe.to_json()) == recipe
        True
    """

    variant: str
    dataset: str
    validation: str | None = None
    validation_split: float = 0.0
    evaluate: str | None = None
    image_size: tuple[int, int] = (32, 32)
    crop: bool = False
    channels: int | None = None
    # network and method: None takes the default of the variant (see `gon_tf.training.variants`)
    latent_dim: int | None = None
    filters: int | None = None
    activation: str | None = None
    normalization: str | None = None
    width: int | None = None
    depth: int | None = None
    omega: float | None = None
    loss: str | None = None
    step: str | None = None
    inner_steps: int | None = None
    step_size: float | None = None
    damping: float | None = None
    points_per_step: int | None = None
    components: int | None = None
    # training
    epochs: int = 10
    batch_size: int = 64
    optimizer: str = "adam"
    learning_rate: float | None = None
    beta_1: float | None = None
    beta_2: float | None = None
    schedule: str = "cosine"
    warmup: float = 0.03
    patience: int | None = None
    clipnorm: float | None = None
    ema: float = 0.0
    precision: str = "float32"
    seed: int = 0

    def to_json(self) -> dict:
        """The recipe as a dictionary that JSON can hold."""
        return {**asdict(self), "image_size": list(self.image_size)}

    @classmethod
    def from_json(cls, values: dict) -> Recipe:
        """The recipe that `to_json` wrote.

        Raises:
            ValueError: if a value is missing or of another type, or no recipe has it.
        """
        if not isinstance(values, dict):
            raise ValueError(f"A recipe is a JSON object. Received: {values!r}")
        known = {field.name for field in fields(cls)}
        needed = {"variant", "dataset", "image_size"}
        if unknown := values.keys() - known:
            raise ValueError(f"A recipe has no {', '.join(sorted(unknown))}.")
        if missing := needed - values.keys():
            raise ValueError(f"A recipe needs {', '.join(sorted(missing))}.")
        kinds = get_type_hints(cls)
        for name, value in values.items():
            if not has_type(value, kinds[name]):
                raise ValueError(f"{name!r} in a recipe cannot be {value!r}.")
        return cls(**{**values, "image_size": tuple(values["image_size"])})


def has_type(value, kind) -> bool:
    """Whether a value from JSON can stand for a field of the type `kind`."""
    if get_origin(kind) is tuple:
        kinds = get_args(kind)
        return (
            isinstance(value, list)
            and len(value) == len(kinds)
            and all(map(has_type, value, kinds))
        )
    kinds = get_args(kind) or (kind,)
    if float in kinds and type(value) is int:
        return True
    return type(value) in kinds

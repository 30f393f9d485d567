"""A training recipe: everything that decides what a trained model is, as plain data."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields


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
    evaluate: str | None = None
    # network
    image_size: tuple[int, int] = (32, 32)
    channels: int | None = None
    latent_dim: int = 256
    filters: int = 16
    activation: str = "elu"
    normalization: str = "none"
    # method
    loss: str = "squared_error"
    step: str = "gauss-newton"
    step_size: float = 1.0
    damping: float = 0.01
    # training
    epochs: int = 10
    batch_size: int = 64
    optimizer: str = "adam"
    learning_rate: float = 2e-3
    schedule: str = "cosine"
    warmup: float = 0.0
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
            ValueError: if a value is missing, or one is there that no recipe has.
        """
        known = {field.name for field in fields(cls)}
        needed = {"variant", "dataset", "image_size"}
        if unknown := values.keys() - known:
            raise ValueError(f"A recipe has no {', '.join(sorted(unknown))}.")
        if missing := needed - values.keys():
            raise ValueError(f"A recipe needs {', '.join(sorted(missing))}.")
        return cls(**{**values, "image_size": tuple(values["image_size"])})

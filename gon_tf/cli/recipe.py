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
    validation_split: float = 0.0
    evaluate: str | None = None
    image_size: tuple[int, int] = (32, 32)
    crop: bool = False
    channels: int | None = None
    # network and method: None takes the default of the variant (see `gon_tf.cli.variants`)
    latent_dim: int | None = None
    filters: int | None = None
    activation: str | None = None
    normalization: str | None = None
    width: int | None = None
    depth: int | None = None
    omega: float | None = None
    loss: str | None = None
    step: str | None = None
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
            ValueError: if a value is missing, or one is there that no recipe has.
        """
        known = {field.name for field in fields(cls)}
        needed = {"variant", "dataset", "image_size"}
        if unknown := values.keys() - known:
            raise ValueError(f"A recipe has no {', '.join(sorted(unknown))}.")
        if missing := needed - values.keys():
            raise ValueError(f"A recipe needs {', '.join(sorted(missing))}.")
        return cls(**{**values, "image_size": tuple(values["image_size"])})

"""A training recipe: everything that decides what a trained model is, as plain data.

A field carries what there is to say of it: its meaning and the values that it takes. The options of
`gon-tf train` are made from that, and a recipe is held to it wherever it comes from.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from numbers import Integral, Real
from typing import Any, get_args, get_type_hints

DECODERS = ("conv", "residual")
OPTIMIZERS = ("adam", "adamw", "muon", "nadam", "lion", "sgd")
SCHEDULES = ("cosine", "linear", "exponential", "constant")
PRIORS = ("local-gaussians", "mixture", "normal")
LOGGERS = ("wandb", "mlflow")
STRATEGIES = ("single", "mirrored", "multiworker")
LARGEST_SIDE = 4096  # pixels
MOST_DRAWN = 50  # times that a training draws pictures, by default
ENOUGH_STEPS, FEWEST_EPOCHS, MOST_EPOCHS = 2000, 10, 100  # of a training, by default
KINDS = {int: "an integer", float: "a number", str: "text", bool: "true or false"}


@dataclass(frozen=True)
class Range:
    """The finite numbers x from `low` to `high`, without the ends that are open."""

    low: float
    high: float | None = None
    low_open: bool = False
    high_open: bool = False

    def __contains__(self, x: float) -> bool:
        above = self.low < x if self.low_open else self.low <= x
        below = self.high is None or (x < self.high if self.high_open else x <= self.high)
        return math.isfinite(x) and above and below

    def __str__(self) -> str:
        if self.high is None:
            return f"x{'>' if self.low_open else '>='}{self.low:g}"
        ends = f"<{'' if self.low_open else '='}x<{'' if self.high_open else '='}"
        return f"{self.low:g}{ends}{self.high:g}"


# What convolutional models were before a recipe said so.
FORMERLY = {"decoder": "conv", "inner_steps": 1}

COUNT, POSITIVE, SHARE = Range(1), Range(0, low_open=True), Range(0, 1, high_open=True)


def setting(
    default: Any, text: str, values: Range | tuple = (), metavar: str = "", flag: str = ""
) -> Any:
    """A field: its default, help, the values that it takes, what the help calls one, its flag."""
    words = {"help": text, "values": values, "metavar": metavar, "flag": flag}
    return field(default=default, metadata=words)


@dataclass(frozen=True)
class Settings:
    """What the fields of a subclass hold is one of the values that they take."""

    def __post_init__(self):
        for each in fields(self):
            object.__setattr__(self, each.name, self.checked(each.name, getattr(self, each.name)))

    @classmethod
    @cache
    def kinds(cls) -> dict[str, tuple[type, ...]]:
        """The types of each field's values."""
        return {name: get_args(kind) or (kind,) for name, kind in get_type_hints(cls).items()}

    @classmethod
    def checked(cls, name: str, value: Any) -> Any:
        """`value` as one of the field `name`.

        Raises:
            ValueError: if the field does not take it.
        """
        kinds, values = cls.kinds()[name], cls.__dataclass_fields__[name].metadata.get("values")
        if value is None and type(None) in kinds:
            return None
        if name == "image_size":
            return size(value)
        if isinstance(value, Real) and not isinstance(value, bool):
            if int in kinds and isinstance(value, Integral):
                value = int(value)
            elif float in kinds:
                value = float(value)
        if type(value) in kinds and (not values or value in values):
            return value
        meaning = KINDS[kinds[0]]
        if isinstance(values, Range):
            meaning += f", {values}"
        elif values:
            meaning = f"one of {', '.join(map(str, values))}"
        raise ValueError(f"{name} in a recipe must be {meaning}. Received: {value!r}")


def size(value: Any) -> tuple[int, int]:
    """Height and width: of (48, 64), [48, 64], "48x64", or 48 for a square."""
    sides = value.lower().split("x") if isinstance(value, str) else value
    sides = list(sides) if isinstance(sides, (list, tuple)) else [sides]
    numbers = [int(s) for s in sides if type(s) is int or (isinstance(s, str) and s.isdecimal())]
    valid = all(1 <= side <= LARGEST_SIDE for side in numbers)
    if not (valid and 1 <= len(numbers) == len(sides) <= 2):
        raise ValueError(
            f"image_size in a recipe must be height and width, 1 to {LARGEST_SIDE} pixels each. "
            f"Received: {value!r}"
        )
    return numbers[0], numbers[-1]


@dataclass(frozen=True)
class Recipe(Settings):
    """Every argument of a training; `gon-tf train --help` says what each means.

    None takes the default of the variant (see `gon_tf.training.variants`), or of the images.

    Raises:
        ValueError: if a value is out of its range, or two do not go together.

    Example:
        >>> recipe = Recipe("conv", "mnist:train", epochs=40)
        >>> Recipe.from_json(recipe.to_json()) == recipe
        True
    """

    variant: str
    dataset: str
    validation: str | None = setting(
        None, "Data set to measure after each epoch, e.g. mnist:test.", metavar="DATASET"
    )
    validation_split: float = setting(
        0.0,
        "Part of the images to measure after each epoch instead of training on them.",
        Range(0, 0.5),
    )
    evaluate: str | None = setting(
        None, "Data set to measure at the end, for the model's card.", metavar="DATASET"
    )
    start: str | None = setting(
        None,
        "Begin with the weights of MODEL, whose network and size of images stay; the variant, too.",
        metavar="MODEL",
        flag="--from",
    )
    image_size: tuple[int, int] = setting(
        (32, 32),
        f"Pixels: N for a square, or HEIGHTxWIDTH; 1 to {LARGEST_SIDE} a side.",
        metavar="SIZE",
    )
    crop: bool = setting(
        False, "Cut images of another shape to SIZE's aspect instead of stretching them."
    )
    channels: int | None = setting(None, "1 for grey, 3 for RGB; by default as the images.", (1, 3))
    # network and method
    latent_dim: int | None = setting(None, "Number of latents.", COUNT)
    decoder: str | None = setting(
        None, "Network from latents to pictures: ConvDecoder or ResidualDecoder.", DECODERS
    )
    filters: int | None = setting(None, "Channels of the last hidden layer.", COUNT)
    activation: str | None = setting(
        None, "Smooth activation: elu, selu, silu, softplus, gelu or tanh.", metavar="NAME"
    )
    normalization: str | None = setting(
        None, "Normalisation of the hidden layers.", ("none", "instance", "group", "batch")
    )
    width: int | None = setting(None, "Units of each hidden layer of the SIREN.", COUNT)
    depth: int | None = setting(None, "Hidden layers of the SIREN.", COUNT)
    omega: float | None = setting(None, "Frequency of the SIREN's sines.", POSITIVE)
    loss: str | None = setting(None, "Loss of a pixel.", ("squared_error", "cross_entropy"))
    step: str | None = setting(None, "Step from the origin.", ("gauss-newton", "gradient"))
    inner_steps: int | None = setting(
        None, "Steps from the origin: 2 cost about 1.5 times the time of 1.", COUNT
    )
    step_size: float | None = setting(None, "Fraction of the step that is taken.", POSITIVE)
    damping: float | None = setting(None, "Damping of the Gauss-Newton step.", POSITIVE)
    points_per_step: int | None = setting(
        None, "Pixels, drawn anew, that a step of an implicit model sees.", COUNT
    )
    prior: str | None = setting(
        None,
        "What `sample` draws from: many small Gaussians, a few full ones, or N(0, I); a mixture if "
        "only --components is given.",
        PRIORS,
    )
    components: int | None = setting(
        None, "Gaussians that `sample` draws from; by default as suits the images.", COUNT
    )
    rank: int | None = setting(None, "Axes of each of the local Gaussians; by default 16.", COUNT)
    labels: bool = setting(
        False,
        "Keep apart what has another label, to sample by label: that of a TensorFlow data set, or "
        "the folder in DATASET that a picture lies in.",
    )
    # training
    epochs: int | None = setting(
        None,
        f"Passes over the data; by default what makes {ENOUGH_STEPS:,} steps, but "
        f"{FEWEST_EPOCHS} at least and {MOST_EPOCHS} at most.",
        COUNT,
    )
    batch_size: int = setting(64, "Images in a step.", COUNT)
    optimizer: str | None = setting(None, "Optimizer.", OPTIMIZERS)
    learning_rate: float | None = setting(None, "Highest learning rate.", POSITIVE)
    beta_1: float | None = setting(None, "Decay of the optimizer's mean of the gradient.", SHARE)
    beta_2: float | None = setting(
        None, "Decay of the optimizer's mean of the squared gradient.", SHARE
    )
    schedule: str = setting("cosine", "Course of the learning rate.", SCHEDULES)
    warmup: float = setting(0.03, "Part of the steps in which the rate rises from 0.", Range(0, 1))
    patience: int | None = setting(
        None, "Epochs without a better validation loss after which to stop.", COUNT
    )
    clipnorm: float | None = setting(None, "Largest norm of a weight's gradient.", POSITIVE)
    ema: float = setting(0.0, "Momentum of the weights' average.", SHARE)
    precision: str = setting(
        "float32", "Type of numbers in the network.", ("float32", "mixed_bfloat16", "mixed_float16")
    )
    seed: int = setting(0, "Seed of the weights and of the shuffling.", Range(0, 2**32 - 1))

    def __post_init__(self):
        super().__post_init__()
        if self.validation and self.validation_split:
            raise ValueError("Give --validation or --validation-split, not both.")
        if self.patience and not (self.validation or self.validation_split):
            raise ValueError("--patience needs --validation or --validation-split.")

    def to_json(self) -> dict[str, Any]:
        """The recipe as a dictionary that JSON can hold."""
        return {**asdict(self), "image_size": list(self.image_size)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Recipe:
        """The recipe that `to_json` wrote.

        Raises:
            ValueError: if a value is missing or out of its range, or no recipe has it.
        """
        values = cls.part_from_json(values)
        if missing := {"variant", "dataset", "image_size"} - values.keys():
            raise ValueError(f"A recipe needs {', '.join(sorted(missing))}.")
        if values["variant"] in ("conv", "variational"):
            values = {**FORMERLY, **values}
        return cls(**values)

    @classmethod
    def part_from_json(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Some fields of a recipe, as `from_json`."""
        if not isinstance(values, dict):
            raise ValueError(f"A recipe is a JSON object. Received: {values!r}")
        if unknown := values.keys() - cls.kinds().keys():
            raise ValueError(f"A recipe has no {', '.join(map(repr, sorted(unknown)))}.")
        return {name: cls.checked(name, value) for name, value in values.items()}


@dataclass(frozen=True)
class Options(Settings):
    """How a recipe is carried out. What comes out is the same, but for rounding."""

    strategy: str = setting(
        "single", "One device, all GPUs of this machine, or the machines in TF_CONFIG.", STRATEGIES
    )
    memory: float | None = setting(
        None,
        "GB of memory that training may take. By default what can be chosen is chosen to fit in "
        "2, and only what this machine does not have is refused.",
        POSITIVE,
        "GB",
    )
    wait: float = setting(
        60.0, "Seconds to wait for the other machines in TF_CONFIG.", POSITIVE, metavar="SECONDS"
    )
    steps_per_execution: int = setting(
        1, "Steps that run without a look at them: faster for small models.", COUNT
    )
    checkpoint_every: int = setting(
        1000, "Steps from one checkpoint to the next, within an epoch.", COUNT
    )
    pictures_every: int | None = setting(
        None,
        "Epochs from one grid of reconstructions and samples to the next, 0 for none; by default "
        f"each, but no more than {MOST_DRAWN} in all.",
        Range(0),
    )
    tensorboard: bool = setting(False, "Write for TensorBoard, to DIR/tensorboard.")
    logger: str | None = setting(
        None, "Log to Weights & Biases or MLflow, too, as their own variables say.", LOGGERS
    )

    def __post_init__(self):
        super().__post_init__()
        if self.strategy != "single" and self.steps_per_execution > 1:
            raise ValueError(
                "--steps-per-execution works on a single device only; with --strategy "
                f"{self.strategy} leave it at 1."
            )

    def to_json(self) -> dict[str, Any]:
        """Those that a run must keep to when it goes on."""
        return {"strategy": self.strategy, "steps_per_execution": self.steps_per_execution}

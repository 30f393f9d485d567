"""What every export says of the functions that it wrote, and how far they may be off."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

TOLERANCE, TOLERANCE_OF_SINES = 1e-4, 1e-3


@dataclass(frozen=True)
class Exported:
    """A function that was written and checked.

    Attributes:
        name: "encode", "decode" and so on.
        path: file, or folder of the SavedModel.
        bytes: size of that.
        max_difference: largest difference from the Keras model: of images the absolute one, of
            latents that relative to the largest latent; None if they were not compared.
    """

    name: str
    path: Path
    bytes: int
    max_difference: float | None


def check_precision(model: Any) -> None:
    """Raises ValueError unless `model` computes in float32."""
    policies = {layer.compute_dtype for layer in model._flatten_layers()}
    if policies - {"float32"}:
        raise ValueError(
            "A model in float32 can be exported; save this one as a preset and load it. "
            f"Received: a model that computes in {', '.join(sorted(policies))}"
        )


def check_differences(differences: dict[str, float], most: float, format: str) -> None:
    """Raises ValueError if a difference is larger than `most`, or no number."""
    for name, difference in differences.items():
        if not difference <= most:
            raise ValueError(
                f"The {format} of {name} differs from the model by {difference:.2g}, more than "
                f"{most:g}; nothing was written."
            )


def tolerance(model: Any) -> float:
    """Largest difference that rounding explains; sines of large arguments magnify it."""
    return TOLERANCE_OF_SINES if getattr(model.decoder, "is_sine", False) else TOLERANCE

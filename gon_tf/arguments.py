"""Checks of constructor arguments. Each error says what was received and what is accepted."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Integral, Real
from typing import TypeVar

T = TypeVar("T")


def integer(name: str, value: object, minimum: int = 1) -> int:
    """`value` as an int of at least `minimum`."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < minimum:
        raise ValueError(f"{name} must be an integer >= {minimum}. Received: {name}={value!r}")
    return int(value)


def number(name: str, value: object, minimum: float = 0.0, *, above: bool = False) -> float:
    """`value` as a finite float >= `minimum`, or > `minimum` if `above`."""
    valid = isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
    if not valid or value < minimum or (above and value == minimum):
        sign = ">" if above else ">="
        raise ValueError(f"{name} must be a number {sign} {minimum:g}. Received: {name}={value!r}")
    return float(value)


def choice(name: str, value: T, choices: Iterable[T]) -> T:
    """`value`, one of `choices`."""
    choices = list(choices)
    if value not in choices:
        raise ValueError(f"{name} must be one of {choices}. Received: {name}={value!r}")
    return value


def boolean(name: str, value: object) -> bool:
    """`value`, True or False."""
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be True or False. Received: {name}={value!r}")
    return value


def image_shape(name: str, value: Iterable[int]) -> tuple[int, int, int]:
    """`value` as (height, width, channels), each at least 1."""
    try:
        shape = tuple(integer(name, side) for side in value)
    except (TypeError, ValueError):
        shape = ()
    if len(shape) != 3:
        raise ValueError(
            f"{name} must be (height, width, channels), three integers >= 1. "
            f"Received: {name}={value!r}"
        )
    return shape

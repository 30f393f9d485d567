"""Labels of images: names, whatever they are given as."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import numpy as np

MOST_LABELS, MOST_LETTERS = 1000, 200


def as_names(labels: Sequence | np.ndarray, count: int) -> tuple[tuple[str, ...], np.ndarray]:
    """The different labels in their order, and the place of each image's in it, int64 `[count]`.

    Args:
        labels: one for each image, texts or integers.
        count: number of images.

    Raises:
        ValueError: if there are more or fewer, or too many different ones.
        TypeError: if they are neither texts nor integers.

    Example:
        >>> as_names(["b", "a", "b"], 3)
        (('a', 'b'), array([1, 0, 1]))
    """
    given = np.asarray(labels)
    if given.ndim != 1 or len(given) != count:
        raise ValueError(
            f"labels must be one for each of {count} images. Received: the shape {given.shape}"
        )
    if given.dtype.kind not in "iuU":
        raise TypeError(f"labels must be texts or integers. Received: dtype {given.dtype}")
    found, numbers = np.unique(given, return_inverse=True)
    names = [str(name) for name in found]
    if len(names) > MOST_LABELS:
        raise ValueError(
            f"There may be at most {MOST_LABELS:,} different labels. Received: {len(names):,}"
        )
    if wrong := [name for name in names if not 0 < len(name) <= MOST_LETTERS]:
        raise ValueError(
            f"A label has 1 to {MOST_LETTERS} letters. Received: one of {len(wrong[0])}"
        )
    order = sorted(range(len(names)), key=lambda i: (natural(names[i]), i))
    return tuple(names[i] for i in order), np.argsort(order)[numbers]


def natural(name: str) -> tuple[bool, int, str]:
    """What names are sorted by: numbers by their value, before all others."""
    digits = name.isascii() and name.isdigit()
    return not digits, int(name) if digits else 0, name


def find(label: object, labels: Sequence[str]) -> int:
    """The place of a label among those that a prior knows.

    Raises:
        ValueError: if it is none of them.
    """
    if not labels:
        raise ValueError(
            "This model draws no samples by label: it was fitted without labels, which "
            f"fit_latents(images, labels) takes. Received: label={label!r}"
        )
    if str(label) in labels:
        return list(labels).index(str(label))
    wanted, folded = str(label).casefold(), {name.casefold(): name for name in labels}
    near = [name for name in folded if wanted and wanted in name]
    near = near or difflib.get_close_matches(wanted, folded, n=1, cutoff=0.5)
    hint = f"did you mean {folded[near[0]]!r}?" if near else f"the labels are {shown(labels)}."
    raise ValueError(f"No label is {str(label)!r}; {hint}")


def shown(labels: Sequence[str]) -> str:
    """Labels in a line, the first of them if they are many."""
    listed = ", ".join(labels[:20])
    return listed if len(labels) <= 20 else f"{listed} and {len(labels) - 20} more"


def refuse(labels: object, prior: str) -> None:
    """Raises ValueError if there are labels, for a prior that has no use for them."""
    if labels is not None:
        raise ValueError(
            "A model of prior='local-gaussians' takes labels. Received: labels for one of "
            f"prior={prior!r}"
        )

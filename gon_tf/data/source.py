"""What every kind of image source comes down to."""

from __future__ import annotations

import dataclasses
from typing import Any

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Source:
    """Images that can be read, whatever they are stored in.

    Attributes:
        name: the normalised name, which opens the same source again: `"mnist:train"` for `"MNIST"`.
        images: single images, uint8 `[H, W, C]`, always in the same order. Height, width and
            channels may differ between the images of one source; its `element_spec` then has
            `None` there.
        count: how many images there are. An upper bound if some turn out to be broken.
        description: the source for a model card: names, version and counts, no machine's paths.
            Can be written as JSON.
    """

    name: str
    images: tf.data.Dataset
    count: int
    description: dict[str, Any]


__all__ = ["Source"]

"""Pictures to train on of every size and kind, from what is at hand, as a user's folders.

Emoji, COIL-20 and MNIST come from their own places. The photos are those that scikit-image and
scikit-learn bring with them: crops of some to train on, crops of others to measure by.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.emoji import is_held_out
from gon_tf.pictures import write

HELD_OUT = 64  # pictures at most
VIEWS_HELD_OUT = 6  # one view of a COIL-20 object in so many


@dataclass(frozen=True)
class Pictures:
    """A set of pictures of one size.

    Attributes:
        kind: "mnist", "emoji", "coil" or "photos".
        height: of a picture, in pixels.
        width: of a picture, in pixels.
        count: pictures to train on, or as many as there are.
    """

    kind: str
    height: int
    width: int
    count: int

    def data(self, root: Path, places: dict[str, Path]) -> tuple[str, str]:
        """Names of the pictures to train on and of those held out, as `gon-tf train` takes them.

        Args:
            root: where folders are made, if they are not there yet.
            places: folders of the emoji and of COIL-20.
        """
        if self.kind == "mnist":
            return f"mnist:train[:{self.count}]", f"mnist:test[:{HELD_OUT}]"
        size = f"{self.height}x{self.width}-" if self.kind == "photos" else ""
        folder = root / f"{self.kind}-{size}{self.count}"
        train, held_out = folder / "train", folder / "held-out"
        if not folder.is_dir():
            train.mkdir(parents=True)
            held_out.mkdir()
            if self.kind == "photos":
                self._write_crops(train, held_out)
            else:
                self._copy(places[self.kind], train, held_out)
        return str(train), str(held_out)

    def _copy(self, source: Path, train: Path, held_out: Path) -> None:
        apart = is_held_out if self.kind == "emoji" else is_held_out_view
        paths = sorted(source.glob("*.png"))
        for folder, count, wanted in ((train, self.count, False), (held_out, HELD_OUT, True)):
            chosen = [path for path in paths if apart(path.name) == wanted]
            for path in evenly(chosen, count):
                shutil.copyfile(path, folder / path.name)

    def _write_crops(self, train: Path, held_out: Path) -> None:
        random = np.random.default_rng(0)
        names = photos()
        apart = [name for i, name in enumerate(sorted(names)) if i % 4 == 1]
        for folder, count, wanted in ((train, self.count, False), (held_out, HELD_OUT, True)):
            chosen = [names[name] for name in sorted(names) if (name in apart) == wanted]
            for i in range(min(count, self.count)):
                picture = self.crop(chosen[i % len(chosen)], random)
                write(folder / f"{i:04}.png", picture)

    def crop(self, photo: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """A crop of a photo at a place drawn by `random`."""
        row = random.integers(photo.shape[0] - self.height + 1)
        column = random.integers(photo.shape[1] - self.width + 1)
        return photo[row : row + self.height, column : column + self.width]


def is_held_out_view(name: str) -> bool:
    """Whether the COIL-20 picture of this file name is held out.

    Example:
        >>> is_held_out_view("obj1__6.png"), is_held_out_view("obj1__7.png")
        (True, False)
    """
    return int(Path(name).stem.rpartition("__")[2]) % VIEWS_HELD_OUT == 0


def evenly(items: list, count: int) -> Iterable:
    """`count` of the items, or all, spread over the list."""
    if len(items) <= count:
        return items
    return (items[i] for i in np.linspace(0, len(items) - 1, count).astype(int))


def photos() -> dict[str, np.ndarray]:
    """The colour photos that come with scikit-image and scikit-learn, by name, uint8."""
    import skimage.data
    import sklearn.datasets

    motorcycle, _, _ = skimage.data.stereo_motorcycle()
    own = ("astronaut", "chelsea", "coffee", "hubble_deep_field", "immunohistochemistry")
    found = {name: getattr(skimage.data, name)() for name in (*own, "retina", "rocket")}
    found |= {
        name: sklearn.datasets.load_sample_image(f"{name}.jpg") for name in ("china", "flower")
    }
    return found | {"motorcycle": motorcycle}

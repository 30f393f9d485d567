"""COIL-20, twenty objects on a turntable, as a TFDS data set: `tfds.load("coil20")`.

Importing `gon_tf.data` registers it as soon as TensorFlow Datasets is imported.
"""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds

from gon_tf.data.images import decode_image

URL = "https://www.cs.columbia.edu/CAVE/databases/SLAM_coil-20_coil-100/coil-20/coil-20-proc.zip"
FOLDER = "coil-20-proc"
OBJECTS, VIEWS, SHAPE = range(1, 21), range(72), (128, 128, 1)
MAX_BYTES = 100_000  # of a picture's file; the largest published one has 13,525
# Of the pixels of all pictures, object by object and view by view.
PIXELS_SHA256 = "7274cbacb79ea6c57340827c9f9301745a8e9b3173dea4aa828e00b49c42946c"


class Coil20(tfds.core.GeneratorBasedBuilder):
    """The 1,440 processed pictures of COIL-20: 20 objects, 72 views each, 128x128 grey.

    The test split has the views whose index is divisible by 5 (300 pictures), the train split the
    others (1,140). An example has an "image", the object as "label" (0 to 19) and the "view"
    (0 to 71, in steps of 5 degrees).

    The pictures come from the official zip by download or, without a network, from a folder:

        tfds.builder("coil20").download_and_prepare(
            download_config=tfds.download.DownloadConfig(manual_dir="folder")
        )

    The folder holds `coil-20-proc.zip`, or `obj1__0.png` to `obj20__71.png`, or a folder
    `coil-20-proc` with those.

    What is checked is what is used: the SHA-256 of the pixels of all pictures must be that of the
    published ones, wherever they come from; a picture that was saved again without loss passes.
    That checksum was computed from an extracted copy of the zip. The checksum of the zip itself is
    not registered with TFDS, for the copy at hand was not the zip.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Test split of every fifth view."}  # noqa: RUF012 (TFDS' interface)
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        f"Optional: put coil-20-proc.zip from {URL}, or the pictures in it, into this folder."
    )

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description="Columbia Object Image Library: 20 objects in 72 views each, 128x128 grey.",
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=SHAPE),
                    "label": tfds.features.ClassLabel(num_classes=len(OBJECTS)),
                    "view": np.int64,
                }
            ),
            supervised_keys=("image", "label"),
            homepage="https://www.cs.columbia.edu/CAVE/software/softlib/coil-20.php",
            citation="S. A. Nene, S. K. Nayar, H. Murase: Columbia Object Image Library (COIL-20), "
            "Columbia University, CUCS-005-96, 1996.",
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager):
        try:
            given = _find(Path(dl_manager.manual_dir))
        except AssertionError:  # there is no such folder, or nothing in it
            given = None
        images = read_all(given or Path(dl_manager.download(URL)))
        return {
            "train": self._generate_examples(images, lambda view: view % 5 != 0),
            "test": self._generate_examples(images, lambda view: view % 5 == 0),
        }

    def _generate_examples(
        self, images: np.ndarray, chosen: Callable[[int], bool]
    ) -> Iterator[tuple[str, dict]]:
        for label, number in enumerate(OBJECTS):
            for view in filter(chosen, VIEWS):
                example = {"image": images[label, view], "label": label, "view": view}
                yield f"obj{number}__{view}", example


def read_all(place: Path) -> np.ndarray:
    """The pictures of COIL-20 from its zip or from a folder of its files.

    Returns:
        uint8 `[20 objects, 72 views, 128, 128, 1]`.

    Raises:
        ValueError: if a picture is missing or broken, or if they are not those of COIL-20.
    """
    images = np.empty([len(OBJECTS), len(VIEWS), *SHAPE], np.uint8)
    if place.is_dir():
        _fill(images, place, lambda name: (place / name).open("rb"))
    else:
        try:
            with zipfile.ZipFile(place) as archive:
                _fill(images, place, lambda name: archive.open(f"{FOLDER}/{name}"))
        except (zipfile.BadZipFile, zlib.error) as error:
            raise ValueError(f"{str(place)!r} is not the zip of COIL-20: {error}.") from error
    if hashlib.sha256(images.tobytes()).hexdigest() != PIXELS_SHA256:
        raise ValueError(
            f"The pictures in {str(place)!r} are not those of COIL-20: their checksum differs from "
            f"that of the pictures in {URL}."
        )
    return images


def _fill(images: np.ndarray, place: Path, open_file: Callable) -> None:
    """Read every picture into its place in `images`."""
    for label, number in enumerate(OBJECTS):
        for view in VIEWS:
            name = f"obj{number}__{view}.png"
            try:
                with open_file(name) as file:
                    data = file.read(MAX_BYTES)  # a zip may claim to hold far more
            except (FileNotFoundError, KeyError):
                raise ValueError(f"{name} is missing in {str(place)!r}.") from None
            image = decode_image(data, name)
            if image.shape != SHAPE:
                raise ValueError(
                    f"{name} in {str(place)!r} must be 128x128 grey. Received: shape={image.shape}"
                )
            images[label, view] = image


def _find(folder: Path) -> Path | None:
    """The zip or the folder of the pictures in a folder given by hand."""
    archive = folder / f"{FOLDER}.zip"
    candidates = [path for path in (folder, folder / FOLDER) if (path / "obj1__0.png").exists()]
    return next(iter([*candidates, *([archive] if archive.is_file() else [])]), None)

"""How fast images come from each kind of data set, beside what training consumes.

    python -m benchmarks.data [--images 10000] [--repetitions 5]

28x28 grey pictures (blurred noise), made in a temporary folder as a TFDS data set, a folder of PNG
files, an LMDB of PNG and a compressed .npz, are read as 32x32 in batches of 64, shuffled. The first
pass opens the source, decodes, resizes and keeps the images; every later pass reads the kept ones,
in memory or, with a memory budget of 0, on disk. The training step is that of the convolutional GON
with 16 filters and 256 latents. All take turns in one run.
"""

from __future__ import annotations

import argparse
import functools
import io
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import lmdb
import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image

from benchmarks import median_times, print_table
from gon_tf import data
from gon_tf.bench.cases import CASES, build, keras_operations
from gon_tf.bench.measure import machine

SHAPE, BATCH = (32, 32, 1), 64


def pictures(count: int) -> np.ndarray:
    """Blurred noise, which compresses about as well as handwriting does: uint8 [count, 28, 28]."""
    noise = np.random.default_rng(0).random((count, 7, 7, 1), np.float32)
    large = tf.image.resize(np.maximum(noise - 0.6, 0) * 600, (28, 28)).numpy()
    return large[..., 0].clip(0, 255).astype(np.uint8)


def as_tfds(root: Path, images: np.ndarray) -> str:
    """Write a TFDS data set; all of these give the name that opens it."""
    tfds.disable_progress_bar()
    tfds.dataset_builders.store_as_tfds_dataset(
        name="pictures",
        version="1.0.0",
        features=tfds.features.FeaturesDict({"image": tfds.features.Image(shape=(28, 28, 1))}),
        split_datasets={"train": [(i, {"image": x[..., None]}) for i, x in enumerate(images)]},
        data_dir=root,
    )
    return "pictures"


def encoded(image: np.ndarray) -> bytes:
    """The content of a PNG file."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def as_folder(root: Path, images: np.ndarray) -> str:
    """Write a folder of PNG files."""
    (root / "files").mkdir()
    for i, image in enumerate(images):
        (root / "files" / f"{i:06}.png").write_bytes(encoded(image))
    return str(root / "files")


def as_lmdb(root: Path, images: np.ndarray) -> str:
    """Write an LMDB with keys as vid2frame makes them."""
    path = root / "pictures.lmdb"
    with (
        lmdb.open(str(path), map_size=images.nbytes + 2**26) as environment,
        environment.begin(write=True) as transaction,
    ):
        for i, image in enumerate(images):
            transaction.put(b"video/%08d" % i, encoded(image))
    return str(path)


def as_npz(root: Path, images: np.ndarray) -> str:
    """Write a compressed .npz file."""
    np.savez_compressed(root / "pictures.npz", images=images)
    return str(root / "pictures.npz")


def read_all(batches: tf.data.Dataset) -> None:
    """Pass over all batches."""
    for batch in batches:
        _ = batch.shape


def first_pass(open_images: Callable, repetitions: int) -> float:
    """Median seconds to open, decode and keep all images."""
    seconds = []
    for _ in range(repetitions):
        start = time.perf_counter()
        open_images()
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--repetitions", type=int, default=5)
    options = parser.parse_args()
    images = pictures(options.images)
    writers = {"TFDS": as_tfds, "folder": as_folder, "LMDB": as_lmdb, ".npz": as_npz}
    opened, first, functions = {}, {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for kind, write in writers.items():
            name = write(Path(folder), images)
            for place, budget in (("memory", data.loading.MEMORY_BUDGET), ("disk", 0)):
                opened[kind, place] = functools.partial(
                    data.open_images, name, SHAPE, data_dir=folder, memory_budget=budget
                )
        step = keras_operations(build(CASES["conv-256"], "gauss-newton"), BATCH)["train"]
        step()
        for key, open_images in opened.items():
            first[key] = first_pass(open_images, 3)
            batches = open_images().batches(BATCH, shuffle_seed=0)
            functions[key] = functools.partial(read_all, batches)
        times = median_times({"step": step, **functions}, options.repetitions)
    consumed = BATCH / times.pop("step")
    print(machine())
    print(f"A training step of {BATCH} images consumes {consumed:,.0f} images/s.")
    rows = []
    for (kind, place), seconds in times.items():
        once, later = (options.images / t for t in (first[kind, place], seconds))
        rows.append([kind, place, f"{once:,.0f}", f"{later:,.0f}", f"{later / consumed:.0f}x"])
    header = ["source", "kept in", "first pass, images/s", "later, images/s", "later / training"]
    print_table(header, rows)


if __name__ == "__main__":
    main()

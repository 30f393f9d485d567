"""What default settings make of pictures of every size and kind in a few steps.

    python -m benchmarks.sizes --emoji DIR --coil DIR [--sets emoji-64 photos-128] [--seeds 0 1]

Trains each variant by `gon_tf.train` with nothing but its defaults, from folders as a user has
them, each run in a process of its own. Recorded are the mean loss of the first and the last epoch,
whether the loss rose, the error on held-out pictures beside that of a PCA with as many latents,
the CPU seconds of a step and of the whole run, and the peak memory. A run has diverged if its last
loss is not finite or above the first one, or if training had to go back to an earlier epoch.

Figures are added to docs/sizes.json, run by run; what is there already is not run again. `python -m
docs.generate.sizes` makes the tables of the documentation from them. Other settings are compared
with the defaults by `--settings '{"inner_steps": 1}'` and a `--record` of their own. `--data-dir`
or TFDS_DATA_DIR says where MNIST lies. Needs scikit-image and scikit-learn, whose photos are cut.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import itertools
import json
import os
import resource
import tempfile
import time
import warnings
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from benchmarks import in_fresh_process, print_table
from benchmarks.folders import Pictures
from gon_tf import files
from gon_tf.startup import start_tensorflow
from gon_tf.training import Options, Recipe, train, variants

FILE = Path(__file__).parents[1] / "docs" / "sizes.json"
SETS = {
    "mnist-28": Pictures("mnist", 28, 28, 1280),
    "emoji-32": Pictures("emoji", 32, 32, 1280),
    "emoji-48x64": Pictures("emoji", 48, 64, 256),
    "emoji-64": Pictures("emoji", 64, 64, 640),
    "emoji-64-few": Pictures("emoji", 64, 64, 100),
    "coil-64": Pictures("coil", 64, 64, 256),
    "coil-128": Pictures("coil", 128, 128, 256),
    "photos-64": Pictures("photos", 64, 64, 256),
    "photos-128": Pictures("photos", 128, 128, 384),
    "photos-256": Pictures("photos", 256, 256, 128),
}
VARIANTS = ("conv", "variational", "implicit", "autoencoder")
STEPS = {64: 20, 128: 10, 256: 6}  # of a run, by the longest side up to which they hold
FEWEST_EPOCHS, BATCH = 3, 64


def epochs(pictures: Pictures) -> int:
    """Epochs that have about as many steps as the size is given."""
    steps = next(n for side, n in STEPS.items() if max(pictures.height, pictures.width) <= side)
    return max(FEWEST_EPOCHS, round(steps / (pictures.count // BATCH)))


def run(recipe: Recipe, data_dir, folder: Path) -> dict:
    """Figures of a training by a recipe, in a process that has done nothing else."""
    start_tensorflow()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        before, start = time.process_time(), time.perf_counter()
        train(recipe, folder, Options(pictures_every=0), data_dir=data_dir)
        spent, seconds = time.process_time() - before, time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    losses = np.genfromtxt(folder / "log.csv", delimiter=",", names=True)["loss"]
    metadata = files.read_json(folder / "metadata.json")
    rises = [str(each.message) for each in caught if "loss has risen" in str(each.message)]
    first, last = float(losses[0]), float(losses[-1])
    return {
        "first_loss": first,
        "last_loss": last,
        "rises": rises,
        "diverged": bool(rises) or not last < first,  # NaN is not less
        "sse": metadata["metrics"]["sse"],
        "psnr": metadata["metrics"]["psnr"],
        "ssim": metadata["metrics"]["ssim"],
        "image_shape": metadata["image_shape"],
        "latent_dim": metadata["recipe"]["latent_dim"],
        "parameters": metadata["parameters"],
        "cpu_seconds": spent,
        "seconds": seconds,
        "cpu_seconds_per_step": step_seconds(folder, recipe),
        "peak_gb": peak,
    }


def step_seconds(folder: Path, recipe: Recipe) -> float:
    """CPU seconds of a training step of the model in a folder, the least of two."""
    import tensorflow as tf

    import gon_tf
    from gon_tf.training import schedules

    model = gon_tf.load(folder)
    model.compile(schedules.optimizer(variants.complete(recipe), steps=100))
    step = tf.function(model.train_step, autograph=False)
    noise = np.random.default_rng(0).integers(0, 256, (BATCH, *model.image_shape), np.uint8)
    images, times = tf.constant(noise), []
    for _ in range(3):  # the first makes the graph
        start = time.process_time()
        step(images)
        times.append(time.process_time() - start)
    return min(times[1:])


@functools.cache
def pca(dataset: str, held_out: str, image_shape: tuple, latents: int, data_dir) -> dict:
    """Held-out error of a PCA of the training pictures with as many latents, or all it can have."""
    from sklearn.decomposition import PCA

    from gon_tf import data, metrics

    training, pictures = (
        data.open_images(name, image_shape, data_dir=data_dir).pixels.astype(np.float32) / 255
        for name in (dataset, held_out)
    )
    components = min(latents, len(training) - 1)
    fitted = PCA(components, svd_solver="full").fit(training.reshape(len(training), -1))
    found = fitted.inverse_transform(fitted.transform(pictures.reshape(len(pictures), -1)))
    values = pictures, np.clip(found, 0.0, 1.0).reshape(pictures.shape).astype(np.float32)
    return {
        "components": components,
        "sse": float(np.mean(metrics.squared_error_of_images(*values))),
        "psnr": float(np.mean(metrics.peak_signal_to_noise_of_images(*values))),
    }


def measure(name: str, variant: str, seed: int, options, root: Path) -> dict:
    """A run of one set, variant and seed."""
    pictures = SETS[name]
    places = {"emoji": options.emoji, "coil": options.coil}
    dataset, held_out = pictures.data(root / "pictures", places)
    passes = epochs(pictures)
    recipe = Recipe(
        variant,
        dataset,
        evaluate=held_out,
        image_size=(pictures.height, pictures.width),
        epochs=passes,
        seed=seed,
    )
    recipe = dataclasses.replace(recipe, **options.settings)
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-{variant}-{seed}-", dir=root))
    figures = in_fresh_process(run, recipe, options.data_dir, folder)
    known = {"set": name, "variant": variant, "seed": seed, "epochs": passes}
    known["steps"] = passes * max(pictures.count // BATCH, 1)
    of = tuple(figures["image_shape"]), figures["latent_dim"]
    return {**known, **figures, "pca": pca(dataset, held_out, *of, options.data_dir)}


def shown(row: dict) -> list[str]:
    """A line of the table."""
    return [
        row["set"],
        row["variant"],
        str(row["seed"]),
        str(row["steps"]),
        f"{row['first_loss']:.4g}",
        f"{row['last_loss']:.4g}",
        "yes" if row["diverged"] else "no",
        f"{row['sse']:.4g}",
        f"{row['psnr']:.2f}",
        f"{row['pca']['psnr']:.2f}",
        f"{row['cpu_seconds_per_step']:.2f}",
        f"{row['cpu_seconds']:.0f}",
        f"{row['peak_gb']:.1f}",
    ]


HEADER = ["pictures", "variant", "seed", "steps", "first loss", "last loss", "diverged"]
HEADER += ["error", "dB", "PCA, dB", "CPU s a step", "CPU s", "GB"]


def key(row: dict) -> tuple:
    """What tells a run from others, in the order of the tables."""
    return list(SETS).index(row["set"]), VARIANTS.index(row["variant"]), row["seed"]


def recorded(path: Path) -> list[dict]:
    """The runs in a record."""
    return files.read_json(path)["runs"] if path.is_file() else []


def main() -> None:
    """Runs what is missing in the record, and prints a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--emoji", type=Path, help="folder of the emoji, see benchmarks.emoji")
    parser.add_argument("--coil", type=Path, help="folder of COIL-20, objN__V.png")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS[:3]))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--settings", type=json.loads, default={}, help="as JSON, to compare with")
    parser.add_argument("--work", type=Path, help="where pictures and models are kept")
    parser.add_argument("--record", type=Path, default=FILE)
    parser.add_argument("--data-dir")
    options = parser.parse_args()
    start_tensorflow()
    with tempfile.TemporaryDirectory() as temporary:
        root = options.work or Path(temporary)
        root.mkdir(parents=True, exist_ok=True)
        for name, seed, variant in itertools.product(options.sets, options.seeds, options.variants):
            cell = key({"set": name, "variant": variant, "seed": seed})
            if cell not in map(key, recorded(options.record)):
                row = measure(name, variant, seed, options, root)
                print("#", *shown(row), flush=True)
                rows = [*recorded(options.record), row]
                files.write_json(options.record, {"runs": sorted(rows, key=key)})
    rows = recorded(options.record)
    print_table(HEADER, [shown(row) for row in rows])
    print(f"{sum(row['diverged'] for row in rows)} of {len(rows)} runs diverged")


if __name__ == "__main__":
    main()

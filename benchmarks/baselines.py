"""Trains models with an encoder by the recipes of the zoo's models, for docs/results.md.

    python -m benchmarks.baselines mnist-conv mnist-variational [--epochs 40] [--data-dir DIR]

A conv or implicit model is compared with an autoencoder, a variational one with a VAE: decoder of
16 filters, the model's latents, images, loss, data, batch size, epochs, schedule and seed. The
encoder is the decoder's mirror image, so there are twice the parameters; both have instance
normalisation and Adam with their variant's own learning rate. Results go to docs/baselines.json,
where a later run replaces an earlier one; `python -m docs.generate.cards` puts them into
docs/results.md.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from gon_tf import files, zoo
from gon_tf.training import Options, Recipe, train, variants

BASELINE_OF = {"conv": "autoencoder", "implicit": "autoencoder", "variational": "vae"}
FILE = Path(__file__).parents[1] / "docs" / "baselines.json"
# Settings of the optimizer that were chosen for the model belong to it.
OPEN = {"learning_rate": None, "beta_1": None, "beta_2": None, "optimizer": "adam"}


def baseline(recipe: Recipe, **changes) -> Recipe:
    """The recipe of the model with an encoder that a model is compared with."""
    variant = BASELINE_OF[recipe.variant]
    known = variants.VARIANTS[variant].defaults
    optional = {name for kind in variants.VARIANTS.values() for name in kind.defaults}
    useless = dict.fromkeys(optional - known.keys())
    normalization = {"normalization": known["normalization"]}
    settings: dict[str, Any] = {**OPEN, **useless, **normalization, "variant": variant}
    return variants.complete(dataclasses.replace(recipe, **{**settings, **changes}))


def measure(recipe: Recipe, data_dir) -> dict:
    """A row of docs/baselines.json."""
    with tempfile.TemporaryDirectory() as folder:
        options = Options(pictures_every=0)
        metadata = train(recipe, Path(folder) / "baseline", options, data_dir=data_dir)
    kept = ("parameters", "image_shape", "recipe", "metrics", "duration_seconds", "hardware")
    return {"variant": recipe.variant, **{key: metadata[key] for key in (*kept, "versions")}}


def keep(name: str, row: dict, path: Path = FILE) -> None:
    """Puts a row into the file of all rows, in the place of one of the same variant."""
    rows = files.read_json(path) if path.is_file() else {}
    others = [other for other in rows.get(name, []) if other["variant"] != row["variant"]]
    rows[name] = [*others, row]
    files.write_json(path, dict(sorted(rows.items())))


def main() -> None:
    """Trains and measures the baselines of some models."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("models", nargs="+", metavar="MODEL", help="names of zoo models")
    parser.add_argument("--epochs", type=int, help="instead of the model's")
    parser.add_argument("--learning-rate", type=float, help="instead of the baseline's own")
    parser.add_argument("--data-dir")
    options = parser.parse_args()
    given = {"epochs": options.epochs, "learning_rate": options.learning_rate}
    changes = {key: value for key, value in given.items() if value is not None}
    for name in options.models:
        recipe = Recipe.from_json(files.read_json(zoo.folder(name) / zoo.METADATA)["recipe"])
        row = measure(baseline(recipe, **changes), options.data_dir)
        keep(name, row)
        print(name, row["variant"], row["metrics"], flush=True)


if __name__ == "__main__":
    main()

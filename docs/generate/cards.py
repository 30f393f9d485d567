"""What people read about the models, made from their metadata and from nothing else.

    python -m docs.generate.cards      README.md of each model, docs/results.md, README.md's table
    python -m docs.generate.cards --pictures all --data-dir DIR      the pictures of the cards, too

Run in a checkout after a model came or changed; the registry is written anew as well. Pictures show
held-out images, so they need the data sets.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from gon_tf.zoo import CONFIG, METADATA
from gon_tf.zoo.mirror import ROOT
from gon_tf.zoo.registry import index

from docs.generate.figures import FIGURES, METRICS, REFERENCES, last_of_each_source, metrics_of
from docs.generate.markdown import number, table
from docs.generate.results import BASELINES, RESULTS, SAMPLES, overview, results
from gon_tf import files

CARD, LICENCE = "README.md", "MIT"
NEEDED = (
    *("description", "dataset", "preprocessing", "recipe", "seed", "licence", "paper"),
    *("duration_seconds", "hardware", "metrics", "versions"),
)
CHECKOUT = ROOT.parent
MARKS = "<!-- made by python -m docs.generate.cards -->\n", "<!-- until here -->\n"
PICTURES = {
    "reconstructions.png": "Held-out images above their reconstructions",
    "samples.png": "Samples",
    "interpolation.png": "From one held-out image to another, in latents",
    "super-resolution.png": "Held-out images enlarged four times: bicubic above, the model below",
}


def picture_names(variant: str) -> list[str]:
    """The pictures on the card of a model."""
    return [name for name in PICTURES if variant == "implicit" or name != "super-resolution.png"]


def card(name: str, metadata: dict) -> str:
    """README.md of a model.

    Raises:
        ValueError: if the metadata does not say all that a card has.
    """
    if missing := [key for key in NEEDED if key not in metadata]:
        raise ValueError(f"The metadata.json of {name} has no {', '.join(missing)}.")
    variant = name.rpartition("-")[2]
    metrics, recipe = metrics_of(metadata), metadata["recipe"]
    shape = "x".join(map(str, metadata["image_shape"]))
    pictures = [f"![{text}]({file})\n\n{text}.\n" for file, text in pictures_of(variant)]
    measured = [(METRICS[key], number(metrics[key])) for key in METRICS if key in metrics]
    facts = {
        "images": f"{shape}, {metadata['preprocessing']}",
        "latents": f"{metadata['latent_dim']}",
        "parameters": f"{metadata['parameters']:,}",
        "trained on": data_of(metadata["dataset"]),
        "training": f"{recipe['epochs']} epochs, {hours(metadata['duration_seconds'])} "
        f"on a {metadata['hardware']}, seed {metadata['seed']}",
        "licence": metadata["licence"],
        "paper": metadata["paper"],
        "made with": ", ".join(
            f"{package} {metadata['versions'][package]}"
            for package in ("gon_tf", "keras", "tensorflow")
        ),
    }
    return "\n".join(
        [
            f"# {name}\n",
            f"{metadata['description']}.\n",
            *pictures,
            "## Use\n",
            f'    gon_tf.load("{name}")\n',
            f"    gon-tf reconstruct {name} IMAGES... -o grid.png",
            f"    gon-tf sample {name} -n 64 -o samples.png",
            *by_label(name, recipe),
            "",
            "## Figures\n",
            f"On the {metrics['count']:,} images of `{metrics['split']}`, which training did not "
            f"see; `gon-tf zoo verify {name} --metrics` measures again.\n",
            table(("figure", "value"), measured),
            *reference_section(name, metrics),
            "## Making\n",
            table(("", ""), list(facts.items())),
            f"Trained by `gon-tf train --recipe {name} -o DIR`, which is short for\n",
            table(
                ("recipe", ""),
                [(key, f"`{value}`") for key, value in recipe.items() if value is not None],
            ),
            "_Generated from metadata.json by `python -m docs.generate.cards`._\n",
        ]
    )


def by_label(name: str, recipe: dict) -> list[str]:
    """How samples of one label are drawn, if the model knows labels."""
    if not recipe.get("labels"):
        return []
    return [
        f"    gon-tf sample {name} --label LABEL -o label.png  # LABEL: see gon-tf zoo show {name}"
    ]


def pictures_of(variant: str) -> list[tuple[str, str]]:
    """File and text of each picture on a card."""
    return [(name, PICTURES[name]) for name in picture_names(variant)]


def reference_section(name: str, metrics: dict) -> list[str]:
    """The paragraph that compares a model with the figures of others; empty without such."""
    if name not in REFERENCES:
        return []
    key, what = FIGURES[name.rpartition("-")[2]]
    best = [
        f"{number(reference.value)} after {reference.epochs} epochs ({reference.source})"
        for reference in last_of_each_source(name)
    ]
    return [f"Elsewhere: {what} {'; '.join(best)}. Here: {number(metrics[key])}.\n"]


def data_of(dataset: dict) -> str:
    """A data set in a few words."""
    version = f" {dataset['version']}" if "version" in dataset else ""
    split = f", {dataset['split']}" if "split" in dataset else ""
    count = f", {dataset['images']:,} images" if "images" in dataset else ""
    return f"{dataset.get('name', '')}{version}{split}{count}"


def hours(seconds: float) -> str:
    """A duration, in minutes or hours."""
    minutes = seconds / 60
    return f"{minutes:.0f} minutes" if minutes < 120 else f"{minutes / 60:.1f} hours"


def read_models(root: Path = ROOT) -> dict[str, dict]:
    """Metadata of every model in a folder, by name."""
    configs = sorted(root.glob(f"*/{CONFIG}"))
    return {config.parent.name: files.read_json(config.with_name(METADATA)) for config in configs}


def between_marks(text: str, generated: str, marks: tuple[str, str] = MARKS) -> str:
    """`text` with another part between two marks."""
    before, start, rest = text.partition(marks[0])
    _, end, after = rest.partition(marks[1])
    return f"{before}{start}{generated}{end}{after}"


def texts(root: Path = ROOT, checkout: Path = CHECKOUT) -> dict[Path, str]:
    """All texts that are generated, or have a part that is, by their paths."""
    models, docs, readme = read_models(root), checkout / "docs", checkout / "README.md"
    baselines, samples = (
        files.read_json(docs / name) if (docs / name).is_file() else {}
        for name in (BASELINES, SAMPLES)
    )
    samples = samples.get("models", {})
    cards = {root / name / CARD: card(name, metadata) for name, metadata in models.items()}
    front = between_marks(readme.read_text(encoding="utf-8"), overview(models))
    return {**cards, docs / RESULTS: results(models, baselines, samples), readme: front}


def main() -> None:
    """Writes everything anew."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--pictures", nargs="+", metavar="MODEL", help="names, or all")
    parser.add_argument("--data-dir", help="folder of the TensorFlow Datasets")
    options = parser.parse_args()
    for name, metadata in read_models().items():
        if "licence" not in metadata:  # training leaves it open; here it is the project's
            files.write_json(ROOT / name / METADATA, {**metadata, "licence": LICENCE})
    models = read_models()
    index(ROOT)
    if options.pictures:
        from docs.generate import card_pictures as pictures

        names = list(models) if options.pictures == ["all"] else options.pictures
        for name in names:
            pictures.draw(name, ROOT / name, models[name], options.data_dir)
    for path, text in texts().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

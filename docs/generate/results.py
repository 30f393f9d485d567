"""docs/results.md: every model beside the figures of others and beside models with an encoder."""

from __future__ import annotations

from pathlib import Path

from docs.generate.figures import FIGURES, REFERENCES, Reference, metrics_of
from docs.generate.markdown import number, table

FIGURES_OF_SAMPLES = Path(__file__).resolve().parents[1] / "figures" / "samples"
RESULTS, BASELINES, SAMPLES = "results.md", "baselines.json", "samples.json"


def results(
    models: dict[str, dict], baselines: dict[str, list[dict]], samples: dict[str, list[dict]]
) -> str:
    """docs/results.md.

    Args:
        models: metadata of each model.
        baselines: for some of these, rows of models with an encoder (see `benchmarks.baselines`).
        samples: for some of these, figures of their samples (see `benchmarks.sampling`).
    """
    parts = [
        "# Results\n",
        "Every model of the zoo beside the figures of others and, where it was trained here, "
        "beside a model with an encoder: an autoencoder, for variational models a VAE. Both have "
        "the same latents, data and epochs, and the same convolutional decoder of 16 filters, also "
        "where it stands beside an implicit model; the one with an encoder has instance "
        "normalisation and Adam at a rate that was not tuned to it, and few epochs for its kind. "
        "All on held-out images; lower is better; the "
        f"lowest figure is bold. Generated from the metadata of the models and {BASELINES} by "
        "`python -m docs.generate.cards`.\n",
    ]
    parts.append(summary(models, baselines))
    for variant, (key, what) in FIGURES.items():
        names = [name for name in models if name.rpartition("-")[2] == variant]
        if not names:
            continue
        parts.append(f"## {variant}: {what}\n")
        for name in names:
            rows = result_rows(name, models[name], baselines.get(name, []), key)
            parts.append(
                f"[{name}](../zoo/{name}/README.md), `{models[name]['metrics']['split']}`\n"
            )
            parts.append(table(("model", "parameters", "epochs", what), rows))
    parts.append("## Samples\n")
    parts.append(sampling_table(samples))
    parts.append(former_samples(list(models)))
    return "\n".join(parts)


def summary(models: dict[str, dict], baselines: dict[str, list[dict]]) -> str:
    """Every model beside the best of its baselines and the best figure of others."""
    rows = []
    for name, metadata in models.items():
        key, what = FIGURES[name.rpartition("-")[2]]
        value, best = metrics_of(metadata).get(key), best_elsewhere(name)
        epochs = metadata["recipe"]["epochs"]
        here = f"{number(value)} ({epochs})"
        encoders = [metrics_of(row)[key] for row in baselines.get(name, [])]
        elsewhere = f"{number(best.value)} ({best.epochs})" if best else ""
        change = f"{value / best.value - 1:+.1%}" if best and value is not None else ""
        encoder = number(min(encoders)) if encoders else ""
        rows.append((name, what, here, encoder, elsewhere, change))
    header = ("model", "figure", "here (epochs)", "with an encoder, as many epochs")
    return table((*header, "best elsewhere (epochs)", "difference to that"), rows)


def overview(models: dict[str, dict]) -> str:
    """The table of the project's README.md: what each model is, and its figure."""
    kinds = {1: "grey", 3: "RGB"}
    rows = []
    for name, metadata in models.items():
        height, width, channels = metadata["image_shape"]
        variant = name.rpartition("-")[2]
        size = f"{height}x{width} {kinds[channels]}"
        size += ", any size" if variant == "implicit" else ""
        key, what = FIGURES[variant]
        figure = f"{number(metrics_of(metadata)[key])} ({metadata['recipe']['epochs']} epochs)"
        best = best_elsewhere(name)
        elsewhere = f"{number(best.value)} ({best.epochs} epochs)" if best else ""
        rows.append((f"`{name}`", size, metadata["latent_dim"], f"{what}: {figure}", elsewhere))
    return table(("model", "images", "latents", "on held-out images", "best elsewhere"), rows)


def best_elsewhere(name: str) -> Reference | None:
    """The lowest figure of others."""
    return min(REFERENCES.get(name, []), key=lambda reference: reference.value, default=None)


def result_rows(name: str, metadata: dict, baselines: list[dict], key: str) -> list[tuple]:
    """A row for a model, for each of its baselines and for each figure of others."""
    rows = [("**this model**", metadata["parameters"], metadata["recipe"]["epochs"], metadata)]
    rows += [
        (f"{row['variant']} (here)", row["parameters"], row["recipe"]["epochs"], row)
        for row in baselines
    ]
    values = [metrics_of(source).get(key) for *_, source in rows]
    shown = [(label, f"{parameters:,}", epochs) for label, parameters, epochs, _ in rows]
    for reference in REFERENCES.get(name, []):
        shown.append((reference.source, "", reference.epochs))
        values.append(reference.value)
    lowest = min(value for value in values if value is not None)
    return [
        (*row, f"**{number(value)}**" if value == lowest else number(value))
        for row, value in zip(shown, values, strict=True)
    ]


def former_samples(names: list[str]) -> str:
    """Pictures of samples as they were drawn before local Gaussians, and as they are."""
    pictures = [
        f"{name}\n\n![Samples of {name}, before and now](figures/samples/{name}.webp)\n"
        for name in names
        if (FIGURES_OF_SAMPLES / f"{name}.webp").is_file()
    ]
    if not pictures:
        return ""
    return "\n".join(
        [
            "### Before local Gaussians, and now\n",
            "On the left samples of what came before, N(0, I) for variational models, a mixture of "
            "10 to 30 full Gaussians of others; on the right as they are drawn now, of the same "
            "seeds. Drawn by `python -m docs.generate.sample_pictures`.\n",
            *pictures,
        ]
    )


def share(value: float | None) -> str:
    """A share in percent, or nothing."""
    return "" if value is None else f"{value:.1%}"


def sampling_table(samples: dict[str, list[dict]]) -> str:
    """How good samples are, for the models whose samples were measured."""
    if not samples:
        return (
            f"Not measured yet (`python -m benchmarks.sampling MODEL --record docs/{SAMPLES}`).\n"
        )
    rows = [
        (
            name,
            figures["prior"],
            f"{number(figures['frechet'])} ± {number(figures['frechet_deviation'])}",
            number(figures["frechet_of_training_images"]),
            number(figures.get("frechet_of_reconstructions")),
            f"{figures['copies']:.1%}",
            share(figures.get("label_accuracy")),
            number(
                figures["nearest_training_image"] / figures["nearest_training_image_of_held_out"]
            ),
        )
        for name, measured in samples.items()
        for figures in measured
    ]
    header = ("model", "drawn from", "Frechet distance", "of training images")
    header = (*header, "of reconstructions", "copies")
    first = next(iter(samples.values()))[0]
    header = (*header, "label right", "distance to the training images")
    return table(header, rows) + (
        f"\nFrechet distances to the held-out images, the mean of {first['repeats']} draws of "
        f"{first['samples']:,} samples and their deviation, in the features that come with the "
        "package (gon_tf/metrics/features.py); they compare models of one data set only. Beside "
        "them the floor, that of as many training images, and that of reconstructions of held-out "
        "images, which is what the decoder can do, whatever is drawn. Copies: samples that are "
        "nearer to a training image than 99% of the held-out images are (1% is what new images "
        "get). Label right: samples by label that the classifier of these features takes for that "
        "label. Last "
        "column: median squared error to the nearest training image, relative to that of held-out "
        f"images. Made by `python -m benchmarks.sampling MODEL... --record docs/{SAMPLES}`.\n"
    )

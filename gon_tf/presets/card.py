"""The card of a model on the Hugging Face hub: a head that the hub reads, and text for people."""

from __future__ import annotations

from typing import Any

from gon_tf.zoo import hub
from gon_tf.zoo.registry import Entry

# Those that the hub knows by name; any other is named in words.
LICENCES = {
    *("mit", "apache-2.0", "isc", "unlicense", "bsd-2-clause", "bsd-3-clause", "mpl-2.0"),
    *("gpl-2.0", "gpl-3.0", "lgpl-2.1", "lgpl-3.0", "agpl-3.0", "cc0-1.0", "cc-by-4.0"),
    *("cc-by-sa-4.0", "cc-by-nd-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0", "cc-by-nc-nd-4.0"),
}
TASK = "image-feature-extraction"
TAGS = ("gon-tf", "gradient-origin-network", "autoencoder", "image-generation")
METRICS = {
    "loss": "loss",
    "sse": "squared error summed over an image (pixels in 0..1)",
    "psnr": "PSNR in dB",
    "ssim": "SSIM",
    "negative_elbo": "-ELBO in nats",
}


def card(url: str, entry: Entry, metadata: dict[str, Any]) -> str:
    """README.md of a model of the hub.

    Args:
        url: `hf://USER/MODEL`.
        entry: the model's entry in its registry.
        metadata: its metadata.json.

    Raises:
        ImportError: if huggingface_hub is not installed.
    """
    repository, _ = hub.parse(url)
    metrics = metadata["metrics"]
    rows = [
        f"| {METRICS[name]} | {metrics[name]:.4g} |"
        for name in METRICS
        if type(metrics.get(name)) in (int, float)
    ]
    shape = "x".join(map(str, entry.image_shape))
    measured = f"On {line(metrics['split'])}:\n\n" if "split" in metrics else ""
    return f"""---
{head(entry, metadata)}---

# {repository.partition("/")[2]}

{line(metadata["description"])}

Images of {shape}, {entry.latent_dim} latents, {entry.parameters:,} weights. A model of
[Gradient Origin Networks](https://arxiv.org/abs/2007.02798): an autoencoder without an encoder.

## Use

    pip install "gon-tf[hub]"

```python
import gon_tf

model = gon_tf.load("{url}")
pictures = model.sample(16, seed=0)
latents = model.encode(images)  # uint8, or floats in [0, 1]
```

    gon-tf sample {url} -o samples.png

`import gon_tf, keras; keras.saving.load_model("{url}")` reads the newest state, too.

## Figures

{measured}| figure | value |
| --- | --- |
{chr(10).join(rows)}

Trained on {line(name_of(metadata["dataset"]))}. Licence: {line(metadata["licence"])}. How it was
made is in metadata.json, and the sha256 of each file in registry.json.
"""


def head(entry: Entry, metadata: dict[str, Any]) -> str:
    """The YAML that the hub reads: library, licence, data set, metrics."""
    known = hub.client()
    licence = line(metadata["licence"])
    dataset, metrics = name_of(metadata["dataset"]), metadata["metrics"]
    results = [
        known.EvalResult(
            task_type=TASK,
            dataset_type=line(dataset),
            dataset_name=line(metrics.get("split", dataset)),
            metric_type=name,
            metric_name=METRICS[name],
            metric_value=metrics[name],
        )
        for name in METRICS
        if type(metrics.get(name)) in (int, float)
    ]
    data = known.ModelCardData(
        library_name="keras",
        license=licence.lower() if licence.lower() in LICENCES else "other",
        license_name=None if licence.lower() in LICENCES else licence,
        datasets=[dataset] if isinstance(metadata["dataset"], dict) else None,
        metrics=[result.metric_type for result in results] or None,
        pipeline_tag=TASK,
        tags=[*TAGS, entry.variant],
        model_name=entry.name,
        eval_results=results or None,
    )
    return data.to_yaml() + "\n"


def name_of(dataset: Any) -> str:
    """What a data set is called in metadata.json, which says it by its kind."""
    if isinstance(dataset, dict):
        named = (dataset.get(key) for key in ("name", "folder", "file", "lmdb"))
        return next(filter(None, map(str, filter(None, named))), "own images")
    return str(dataset)


def line(text: Any) -> str:
    """`text` in one line."""
    return " ".join(str(text).split())

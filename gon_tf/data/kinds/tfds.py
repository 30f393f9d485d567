"""Images of a data set that TensorFlow Datasets (TFDS) has prepared on this machine's disk.

TFDS itself is imported only when it is needed, and only its parts that read local files are used:
nothing is downloaded, no server is asked.
"""

from __future__ import annotations

import difflib
import os
import re
from pathlib import Path

import numpy as np
import tensorflow as tf
from absl import logging

from gon_tf.data.source import Broken, Shard, Source, shard_of

NAME = re.compile(r"[a-zA-Z][\w-]*(/[\w.-]+)?(:.*)?")  # dataset[/config][:split]


def is_tfds_name(name: str, data_dir: str | os.PathLike | None) -> bool:
    """Whether `name` has the form of a TFDS name and is not just a file or folder."""
    if not NAME.fullmatch(name):
        return False
    return not Path(name).exists() or _base(_parse(name)[0]) in _known_names(_root(data_dir))


def open_tfds(name: str, data_dir: str | os.PathLike | None, shard: Shard) -> Source:
    """The images of a split of a prepared data set, in an order that is always the same.

    The feature called "image" is read, or else the first image feature; only that is decoded.

    Args:
        name: `dataset`, `dataset:split` or `dataset/config:split` with a split in the notation of
            TFDS: `train` (the default), `test[:1000]`, `train[90%:]`, `train+test`. Case and
            hyphens in `dataset` do not matter.
        data_dir: folder of prepared data sets; `TFDS_DATA_DIR` or TFDS' own default if None.
        shard: (index, count), the part to open.

    Raises:
        FileNotFoundError: if TFDS knows the data set but it is not in the folder.
        ValueError: if the data set is unknown, the split is malformed, missing or empty, or there
            is no image of 8 bits per channel, or the shard is empty.
    """
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core.read_only_builder import builder_from_files

    dataset, split = _parse(name)
    root = _root(data_dir)
    try:
        # Unlike tfds.load and tfds.builder this takes any version there is, and only from files.
        builder = builder_from_files(dataset, data_dir=str(root))
    except tfds.core.DatasetNotFoundError:
        raise _not_found(name, dataset, root) from None
    info = builder.info
    dataset = f"{info.name}/{info.config_name}" if info.config_name else info.name
    count = _count(dataset, split, info.splits)
    feature = _image_feature(dataset, info.features)
    only = tfds.decode.PartialDecoding(
        {feature: True}, decoders={feature: tfds.decode.SkipDecoding()}
    )
    config = tfds.ReadConfig(try_autocache=False)

    def examples(decoders: tfds.decode.PartialDecoding) -> tf.data.Dataset:
        verbosity = logging.get_verbosity()
        logging.set_verbosity(logging.ERROR)  # TFDS warns of its own use of what it has deprecated
        try:
            found = builder.as_dataset(split=split, decoders=decoders, read_config=config)
        finally:
            logging.set_verbosity(verbosity)
        return found.shard(shard[1], shard[0])

    def read_labels() -> list[str]:
        named = getattr(info.features["label"], "int2str", str)
        found = examples(tfds.decode.PartialDecoding({"label": True})).as_numpy_iterator()
        return [named(int(example["label"])) for example in found]

    chosen = shard_of(name, count, shard)
    images = examples(only).map(
        lambda example: info.features[feature].decode_example(example[feature]),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )
    return Source(
        name=f"{dataset}:{split}",
        count=len(chosen),
        description={"name": dataset, "version": str(info.version), "split": split},
        broken=Broken(name),
        pixels=images.apply(tf.data.experimental.assert_cardinality(len(chosen))),
        read_labels=read_labels if _has_labels(info.features) else None,
    )


def _parse(name: str) -> tuple[str, str]:
    """Normalised data set (with its configuration, if given) and split."""
    dataset, colon, split = name.partition(":")
    base, slash, config = dataset.partition("/")
    return base.lower().replace("-", "_") + slash + config, split if colon else "train"


def _base(dataset: str) -> str:
    return dataset.partition("/")[0]


def _root(data_dir: str | os.PathLike | None) -> Path:
    """Folder of prepared data sets. TFDS reads the variable once, at import: too early for us."""
    default = os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
    return Path(os.path.expanduser(data_dir or default))  # `~` stays where nobody has a home


def _known_names(root: Path) -> set[str]:
    """Data sets that TFDS comes with and those that are in `root`."""
    import tensorflow_datasets as tfds

    # For the community's data sets TFDS would ask a server.
    registered = tfds.list_builders(with_community_datasets=False)
    versions = [*root.glob("*/*/features.json"), *root.glob("*/*/*/features.json")]
    return {*registered, *(path.relative_to(root).parts[0] for path in versions)}


def _not_found(name: str, dataset: str, root: Path) -> Exception:
    """The error for a data set that is not on disk."""
    known = _known_names(root)
    if _base(dataset) in known:
        folder = f", or write './{name}' for the folder of that name" if Path(name).exists() else ""
        return FileNotFoundError(
            f"The data set {dataset!r} is not in {str(root)!r}; {_how_to_prepare(dataset, root)}, "
            f"or name the folder that has it by --data-dir or TFDS_DATA_DIR{folder}."
        )
    nearest = difflib.get_close_matches(dataset, sorted(known), n=1)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else "."
    return ValueError(f"There is no data set and no folder called {name!r}{hint}")


def _how_to_prepare(dataset: str, root: Path) -> str:
    """The commands that make a data set."""
    if dataset != "coil20":
        load = f"tfds.load({dataset!r}, data_dir={str(root)!r})"
        return f'prepare it with `python -c "import tensorflow_datasets as tfds; {load}"`'
    builder = f"tfds.builder('coil20', data_dir={str(root)!r})"
    imports = "import gon_tf.data, tensorflow_datasets as tfds"
    by_hand = "download_config=tfds.download.DownloadConfig(manual_dir='FOLDER')"
    return (
        f'prepare it with `python -c "{imports}; {builder}.download_and_prepare()"`; '
        "without a network put coil-20-proc.zip or its pictures into a folder and write "
        f"`download_and_prepare({by_hand})`"
    )


def _count(dataset: str, split: str, splits) -> int:
    """Number of images in a split, which may be an expression such as `train[90%:]+test`."""
    available = ", ".join(f"{key} ({info.num_examples} images)" for key, info in splits.items())
    for part in split.split("+"):
        key = part.partition("[")[0].strip()
        if re.fullmatch(r"\w+", key) and key not in {*splits, "all"}:
            raise ValueError(f"{dataset!r} has no split {key!r}; there is: {available}.")
    try:
        count = splits[split].num_examples
    except ValueError as error:
        raise ValueError(
            f"Malformed split {split!r} of {dataset!r}; write for example 'train', 'train[:1000]' "
            f"or 'train[90%:]', within: {available}."
        ) from error
    if count <= 0:  # TFDS counts a reversed range below zero
        raise ValueError(f"The split {split!r} of {dataset!r} is empty; there is: {available}.")
    return count


def _has_labels(features) -> bool:
    """Whether each example has a class or an integer as its "label"."""
    if "label" not in features.keys():  # noqa: SIM118 (its `in` is not that of a mapping)
        return False
    return features["label"].shape == () and np.issubdtype(features["label"].np_dtype, np.integer)


def _image_feature(dataset: str, features) -> str:
    """Name of the feature to read."""
    import tensorflow_datasets as tfds

    images = [
        key
        for key, feature in features.items()
        if isinstance(feature, tfds.features.Image) and len(feature.shape) == 3
    ]
    if not images:
        raise ValueError(f"{dataset!r} has no images; its features are: {', '.join(features)}.")
    key = "image" if "image" in images else images[0]
    dtype = features[key].np_dtype
    if dtype != np.uint8:
        raise ValueError(
            f"The images of {dataset!r} are {np.dtype(dtype).name}; only uint8 (8 bits per "
            "channel) can be read."
        )
    return key

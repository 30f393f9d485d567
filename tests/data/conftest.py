import io

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image


def numbered(start, stop, shape=(6, 8, 1), dtype=np.uint8):
    """Pictures that tell which they are: all pixels of the n-th have the value n."""
    return [np.full(shape, n, dtype) for n in range(start, stop)]


def encoded(value, size=(6, 8), kind="PNG"):
    """The content of a grey picture file, all of whose pixels have one value."""
    file = io.BytesIO()
    options = {"lossless": True} if kind == "WEBP" else {}
    Image.new("L", size[::-1], value).save(file, kind, **options)
    return file.getvalue()


def values(images):
    """The value of all pixels of each image in a data set."""
    return [int(np.unique(image[..., 0]).item()) for image in images.as_numpy_iterator()]


def write_tfds(root, name, features, config=None, **splits):
    """Write a TFDS data set; `splits` are lists of examples."""
    tfds.dataset_builders.store_as_tfds_dataset(
        name=name,
        version="1.2.0",
        config=config,
        features=tfds.features.FeaturesDict(features),
        split_datasets={split: list(enumerate(examples)) for split, examples in splits.items()},
        data_dir=root,
        disable_shuffling=True,
    )


@pytest.fixture(scope="session")
def tfds_dir(tmp_path_factory):
    """Prepared data sets: `toy_digits` (20 + 5 grey pictures), and some that are unusual."""
    root = tmp_path_factory.mktemp("tensorflow_datasets")
    tfds.disable_progress_bar()
    grey = tfds.features.Image(shape=(6, 8, 1))
    digits = {"cover": grey, "image": grey, "label": np.int64}

    def examples(start, stop):
        cover = np.full((6, 8, 1), 255, np.uint8)
        return [{"cover": cover, "image": x, "label": 7} for x in numbered(start, stop)]

    write_tfds(root, "toy_digits", digits, train=examples(0, 20), test=examples(20, 25))
    write_tfds(
        root, "toy_letters", {"picture": grey}, "greek", train=[{"picture": numbered(3, 4)[0]}]
    )
    classes = {"image": grey, "label": tfds.features.ClassLabel(names=["cat", "dog"])}
    labelled = [{"image": x, "label": n % 2} for n, x in enumerate(numbered(0, 3))]
    write_tfds(root, "toy_classes", classes, train=labelled)
    write_tfds(root, "toy_sounds", {"label": np.int64}, train=[{"label": 7}])
    any_size = tfds.features.Image(shape=(None, None, 3))
    sizes = [np.full((6 + n, 8, 3), n, np.uint8) for n in (3, 4)]
    write_tfds(root, "toy_sizes", {"image": any_size}, train=[{"image": x} for x in sizes])
    deep = tfds.features.Image(shape=(6, 8, 1), dtype=np.uint16)
    write_tfds(
        root, "toy_deep", {"image": deep}, train=[{"image": numbered(0, 1, dtype=np.uint16)[0]}]
    )
    return root


@pytest.fixture
def folder(tmp_path):
    """Three pictures in a folder, in different formats, sizes and channels, and hidden ones."""
    folder = tmp_path / "photos"
    (folder / "c" / "deep").mkdir(parents=True)
    Image.new("L", (8, 6), 10).save(folder / "a.png")
    Image.new("RGB", (4, 4), (20, 30, 40)).save(folder / "b.BMP")
    Image.new("L", (5, 7), 30).save(folder / "c" / "deep" / "a.webp", lossless=True)
    (folder / ".hidden").mkdir()
    for hidden in (folder / ".a.png", folder / ".hidden" / "a.png"):
        Image.new("L", (8, 6), 99).save(hidden)
    return folder

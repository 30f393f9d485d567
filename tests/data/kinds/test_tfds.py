import json
from pathlib import Path

import pytest
import tensorflow_datasets as tfds

from gon_tf.data import open_source

from ..conftest import values

SHARED = Path(__file__).parents[4] / "shared" / "data" / "tensorflow_datasets"


@pytest.mark.parametrize("name", ["toy_digits", "toy-digits", "Toy-Digits:train"])
def test_tfds_name_is_normalised(tfds_dir, name):
    source = open_source(name, tfds_dir)
    assert source.name == "toy_digits:train"
    assert source.count == 20
    assert source.images.element_spec.shape == (6, 8, 1)
    assert values(source.images) == list(range(20))  # feature "image", though "cover" is first


def test_tfds_split_expression(tfds_dir):
    source = open_source("toy_digits:train[90%:]+test[:2]", tfds_dir)
    assert values(source.images) == [18, 19, 20, 21]
    assert source.count == len(source.images) == 4


def test_tfds_labels(tfds_dir):
    assert open_source("toy_digits:train[90%:]+test[:2]", tfds_dir).labels == ["7"] * 4
    source = open_source("toy_classes", tfds_dir)
    assert source.labels == ["cat", "dog", "cat"]
    assert values(source.images) == [0, 1, 2]
    assert open_source("toy_classes", tfds_dir, shard=(1, 2)).labels == ["dog"]
    with pytest.raises(ValueError, match="Received: 'toy_letters/greek:train'"):
        open_source("toy_letters", tfds_dir).check_labels()


@pytest.mark.parametrize("name", ["toy_letters", "toy_letters/greek"])
def test_tfds_configuration_and_another_feature_name(tfds_dir, name):
    source = open_source(name, tfds_dir)
    assert source.name == "toy_letters/greek:train"
    assert values(source.images) == [3]


def test_tfds_description_goes_into_json(tfds_dir):
    description = open_source("toy_digits:test", tfds_dir).description
    assert description == {"name": "toy_digits", "version": "1.2.0", "split": "test"}
    assert json.loads(json.dumps(description)) == description


def test_tfds_data_dir_from_the_environment(tfds_dir, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tfds_dir))
    assert open_source("toy_digits").count == 20


def test_tfds_is_quiet_and_stays_offline(tfds_dir, monkeypatch, capfd):
    def fail(*_):
        raise AssertionError("a server was asked")

    monkeypatch.setattr(tfds.core.community, "community_register", fail)
    monkeypatch.setattr("tensorflow_datasets.core.utils.gcs_utils.exists", fail)
    assert len(list(open_source("toy_digits", tfds_dir).images)) == 20
    for unknown in ("toy_digit", "celeb_a"):
        with pytest.raises((ValueError, OSError)):
            open_source(unknown, tfds_dir)
    assert capfd.readouterr() == ("", "")


SPLITS = r"train \(20 images\), test \(5 images\)\."


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mnits", r"no data set and no folder called 'mnits'; did you mean 'mnist'\?"),
        ("toy_digit:test", r"called 'toy_digit:test'; did you mean 'toy_digits'\?"),
        ("zzzzzzzzzz", r"no data set and no folder called 'zzzzzzzzzz'\."),
        ("toy_digits:valid", rf"'toy_digits' has no split 'valid'; there is: {SPLITS}"),
        ("toy_digits:train+valid[:3]", rf"no split 'valid'; there is: {SPLITS}"),
        (
            "toy_digits:train[",
            rf"Malformed split 'train\[' of 'toy_digits'; .*'train\[90%:\]'.*{SPLITS}",
        ),
        ("toy_digits:train[:21]", rf"Malformed split 'train\[:21\]'.* within: {SPLITS}"),
        ("toy_digits:", "Malformed split ''"),
        (
            "toy_digits:train[:0]",
            rf"split 'train\[:0\]' of 'toy_digits' is empty; there is: {SPLITS}",
        ),
        ("toy_digits:train[9:3]", r"split 'train\[9:3\]' of 'toy_digits' is empty"),
        ("toy_sounds", "'toy_sounds' has no images; its features are: label"),
        ("toy_deep", "images of 'toy_deep' are uint16; only uint8"),
        (
            "mnist[:10]",
            r"'mnist\[:10\]' is not a data set; give a name such as 'mnist' or 'cifar10:",
        ),
        ("", "'' is not a data set"),
    ],
)
def test_names_that_are_wrong(tfds_dir, name, message):
    with pytest.raises(ValueError, match=message) as error:
        open_source(name, tfds_dir)
    assert "\n" not in str(error.value)


def test_known_data_set_that_is_not_on_disk(tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        open_source("fashion-mnist:test", tmp_path)
    load = f"tfds.load('fashion_mnist', data_dir='{tmp_path}')"
    assert str(error.value) == (
        f"The data set 'fashion_mnist' is not in '{tmp_path}'; prepare it with "
        f'`python -c "import tensorflow_datasets as tfds; {load}"`, or name the folder that has it '
        "by --data-dir or TFDS_DATA_DIR."
    )


@pytest.fixture
def shared():
    if not SHARED.is_dir():
        pytest.skip(f"needs the data sets in {SHARED}")
    return SHARED


def test_mnist(shared):
    assert open_source("mnist", shared).count == 60_000
    test = open_source("mnist:test", shared)
    assert test.count == 10_000
    seven = next(iter(open_source("mnist:test[:1]", shared).images)).numpy()
    assert seven.shape == (28, 28, 1)
    assert seven.max() > 250


def test_cifar10_without_a_test_split(shared):
    source = open_source("cifar10:train[90%:]", shared)
    assert source.count == 5_000
    assert next(iter(source.images)).shape == (32, 32, 3)
    with pytest.raises(ValueError, match=r"no split 'test'; there is: train \(50000 images\)\."):
        open_source("cifar10:test", shared)

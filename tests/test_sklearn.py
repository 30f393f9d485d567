"""The transformer of scikit-learn: its own checks, and what it promises beside them."""

import pickle
import random
import re

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from gon_tf.sklearn import GONTransformer

TINY = {"n_components": 2, "hidden_units": 4, "epochs": 1}


@pytest.fixture(scope="module")
def rows():
    """Digits of 8x8 pixels, 0 to 16."""
    return load_digits().data[:200]


@pytest.fixture(scope="module")
def fitted(rows):
    """A transformer of the digits."""
    return GONTransformer(8, epochs=60, random_state=0).fit(rows)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:SCIPY_ARRAY_API")
@parametrize_with_checks([GONTransformer(**TINY)])
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def test_encoder_is_one_matrix(fitted, rows):
    images = ((rows - 0) / 16).reshape(-1, 1, 64, 1)
    np.testing.assert_allclose(
        fitted.transform(rows), fitted.model_.encode(images), rtol=1e-3, atol=1e-4
    )
    np.testing.assert_allclose(
        fitted.transform(rows), rows @ fitted.components_.T + fitted.intercept_
    )


def test_better_than_a_pca_of_as_many_components(fitted, rows):
    pca = PCA(8, random_state=0).fit(rows)
    back = pca.inverse_transform(pca.transform(rows))
    assert fitted.score(rows) > -np.mean(np.sum((back - rows) ** 2, axis=1))


def test_inverse_transform_has_the_values_of_the_rows(fitted, rows):
    back = fitted.inverse_transform(fitted.transform(rows))
    assert back.shape == rows.shape
    assert back.min() >= 0
    assert back.max() <= 16
    error = np.mean(np.sum((back - rows) ** 2, axis=1))
    assert fitted.score(rows) == pytest.approx(-error)


def test_samples(fitted):
    rows = fitted.sample(3, random_state=1)
    assert rows.shape == (3, 64)
    np.testing.assert_array_equal(rows, fitted.sample(3, random_state=1))
    assert not np.array_equal(rows, fitted.sample(3, random_state=2))


def test_pickle_keeps_all(fitted, rows):
    copy = pickle.loads(pickle.dumps(fitted))
    latents = fitted.transform(rows)
    np.testing.assert_array_equal(copy.transform(rows), latents)
    np.testing.assert_array_equal(
        copy.inverse_transform(latents), fitted.inverse_transform(latents)
    )
    np.testing.assert_array_equal(copy.sample(2, 0), fitted.sample(2, 0))


def test_pictures_and_names(rows):
    transformer = GONTransformer(3, image_shape=(8, 8), filters=2, epochs=1, random_state=0)
    transformer.set_output(transform="default")
    assert transformer.fit_transform(rows).shape == (200, 3)
    assert type(transformer.model_.decoder).__name__ == "ConvDecoder"
    assert transformer.get_feature_names_out().tolist() == [f"gontransformer{i}" for i in range(3)]
    assert transformer.n_features_in_ == 64


def test_random_state_decides_alone(rows):
    transformer = GONTransformer(**TINY, random_state=3)
    random.seed(1)
    first, drawn = transformer.fit(rows).components_, random.random()
    random.seed(2)
    np.testing.assert_array_equal(clone(transformer).fit(rows).components_, first)
    random.seed(1)
    assert random.random() == drawn  # nobody else's numbers are touched


def test_pipeline(rows):
    pipeline = make_pipeline(StandardScaler(), GONTransformer(**TINY, random_state=0))
    assert pipeline.fit_transform(rows).shape == (200, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_components": 0}, "n_components"),
        ({"epochs": 0}, "epochs"),
        ({"learning_rate": -1.0}, "learning_rate"),
        ({"image_shape": (8, 9)}, "image_shape"),
        ({"image_shape": 8}, "image_shape"),
        ({"image_shape": (16, 16)}, "image_shape=(16, 16) have 256 columns. Received: 64"),
    ],
)
def test_arguments_out_of_range(rows, arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        GONTransformer(**arguments).fit(rows)


@pytest.mark.parametrize("factor", [1e-40, 1e40])
def test_values_that_float32_cannot_tell_apart(rows, factor):
    with pytest.raises(
        ValueError, match="X must span 1e-30 to 1e\\+30. Received: values from 0 to"
    ):
        GONTransformer(**TINY).fit(rows * factor)

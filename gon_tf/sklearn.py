"""A GON as a transformer of scikit-learn: rows of pixels to latents by one matrix, and back."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from gon_tf import arguments
from gon_tf.data.store import order
from gon_tf.decoders import ConvDecoder
from gon_tf.models import GON

try:
    from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
    from sklearn.utils import check_array, check_random_state
    from sklearn.utils.validation import check_is_fitted, validate_data
except ModuleNotFoundError as error:
    message = 'gon_tf.sklearn needs scikit-learn: pip install "gon-tf[sklearn]".'
    raise ImportError(message) from error

DTYPES = (np.float64, np.float32)
LARGEST = 1e30  # span of the values of the rows, and one over the smallest
MOMENTS, WARMUP = 0.95, 0.05  # of Adam; part of the steps in which the rate rises


class GONTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Few latents of many pixels: a PCA with a nonlinear way back, whose encoder is one matrix.

    A decoder is trained through the step from the origin (see `gon_tf.GON`). That step is an affine
    map of the row, so `transform` is a matrix product, as that of `sklearn.decomposition.PCA` is,
    and `inverse_transform` is the decoder. The values of all columns share one scale, as pixels do:
    scale the columns of a table first.

    Args:
        n_components: number of latents, >= 1.
        image_shape: (height, width) or (height, width, channels) of the picture in a row, for a
            decoder of transposed convolutions, whose sizes are those of `gon_tf.ConvDecoder`; None
            for two dense layers that know nothing of neighbours, and rows of any length.
        hidden_units: width of the dense hidden layer, >= 1.
        filters: channels of the last hidden convolution, >= 1.
        damping: of the Gauss-Newton step, in units of the mean curvature, > 0.
        epochs: passes over the rows, >= 1.
        batch_size: rows in a step, >= 1.
        learning_rate: highest rate of Adam, > 0; it rises, and falls to zero by a cosine.
        random_state: seed, generator or None, as everywhere in scikit-learn: of the first weights
            and of the order of the rows.
        verbose: what `fit` prints, as in Keras: 0, 1 (bar) or 2 (lines).

    Attributes:
        components_: `[n_components, n_features_in_]`, the encoder's matrix.
        intercept_: `[n_components]`: `transform(X)` is `X @ components_.T + intercept_`.
        data_range_: (lowest, highest) value of the training rows; the decoder stays within.
        model_: the trained `gon_tf.GON`, of pictures with values in [0, 1].
        n_features_in_: columns of the rows.
        feature_names_in_: their names, if they had some.

    Raises:
        ValueError: in `fit`, if an argument is out of its range, or the rows have not as many
            columns as the pictures have values.

    Example:
        >>> from gon_tf.sklearn import GONTransformer
        >>> from sklearn.datasets import load_digits
        >>> rows = load_digits().data[:100]  # of 8x8 pixels
        >>> transformer = GONTransformer(16, image_shape=(8, 8), epochs=2, random_state=0)
        >>> latents = transformer.fit_transform(rows)
        >>> latents.shape, transformer.inverse_transform(latents).shape
        ((100, 16), (100, 64))

    Source: Bond-Taylor & Willcocks, "Gradient Origin Networks", ICLR 2021.
    """

    def __init__(
        self,
        n_components: int = 16,
        *,
        image_shape: tuple[int, ...] | None = None,
        hidden_units: int = 128,
        filters: int = 16,
        damping: float = 0.01,
        epochs: int = 100,
        batch_size: int = 64,
        learning_rate: float = 0.02,
        random_state: Any = None,
        verbose: int = 0,
    ):
        self.n_components = n_components
        self.image_shape = image_shape
        self.hidden_units = hidden_units
        self.filters = filters
        self.damping = damping
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: Any = None) -> GONTransformer:  # noqa: N803
        """Trains the decoder, and keeps the encoder's matrix.

        Args:
            X: `[n_samples, n_features]`, at least two rows.
            y: ignored.
        """
        epochs = arguments.integer("epochs", self.epochs)
        batch_size = arguments.integer("batch_size", self.batch_size)
        rate = arguments.number("learning_rate", self.learning_rate, above=True)
        X = validate_data(self, X, dtype=DTYPES, ensure_min_samples=2)  # noqa: N806
        seed = int(check_random_state(self.random_state).randint(2**31))
        low, high = float(X.min()), float(X.max())
        scale = high - low or 1.0
        if not 1 / LARGEST <= scale <= LARGEST:  # the network's numbers are float32
            raise ValueError(
                f"The values of X must span {1 / LARGEST:g} to {LARGEST:g}. "
                f"Received: values from {low:g} to {high:g}"
            )
        images = np.clip((X - low) / scale, 0.0, 1.0).astype(np.float32)
        with seeded(seed):
            model = GON(self._decoder(X.shape[1]), damping=self.damping)
            images = images.reshape(-1, *model.image_shape)
            batches = Shuffled(images, batch_size, seed)
            model.compile(optimizer(rate, epochs * len(batches)))
            # Variables that appear while a step is traced make TensorFlow trace it twice.
            model.optimizer.build(model.trainable_variables)
            model.fit(
                batches, epochs=epochs, shuffle=False, latents_from=images, verbose=self.verbose
            )
        kernel, bias = (np.asarray(part, np.float64) for part in model.folded())
        self.model_, self.data_range_ = model, (low, high)
        self.components_ = kernel.T / scale
        self.intercept_ = bias - low * self.components_.sum(axis=1)
        return self

    def _decoder(self, columns: int) -> keras.Model:
        """A new decoder for rows of so many columns."""
        if self.image_shape is None:
            latents = keras.Input((arguments.integer("n_components", self.n_components),))
            hidden = arguments.integer("hidden_units", self.hidden_units)
            values = keras.layers.Dense(hidden, activation="elu")(latents)
            values = keras.layers.Dense(columns, activation="sigmoid")(values)
            return keras.Model(latents, keras.layers.Reshape((1, columns, 1))(values))
        sides = tuple(self.image_shape) if np.ndim(self.image_shape) else (self.image_shape,)
        shape: Any = (*sides, 1) if len(sides) == 2 else sides
        decoder = ConvDecoder(shape, self.n_components, self.filters)
        if np.prod(decoder.image_shape) != columns:
            raise ValueError(
                f"Rows of image_shape={sides} have {np.prod(decoder.image_shape)} columns. "
                f"Received: {columns}"
            )
        return decoder

    def transform(self, X: Any) -> np.ndarray:  # noqa: N803
        """Latents `[n_samples, n_components]` of rows, by one matrix product."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=DTYPES, reset=False)  # noqa: N806
        return X @ self.components_.T.astype(X.dtype) + self.intercept_.astype(X.dtype)

    def inverse_transform(self, X: Any) -> np.ndarray:  # noqa: N803
        """Rows `[n_samples, n_features_in_]` that latents `X` stand for."""
        check_is_fitted(self)
        return self._rows(self.model_.decode(check_array(X, dtype=DTYPES)))

    def sample(self, n_samples: int = 1, random_state: Any = None) -> np.ndarray:
        """New rows, `[n_samples, n_features_in_]`, from a Gaussian fitted to the latents."""
        check_is_fitted(self)
        count = arguments.integer("n_samples", n_samples)
        seed = int(check_random_state(random_state).randint(2**31 - count))
        return self._rows(self.model_.sample(count, seed))

    def score(self, X: Any, y: Any = None) -> float:  # noqa: N803
        """Minus the mean squared error of the rows' reconstructions, summed over the columns."""
        latents = self.transform(X)
        X = validate_data(self, X, dtype=DTYPES, reset=False)  # noqa: N806
        return -float(np.mean(np.sum((self.inverse_transform(latents) - X) ** 2, axis=1)))

    def _rows(self, images: np.ndarray) -> np.ndarray:
        """Pictures in [0, 1] as rows with the values of the training rows."""
        low, high = self.data_range_
        return low + images.reshape(len(images), -1).astype(np.float64) * (high - low)

    @property
    def _n_features_out(self) -> int:
        return len(self.components_)

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn's own checks may expect."""
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


class Shuffled(keras.utils.PyDataset):
    """Batches of images, in another order each epoch that depends on the seed alone."""

    def __init__(self, images: np.ndarray, batch_size: int, seed: int):
        super().__init__()
        self.images, self.batch_size, self.seed, self.epoch = images, batch_size, seed, 0
        self.rows = order(len(images), seed, 0)

    def __len__(self) -> int:
        return -(-len(self.rows) // self.batch_size)

    def __getitem__(self, number: int) -> np.ndarray:
        start = number * self.batch_size
        return self.images[self.rows[start : start + self.batch_size]]

    def on_epoch_end(self) -> None:
        """Draws the order of the next epoch."""
        self.epoch += 1
        self.rows = order(len(self.images), self.seed, self.epoch)


def optimizer(rate: float, steps: int) -> keras.optimizers.Optimizer:
    """Adam, its rate rising to `rate` and falling to zero in so many steps."""
    warmup = max(1, round(WARMUP * steps))
    schedule = keras.optimizers.schedules.CosineDecay(
        rate / warmup, max(1, steps - warmup), warmup_target=rate, warmup_steps=warmup
    )
    return keras.optimizers.Adam(schedule, beta_1=MOMENTS, beta_2=MOMENTS)


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """New weights are drawn from `seed` (Keras asks `random` for theirs), which is put back."""
    former = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(former)

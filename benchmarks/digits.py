"""A GON beside a PCA as transformers of scikit-learn: `python -m benchmarks.digits`.

The 1,797 digits of `load_digits` (8x8 pixels, divided by 16), 16 components, three folds: the
squared error of held-out digits, the accuracy of a logistic regression on their latents, and the
seconds of a fit.
"""

from __future__ import annotations

import argparse
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from sklearn.base import TransformerMixin, clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from benchmarks import print_table
from gon_tf.sklearn import GONTransformer


def measure(
    transformer: TransformerMixin, rows: np.ndarray, labels: np.ndarray, folds: int
) -> tuple[float, float, float]:
    """Held-out squared error of a row, accuracy behind the latents, seconds of a fit: means."""
    measured = []
    for train, test in StratifiedKFold(folds).split(rows, labels):
        start = time.perf_counter()
        fitted = clone(transformer).fit(rows[train])
        seconds = time.perf_counter() - start
        latents = fitted.transform(rows)
        errors = (fitted.inverse_transform(latents[test]) - rows[test]) ** 2
        classifier = LogisticRegression(max_iter=5000).fit(latents[train], labels[train])
        accuracy = classifier.score(latents[test], labels[test])
        measured.append((errors.sum(axis=1).mean(), accuracy, seconds))
    return tuple(np.mean(measured, axis=0))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--components", type=int, default=16)
    parser.add_argument("--folds", type=int, default=3)
    options = parser.parse_args()
    rows, labels = load_digits(return_X_y=True)
    rows, count = rows / 16, options.components
    transformers = {
        "PCA": PCA(count, random_state=0),
        "GONTransformer": GONTransformer(count, random_state=0),
        "GONTransformer, image_shape=(8, 8)": GONTransformer(
            count, image_shape=(8, 8), random_state=0
        ),
    }
    table = []
    for name, transformer in transformers.items():
        error, accuracy, seconds = measure(transformer, rows, labels, options.folds)
        table.append([name, f"{error:.3f}", f"{accuracy:.3f}", f"{seconds:.1f}"])
    print_table(["transformer", "squared error", "accuracy", "seconds"], table)


if __name__ == "__main__":
    main()

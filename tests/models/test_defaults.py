"""What `compile` takes when it is told nothing."""

import keras
import pytest

from gon_tf import (
    GON,
    Autoencoder,
    ConvDecoder,
    ImplicitDecoder,
    ImplicitGON,
    ResidualDecoder,
    VariationalGON,
)
from gon_tf.optimizers import Muon

CONV = ConvDecoder((8, 8, 1), 2, 2)
NORMALIZED = ConvDecoder((8, 8, 1), 2, 2, normalization="instance")
RESIDUAL = ResidualDecoder((8, 8, 1), 2, 2)


@pytest.mark.parametrize(
    ("model", "kind", "rate"),
    [
        (lambda: GON(CONV), keras.optimizers.Adam, 8e-3),
        (lambda: GON(NORMALIZED), keras.optimizers.Adam, 2e-3),
        (lambda: GON(RESIDUAL), Muon, 5e-3),
        (lambda: GON(RESIDUAL, step="gradient"), keras.optimizers.Adam, 2e-3),
        (lambda: VariationalGON(CONV), Muon, 5e-3),
        (lambda: VariationalGON(CONV, step="gradient"), keras.optimizers.Adam, 2e-3),
        (lambda: ImplicitGON(ImplicitDecoder(1, 2, 4, 1), (4, 4, 1)), Muon, 5e-4),
        (lambda: Autoencoder(NORMALIZED), keras.optimizers.Adam, 2e-3),
    ],
)
def test_optimizer_of(model, kind, rate):
    made = model()
    made.compile()
    assert type(made.optimizer) is kind
    assert float(made.optimizer.learning_rate) == pytest.approx(rate)

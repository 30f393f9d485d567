"""Training steps on large pictures, on small ones."""

import pytest

from benchmarks import large


@pytest.mark.parametrize("kind", large.MODELS)
def test_a_step_of_each_model(kind, monkeypatch):
    monkeypatch.setattr(large, "LATENTS", 3)
    loss = large.training_step(kind, side=32, batch=2)()["loss"]
    assert float(loss) > 0

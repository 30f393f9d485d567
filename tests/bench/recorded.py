"""The recorded steps of the published code, and how near to them the other libraries must be."""

from pathlib import Path

import numpy as np

from gon_tf.bench.cases import Case

FIXTURES = Path(__file__).parents[1] / "fixtures"
SIZES = {
    "conv_step": Case("conv", latent_dim=32, side=32, width=16),
    "implicit_step": Case("implicit", latent_dim=32, side=28, width=256),
    "variational_step": Case("variational", latent_dim=48, side=32, width=32),
}


def read_step(name):
    """The arrays of a recorded step."""
    with np.load(FIXTURES / f"{name}.npz") as arrays:
        return {key: arrays[key] for key in arrays.files}


def relative_error(value, reference):
    return np.abs(np.asarray(value) - reference).max() / np.abs(reference).max()


ROUNDING = 1e-4  # of the largest gradient: all that is left of a bias before a normalisation


def check_step(step, gradients, after):
    """Gradients and weights after a step, by name, are the recorded ones."""
    largest = max(np.abs(v).max() for k, v in step.items() if k.startswith("grad/"))
    for name, gradient in gradients.items():
        expected, moved = step[f"grad/{name}"], step[f"after/{name}"]
        if np.abs(expected).max() < ROUNDING * largest:
            assert np.abs(np.asarray(gradient)).max() < 10.0 * ROUNDING * largest
            continue
        kept = slice(None, None, len(gradient) // len(expected))  # some rows of the large matrices
        scale = max(np.abs(expected).max(), 1e-3 * largest)
        assert np.abs(np.asarray(gradient)[kept] - expected).max() < 5e-3 * scale
        certain = np.abs(expected) > 1e-2 * scale
        error = np.abs(np.asarray(after[name])[kept] - moved)[certain]
        assert error.size == 0 or error.max() < 1e-2 * step["learning_rate"]

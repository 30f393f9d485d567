import subprocess
import sys

import numpy as np
import pytest

from gon_tf.latents import LocalGaussians


def curve(count=1000):
    """Latents on a thin curve in 6 dimensions, which no Gaussian is like."""
    random = np.random.default_rng(0)
    angles = random.uniform(0, 2 * np.pi, count)
    points = np.stack([np.cos(angles), np.sin(angles), np.sin(2 * angles)], axis=1)
    return np.hstack([points, np.zeros((count, 3))]) + 0.01 * random.normal(size=(count, 6))


def metric(latents):
    return np.eye(latents.shape[1])


def fitted(latents, labels=None, **options):
    prior = LocalGaussians(latents.shape[1], **options)
    prior.fit([latents[:7], latents[7:]], metric, labels)
    return prior


def test_draws_lie_where_latents_lie():
    drawn = fitted(curve(), components=25, rank=1).draws(range(500))
    assert np.abs(np.linalg.norm(drawn[:, :2], axis=1) - 1).max() < 0.2
    assert len(np.unique(np.round(np.arctan2(drawn[:, 1], drawn[:, 0])))) == 7  # all around


def test_a_draw_belongs_to_its_seed():
    prior = fitted(curve())
    np.testing.assert_array_equal(prior.draws([17])[0], prior.draws(range(64))[17])


def test_a_draw_is_noise_along_axes():
    prior = fitted(curve(), components=10, rank=2)
    weights, means, axes, _ = prior.gaussians()
    random = np.random.default_rng(3)
    noise = random.standard_normal(2)
    chosen = np.searchsorted(np.cumsum(weights) / weights.sum(), random.random())
    expected = means[chosen] + noise @ axes[chosen]
    np.testing.assert_allclose(prior.draws([3])[0], expected, atol=1e-5)


@pytest.mark.parametrize("count", [1, 2, 10])
def test_few_latents_give_one_gaussian(count):
    prior = fitted(curve()[:count])
    assert prior.gaussians().weights.tolist() == [1.0]
    drawn = prior.draws(range(300))
    np.testing.assert_allclose(drawn.mean(axis=0), curve()[:count].mean(axis=0), atol=0.2)
    spread = np.cov(curve()[:count].T) if count > 1 else np.zeros((6, 6))
    np.testing.assert_allclose(np.cov(drawn.T), spread, atol=0.15)


def test_numbers_by_default():
    prior = LocalGaussians(256)
    assert [prior.numbers(n, 200) for n in (1, 100, 1000)] == [(1, 1), (1, 99), (5, 16)]
    assert prior.numbers(60_000, 200) == (256, 16)


def test_draws_by_label():
    latents = curve()
    labels = np.where(latents[:, 0] > 0, "right", "left")
    prior = fitted(latents, labels)
    assert prior.labels == ("left", "right")
    assert (prior.draws(range(100), "right")[:, 0] > -0.2).all()
    assert (prior.draws(range(100), "left")[:, 0] < 0.2).all()
    share = np.mean(prior.draws(range(2000))[:, 0] > 0)
    assert share == pytest.approx(np.mean(latents[:, 0] > 0), abs=0.05)
    names = prior.gaussians().labels
    assert list(names) == sorted(names)
    assert set(names) == {"left", "right"}


def test_a_label_of_one_image():
    prior = fitted(curve(), [0] + [1] * 999)
    np.testing.assert_allclose(prior.draws([1, 2], label=0), curve()[[0, 0]], atol=0.05)


def test_what_cannot_be_fitted():
    with pytest.raises(ValueError, match="at least 1 latent"):
        LocalGaussians(2).fit([], metric)
    with pytest.raises(ValueError, match="finite latents"):
        fitted(np.full((3, 2), np.nan))
    with pytest.raises(ValueError, match="Received: 12 latents, components=7"):
        fitted(curve()[:12], components=7)
    for count in (999, 1001):
        with pytest.raises(ValueError, match=f"each of 1000 images. Received: {count} labels"):
            fitted(curve(), np.zeros(count, int))
    with pytest.raises(ValueError, match="not known yet"):
        LocalGaussians(2).draws([0])


def test_what_is_read_from_a_file_fits_together():
    store = {}
    prior = fitted(curve(), np.arange(1000) % 3, components=6)
    prior.save_own_variables(store)
    assert store["axes"].dtype == np.float16
    read = LocalGaussians(6, labels=("0", "1", "2"))
    read.load_own_variables(store)
    np.testing.assert_array_equal(read.draws(range(9), 1), prior.draws(range(9), 1))
    for name, wrong, message in [
        ("means", store["means"][:, :1], "the prior's means have the shape"),
        ("scales", store["scales"] * np.nan, "the prior's scales are not finite"),
        ("groups", store["groups"] + 2, "not those of 3 labels"),
        ("weights", -store["weights"], "no shares"),
    ]:
        with pytest.raises(ValueError, match=message):
            read.load_own_variables({**store, name: wrong})
    LocalGaussians(6).load_own_variables({})


@pytest.mark.slow
def test_threads_change_nothing():
    script = (
        "import numpy as np, hashlib, keras\n"
        "from gon_tf.latents import LocalGaussians\n"
        "z = np.random.default_rng(0).normal(size=(4000, 64)).astype('f4')\n"
        "z[:, :2] = np.sin(3 * z[:, :2])\n"
        "prior = LocalGaussians(64)\n"
        "prior.fit([z], lambda z: np.eye(64))\n"
        "print(hashlib.sha256(prior.draws(range(50)).tobytes()).hexdigest())"
    )
    found = [
        subprocess.run(
            [sys.executable, "-c", script],
            env={"OPENBLAS_NUM_THREADS": threads, "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in ("1", "2")
    ]
    assert found[0] == found[1]

"""What is particular to VariationalGON; what all models share is tested in test_all_models.py."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from gon_tf import ConvDecoder, VariationalGON, latents, losses
from gon_tf.origin import Network

LATENTS = 4
VARIANTS = {
    "laplace": {},
    "posterior mode": {"laplace_covariance": False},
    "gradient": {"step": "gradient"},
}
PUBLISHED = {"step": "gradient", "noise_at_origin": True}


def posterior_of(model, batch, training=None):
    return model.posterior(model.problem(batch, training=training))


def points_of(model, batch):
    """z(x), before the maps."""
    problem, network = model.problem(batch), model.inner_network()
    origin = model.origin_of(problem, network, shared=model.shares_origin)
    return model.latents_from(origin, network, problem.images)


class NestedVariationalGON(VariationalGON):
    """Runs the decoder at the origin once for every image, and differentiates it by tapes."""

    shares_origin = False

    def origin_of(self, problem, network, *, shared):
        return super().origin_of(problem, Network(network), shared=shared)


def decoder(**arguments):
    return ConvDecoder((8, 8, 1), LATENTS, filters=2, **arguments)


def disturbed(cls=VariationalGON, **arguments):
    """A model whose maps are neither the identity nor zero."""
    model = cls(decoder(), **arguments)
    generator = np.random.default_rng(5)
    for weight in (*model.mean_map.weights, *model.log_variance_map.weights):
        weight.assign_add(generator.normal(0.0, 0.3, weight.shape))
    return model


@pytest.fixture
def batch(images):
    return tf.constant(images / np.float32(255))


def assert_close(value, reference, tolerance=1e-4):
    scale = np.abs(reference).max()
    np.testing.assert_allclose(value, reference, rtol=tolerance, atol=tolerance * scale)


def divergence_from_prior(mean, log_variance, correlation):
    """KL(N(mean, S correlation S) || N(0, I)) with S the deviations, for one image."""
    deviation = np.exp(0.5 * log_variance)
    covariance = correlation * np.outer(deviation, deviation)
    log_determinant = np.linalg.slogdet(covariance)[1]
    return 0.5 * (np.trace(covariance) + mean @ mean - LATENTS - log_determinant)


def jacobian_of(model):
    """J `[pixels, latent_dim]` and the probabilities of white at the origin, by ordinary tapes."""
    with tf.GradientTape() as tape:
        origin = tf.zeros((1, LATENTS))
        tape.watch(origin)
        logits = tf.reshape(model.decoder.logits(model.mean_map(origin)), [-1])
    jacobian = tape.jacobian(logits, origin)[:, 0].numpy()
    probabilities = tf.sigmoid(logits).numpy()
    return jacobian, probabilities


@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_fast_path_equals_nested_tape(batch, variant, loss):
    def run(cls):
        keras.utils.set_random_seed(0)
        model = disturbed(cls, loss=loss, **VARIANTS[variant])
        with tf.GradientTape() as tape:
            value = model.batch_loss(batch, training=True)
        gradients = tape.gradient(value, model.trainable_weights)
        posterior = posterior_of(model, batch)
        found = [posterior.mean, posterior.log_variance, points_of(model, batch)]
        return [*found, value, *gradients]

    for fast, nested in zip(run(VariationalGON), run(NestedVariationalGON), strict=True):
        assert_close(fast, nested)


def test_laplace_posterior_by_hand(batch):
    model = disturbed()
    jacobian, probabilities = jacobian_of(model)
    curvature = probabilities * (1.0 - probabilities)
    precision = jacobian.T @ (curvature[:, None] * jacobian) + np.eye(LATENTS)
    # The gradient of the inner divergence at z0 = 0.
    to_mean, bias = model.mean_map.get_weights()
    to_log_variance, log_variance = model.log_variance_map.get_weights()
    penalty = to_mean @ bias + 0.5 * to_log_variance @ (np.exp(log_variance) - 1.0)

    derivative = probabilities - np.reshape(batch, (10, -1))
    expected = -np.linalg.solve(precision, np.transpose(derivative @ jacobian + penalty)).T
    assert_close(points_of(model, batch), expected)
    posterior = posterior_of(model, batch)
    assert_close(posterior.mean, expected @ to_mean + bias)
    covariance = np.linalg.inv(precision)
    variance = np.diag(covariance)
    free = expected @ to_log_variance + log_variance
    assert_close(posterior.log_variance, free + np.log(variance))
    root = posterior.correlation_root.numpy()
    np.testing.assert_allclose(
        root.T @ root, covariance / np.sqrt(np.outer(variance, variance)), atol=1e-5
    )


def test_new_model_starts_at_the_laplace_approximation(batch):
    model = VariationalGON(decoder())
    posterior = posterior_of(model, batch)
    np.testing.assert_array_equal(posterior.mean, points_of(model, batch))
    assert np.all(np.exp(posterior.log_variance) < 1.0)
    np.testing.assert_array_equal(posterior.log_variance[0], posterior.log_variance[9])


@pytest.mark.parametrize("variant", [{}, {"step": "gradient"}, PUBLISHED])
@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error"])
def test_fold_holds_the_map_to_the_mean(images, batch, variant, loss):
    model = disturbed(loss=loss, **variant)
    encoder = model.fold()
    assert [type(layer).__name__ for layer in encoder.layers] == ["InputLayer", "Flatten", "Dense"]
    mean = posterior_of(model, batch).mean
    assert_close(encoder.predict(batch, verbose=0), mean)
    assert_close(model.encode(images), mean)


def test_two_steps_do_not_fold(images):
    model = VariationalGON(decoder(), inner_steps=2)
    with pytest.raises(ValueError, match="Received: inner_steps=2"):
        model.fold()
    assert np.all(np.isfinite(model.encode(images)))


def test_loss_is_the_negative_elbo_by_hand(batch, monkeypatch):
    model = disturbed(kl_weight=0.5, latent_regularizer=0.25)
    noise = np.random.default_rng(2).normal(size=(10, LATENTS)).astype(np.float32)
    monkeypatch.setattr(model, "noise", lambda *_: noise)
    posterior = posterior_of(model, batch)
    mean, log_variance = np.asarray(posterior.mean), np.asarray(posterior.log_variance)
    root = np.asarray(posterior.correlation_root)
    drawn = mean + np.exp(0.5 * log_variance) * (noise @ root)
    pictures = np.asarray(model.decoder(drawn), np.float64)
    error = -np.sum(batch * np.log(pictures) + (1 - batch) * np.log1p(-pictures), axis=(1, 2, 3))
    gaussians = zip(mean, log_variance, strict=True)
    divergence = np.array([divergence_from_prior(*one, root.T @ root) for one in gaussians])
    expected = error + 0.5 * divergence + 0.25 * np.sum(drawn**2, axis=1)
    np.testing.assert_allclose(model.batch_loss(batch, True), expected.mean(), rtol=1e-5)

    measured = {metric.name: float(metric.result()) for metric in model.reported_metrics}
    assert measured["reconstruction_loss"] == pytest.approx(error.mean(), rel=1e-5)
    assert measured["kl"] == pytest.approx(divergence.mean(), rel=1e-5)
    assert measured["negative_elbo"] == pytest.approx((error + divergence).mean(), rel=1e-5)
    bits = (error + divergence).mean() / (64 * np.log(2.0))
    assert measured["bits_per_dimension"] == pytest.approx(bits, rel=1e-5)
    assert measured["active_units"] == np.sum(mean.var(axis=0) > 0.01)


@pytest.mark.parametrize("variant", [{}, PUBLISHED])
def test_evaluate_gives_the_same_figures_every_time(images, variant):
    model = VariationalGON(decoder(), **variant)
    model.compile("adam")
    first = model.evaluate(images, batch_size=4, verbose=0)
    model.fit(images, batch_size=5, epochs=1, verbose=0)
    model.compile(keras.optimizers.SGD(0.0))
    second = model.evaluate(images, batch_size=4, verbose=0, return_dict=True)
    assert model.evaluate(images, batch_size=4, verbose=0, return_dict=True) == second
    assert first[0] != second["loss"]


def test_every_batch_and_every_step_has_noise_of_its_own(batch):
    model = VariationalGON(decoder())
    draws = [model.noise(batch, training=True) for _ in range(2)]
    draws.append(model.noise(batch, training=False))
    model.batch_loss(batch, training=False)
    draws.append(model.noise(batch, training=False))
    assert len({float(draw[0, 0]) for draw in draws}) == 4


def test_noise_at_the_origin_is_each_images_own_in_training_alone(images, batch):
    model = disturbed(**PUBLISHED)
    means = [posterior_of(model, batch, training=True).mean for _ in range(2)]
    assert np.abs(means[0] - means[1]).max() > 0.0
    together = model.encode(images)
    np.testing.assert_array_equal(model.encode(images), together)
    scale = np.abs(together).max()
    np.testing.assert_allclose(model.encode(images[3:4])[0], together[3], atol=1e-4 * scale)
    folded = model.fold().predict(images / np.float32(255), verbose=0)
    np.testing.assert_allclose(folded, together, atol=1e-4 * scale)


def test_gradient_step_starts_as_published():
    """From zero, a normalised decoder would divide by the variance of a constant."""
    model = VariationalGON(decoder(), step="gradient")
    for layer in (model.mean_map, model.log_variance_map):
        for weight in layer.get_weights():
            assert 0.0 < np.abs(weight).max() <= 1.0 / np.sqrt(LATENTS)


def test_samples_come_from_the_prior_without_training():
    model = VariationalGON(decoder())
    expected = model.decode(latents.standard_normal([7, 8], LATENTS))
    np.testing.assert_array_equal(model.sample(2, seed=7), expected)


def test_weight_of_the_divergence_changes_without_a_new_graph(images):
    model = VariationalGON(decoder())
    model.compile(keras.optimizers.SGD(0.0))
    weighted = {}
    for weight in (1.0, 0.0):
        model.kl_weight.assign(weight)
        weighted[weight] = model.evaluate(images, batch_size=5, verbose=0, return_dict=True)
    assert weighted[0.0]["loss"] == pytest.approx(weighted[0.0]["reconstruction_loss"])
    assert weighted[1.0]["loss"] == pytest.approx(weighted[0.0]["negative_elbo"])


def test_inner_divergence_moves_the_step(batch):
    points = {}
    for weight in (0.0, 1.0, 2.0):
        keras.utils.set_random_seed(0)
        model = disturbed(step="gradient", inner_scale=0.5, inner_kl_weight=weight)
        points[weight] = points_of(model, batch).numpy()
    to_mean, bias = model.mean_map.get_weights()
    to_log_variance, log_variance = model.log_variance_map.get_weights()
    penalty = to_mean @ bias + 0.5 * to_log_variance @ (np.exp(log_variance) - 1.0)
    for weight in (1.0, 2.0):
        moved = points[0.0] - points[weight]
        assert_close(moved, np.broadcast_to(0.5 * weight * penalty, moved.shape))


def test_gradient_step_has_the_scale_of_the_paper(batch):
    default, explicit = disturbed(step="gradient"), disturbed(step="gradient", inner_scale=1 / 64)
    explicit.set_weights(default.get_weights())
    np.testing.assert_array_equal(points_of(default, batch), points_of(explicit, batch))


def test_detached_origin_trains_the_maps_and_not_the_step(batch):
    model = VariationalGON(decoder(), detach_origin=True)
    with tf.GradientTape() as tape:
        posterior = posterior_of(model, batch)
        values = [posterior.mean, posterior.log_variance, posterior.correlation_root]
    gradients = tape.gradient(values, model.trainable_weights)
    trained = {
        weight.path
        for weight, g in zip(model.trainable_weights, gradients, strict=True)
        if g is not None and np.abs(g).max() > 0.0
    }
    maps = [*model.mean_map.weights, *model.log_variance_map.weights]
    assert trained == {weight.path for weight in maps}


@pytest.mark.parametrize("variant", [{}, PUBLISHED, {"noise_at_origin": True}])
@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error"])
def test_training_lowers_the_bound(images, variant, loss):
    model = VariationalGON(decoder(), loss=loss, learn_origin=True, **variant)
    model.compile(keras.optimizers.Adam(1e-2))
    history = model.fit(images, epochs=10, batch_size=5, verbose=0).history["negative_elbo"]
    assert history[-1] < history[0]
    assert np.abs(model.origin).max() > 0.0


def test_posterior_stays_in_float32(batch):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = VariationalGON(decoder())
        posterior = posterior_of(model, batch)
        assert posterior.mean.dtype == posterior.log_variance.dtype == tf.float32
    finally:
        keras.config.set_dtype_policy("float32")


def test_batch_normalisation_takes_the_nested_tape(images):
    model = VariationalGON(decoder(normalization="batch"), **PUBLISHED)
    assert not model.shares_origin
    model.compile("adam")
    assert np.all(np.isfinite(model.fit(images, verbose=0).history["loss"]))


@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        ("loss", "none", "one of .'cross_entropy', 'squared_error'.*Received: loss='none'"),
        ("step", "newton", "one of .'gradient', 'gauss-newton'.*Received: step='newton'"),
        ("damping", 0.0, "number > 0. Received: damping=0.0"),
        ("noise_at_origin", 1, "True or False. Received: noise_at_origin=1"),
        ("kl_weight", -1.0, "number >= 0. Received: kl_weight=-1.0"),
        ("inner_kl_weight", "one", "number >= 0. Received: inner_kl_weight='one'"),
        ("laplace_covariance", None, "True or False. Received: laplace_covariance=None"),
        ("inner_steps", 0, "integer >= 1. Received: inner_steps=0"),
    ],
)
def test_argument_out_of_range(argument, value, message):
    with pytest.raises(ValueError, match=message):
        VariationalGON(decoder(), **{argument: value})


def test_config_is_the_constructor():
    model = VariationalGON(decoder(), kl_weight=0.5, damping=2.0, **PUBLISHED)
    model.kl_weight.assign(0.1)  # as a warm-up does
    config = model.get_config()
    own = {name: value for name, value in config.items() if name not in ("name", "trainable")}
    assert own.pop("decoder")["class_name"] == "ConvDecoder"
    own.pop("dtype")
    assert own == {
        "prior": "local-gaussians",
        **dict.fromkeys(("components", "rank", "labels")),
        "loss": "cross_entropy",
        "step": "gradient",
        "damping": 2.0,
        "noise_at_origin": True,
        "kl_weight": 0.5,
        "inner_kl_weight": 1.0,
        "laplace_covariance": True,
        "inner_scale": None,
        "step_size": 1.0,
        "inner_steps": 1,
        "learn_origin": False,
        "latent_regularizer": 0.0,
        "detach_origin": False,
        "chord": None,
    }


def test_the_penalty_knows_its_gradient():
    model = VariationalGON(decoder(), inner_kl_weight=0.7)
    for layer in (model.mean_map, model.log_variance_map):
        layer.set_weights([w + 0.3 for w in layer.get_weights()])
    points = tf.random.stateless_normal((3, model.latent_dim), seed=(0, 0))
    with tf.GradientTape() as tape:
        tape.watch(points)
        divergence = losses.kl_divergence(model.mean_map(points), model.log_variance_map(points))
        value = 0.7 * divergence
    np.testing.assert_allclose(model.penalty(points), tape.gradient(value, points), rtol=1e-5)

import keras
import numpy as np
import pytest

from gon_tf import GON, ConvDecoder
from gon_tf.callbacks import DivergenceGuard
from gon_tf.optimizers import Scaled

IMAGES = np.random.default_rng(0).integers(0, 255, (4, 8, 8, 1), dtype=np.uint8)


def guarded(losses, rate=0.5, **arguments):
    """A guard that has seen these losses, and what the weights were after each epoch."""
    keras.utils.set_random_seed(0)
    model = GON(ConvDecoder((8, 8, 1), latent_dim=2, filters=2))
    model.compile(keras.optimizers.Adam(rate))
    model.optimizer.build(model.trainable_variables)
    guard = DivergenceGuard(**arguments)
    guard.set_model(model)
    guard.set_params({"epochs": len(losses)})
    for epoch, loss in enumerate(losses):
        guard.on_epoch_begin(epoch)
        for variable in model.trainable_variables:
            variable.assign(np.full(variable.shape, epoch))
        guard.on_epoch_end(epoch, {"loss": loss})
    return model


def epoch_of(model):
    (epoch,) = {float(np.mean(variable)) for variable in model.trainable_variables}
    return epoch


@pytest.mark.parametrize("losses", [[5, 4, 3], [5, 4, 4.3, 4.3, 4.3, 4.1], [5, 4, 5, 3.9]])
def test_a_loss_that_falls_or_varies(losses):
    model = guarded(losses)
    assert epoch_of(model) == len(losses) - 1
    assert float(model.optimizer.learning_rate) == 0.5


@pytest.mark.parametrize("losses", [[5, 4, 7, 3], [5, 4, 4.5, 4.5, 4.5, 3]])
def test_a_loss_that_rises_goes_back_at_half_the_rate(losses):
    with pytest.warns(UserWarning, match="from 4 in epoch 2 .* epoch 2 are back, and .* is 0.25"):
        guarded(losses)


def test_the_last_epoch_may_not_rise():
    with pytest.warns(UserWarning, match="to 4.5 in epoch 3: .* A lower learning rate"):
        model = guarded([5, 4, 4.5])
    assert epoch_of(model) == 1


@pytest.mark.filterwarnings("ignore:The loss has risen")
@pytest.mark.parametrize(("losses", "epoch"), [([5, 4, 3], 2), ([5, 4, 4.5], 1), ([1, 9, 1.05], 2)])
def test_it_knows_whose_weights_the_model_has(losses, epoch):
    assert epoch_of(guarded(losses)) == epoch
    guard = DivergenceGuard()
    guard.set_params({"epochs": len(losses)})
    guard.set_model(guarded([1]))
    for number, loss in enumerate(losses):
        guard.on_epoch_end(number, {"loss": loss})
    assert guard.epoch == epoch


def test_a_plan_is_scaled():
    plan = Scaled(keras.optimizers.schedules.CosineDecay(0.5, 100))
    with pytest.warns(UserWarning, match="the learning rate is 0.5 times what was planned"):
        model = guarded([1, 9, 1, 1], plan)
    assert plan.scale == 0.5
    assert float(plan(0)) == 0.25
    assert float(model.optimizer.learning_rate) == 0.25
    copy = Scaled.from_config(plan.get_config())
    assert copy.get_config() == plan.get_config()
    assert float(copy(50)) == float(plan(50))


def test_another_schedule_stays():
    plan = keras.optimizers.schedules.CosineDecay(0.5, 100)
    with pytest.warns(UserWarning, match="Choose a lower learning rate"):
        guarded([1, 9, 1, 1], plan)


@pytest.mark.filterwarnings("ignore:The loss has risen")
def test_in_fit():
    model = GON(ConvDecoder((8, 8, 1), latent_dim=2, filters=2))
    model.compile(keras.optimizers.SGD(Scaled(keras.optimizers.schedules.CosineDecay(0.1, 100))))
    guard = DivergenceGuard()
    guard.best, guard.best_values = 1e-9, [np.array(v) for v in model.trainable_variables]
    model.optimizer.build(model.trainable_variables)
    guard.best_values += [np.array(v) for v in model.optimizer.variables[2:]]
    model.fit(IMAGES, epochs=3, batch_size=4, verbose=0, callbacks=[guard])
    assert model.optimizer._learning_rate.scale == 0.25


def test_arguments():
    with pytest.raises(ValueError, match="patience must be an integer >= 1"):
        DivergenceGuard(patience=0)

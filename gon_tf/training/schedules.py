"""The course of the learning rate, and the optimizers that follow it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gon_tf.training.recipe import Recipe

if TYPE_CHECKING:
    import keras

WITHOUT_MOMENTS = ("muon", "sgd")  # that a recipe could set
LAST = 0.01  # of the highest rate, where an exponential course ends


def optimizer(recipe: Recipe, steps: int) -> keras.optimizers.Optimizer:
    """The optimizer of a recipe, its learning rate planned for `steps` steps.

    Raises:
        ValueError: if the optimizer has no use for a value that is set.
    """
    import keras

    from gon_tf import optimizers

    average = {"use_ema": True, "ema_momentum": recipe.ema} if recipe.ema else {}
    moments = {"beta_1": recipe.beta_1, "beta_2": recipe.beta_2}
    moments = {name: value for name, value in moments.items() if value is not None}
    if moments and recipe.optimizer in WITHOUT_MOMENTS:
        raise ValueError(f"{recipe.optimizer} takes no moments: leave out --beta-1 and --beta-2.")
    muon = recipe.optimizer == "muon"
    kind = optimizers.Muon if muon else type(keras.optimizers.get(recipe.optimizer))
    rate = optimizers.Scaled(learning_rate(recipe, steps))
    return kind(learning_rate=rate, clipnorm=recipe.clipnorm, **moments, **average)


def learning_rate(recipe: Recipe, steps: int) -> keras.optimizers.schedules.LearningRateSchedule:
    """The learning rate of each step: it rises from zero at first, if the recipe says so."""
    import keras
    from keras import ops

    warmup, highest = round(recipe.warmup * steps), recipe.learning_rate
    assert highest is not None  # the recipe is complete
    if recipe.schedule in ("cosine", "constant"):
        return keras.optimizers.schedules.CosineDecay(
            0.0 if warmup else highest,
            decay_steps=max(steps - warmup, 1),
            alpha=1.0 if recipe.schedule == "constant" else 0.0,
            warmup_target=highest if warmup else None,
            warmup_steps=warmup,
        )

    class Course(keras.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            step = ops.cast(step, "float32")
            risen = ops.minimum(step / max(warmup, 1), 1.0) if warmup else 1.0
            done = ops.clip((step - warmup) / max(steps - warmup, 1), 0.0, 1.0)
            fallen = 1.0 - done if recipe.schedule == "linear" else LAST**done
            return highest * risen * fallen

    return Course()

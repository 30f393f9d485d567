"""A recipe made ready for training: its images, its model, and what can fail before it begins."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gon_tf.training import distribute, schedules, variants
from gon_tf.training.recipe import Recipe

if TYPE_CHECKING:
    import keras

    from gon_tf.data import Images, Source

LOOKED_AT = 16  # images of a data set that tell whether it is grey


@dataclass(frozen=True)
class Options:
    """How a recipe is carried out. What comes out is the same, but for rounding."""

    strategy: str = "single"
    steps_per_execution: int = 1
    checkpoint_every: int = 1000
    pictures_every: int = 1
    tensorboard: bool = False

    def to_json(self) -> dict:
        """Those that a run must keep to when it goes on."""
        return {"strategy": self.strategy, "steps_per_execution": self.steps_per_execution}


@dataclass(frozen=True)
class Job:
    """A recipe made ready: a compiled model and its images."""

    recipe: Recipe
    options: Options
    model: keras.Model
    images: Images
    validation: Images | None
    dataset: dict  # description of the images for the model's card
    data_dir: Path | None

    @property
    def steps_per_epoch(self) -> int:
        """Steps of the optimizer in an epoch."""
        return self.images.steps_per_epoch(self.recipe.batch_size, drop_remainder=True)

    @property
    def parameters(self) -> int:
        """Number of parameters that training changes."""
        return parameters(self.model)


def preview(recipe: Recipe, options: Options, data_dir: Path | None = None) -> dict:
    """What a training would be, as JSON values; no image is decoded but the first few.

    Its "steps" count all images, even those that will turn out to be broken.

    Raises:
        ValueError: as `prepare`, but for images that cannot be read.
        OSError: as `prepare`.
    """
    recipe, source, model = design(recipe, options, data_dir)
    held_out = math.floor(source.count * recipe.validation_split)
    steps = recipe.epochs * ((source.count - held_out) // recipe.batch_size)
    return {"recipe": recipe.to_json(), "parameters": parameters(model), "steps": steps}


def prepare(recipe: Recipe, options: Options, data_dir: Path | None = None) -> Job:
    """Find the data and build the model, so that what can fail has failed before training.

    Raises:
        ValueError: if the recipe does not fit together.
        OSError: if the data cannot be read.
    """
    from gon_tf import data

    recipe, source, model = design(recipe, options, data_dir)
    shape = model.image_shape
    images = data.open_images(recipe.dataset, shape, data_dir=data_dir, crop=recipe.crop)
    validation = None
    if recipe.validation:
        validation = data.open_images(recipe.validation, shape, data_dir=data_dir, crop=recipe.crop)
    elif recipe.validation_split:
        images, validation = split(images, recipe.validation_split)
    check_count(recipe, len(images))
    job = Job(
        recipe=recipe,
        options=options,
        model=model,
        images=images,
        validation=validation,
        dataset={**source.description, "images": len(images)},
        data_dir=data_dir,
    )
    with model.distribute_strategy.scope():
        model.compile(
            schedules.optimizer(recipe, recipe.epochs * job.steps_per_epoch),
            steps_per_execution=options.steps_per_execution,
        )
    return job


def design(
    recipe: Recipe, options: Options, data_dir: Path | None
) -> tuple[Recipe, Source, keras.Model]:
    """The complete recipe, its images before they are decoded, and its model."""
    import keras
    import tensorflow as tf

    from gon_tf import data

    recipe = variants.complete(recipe)
    strategy = distribute.create(options.strategy)
    if recipe.batch_size % strategy.num_replicas_in_sync:
        raise ValueError(
            f"Each of {strategy.num_replicas_in_sync} devices takes an equal part of a batch; "
            f"choose another --batch-size. Received: {recipe.batch_size}"
        )
    # The same operations in the same order whenever they are run: what --resume relies on.
    tf.config.experimental.enable_op_determinism()
    source = data.open_source(recipe.dataset, data_dir)
    check_count(recipe, source.count)
    recipe = replace(recipe, channels=recipe.channels or channels_of(source))
    for name in filter(None, (recipe.validation, recipe.evaluate)):
        data.open_source(name, data_dir)

    keras.utils.set_random_seed(recipe.seed)
    with strategy.scope(), precision(recipe.precision):
        build = variants.VARIANTS[recipe.variant].build
        model = build(recipe, (*recipe.image_size, recipe.channels))
    return recipe, source, model


def check_count(recipe: Recipe, count: int) -> None:
    """Raise ValueError if `count` images are too few for a recipe."""
    if count < recipe.batch_size:
        raise ValueError(
            f"There are fewer images ({count}) than a batch ({recipe.batch_size}); choose a "
            "smaller --batch-size."
        )
    if recipe.components and count < 2:  # of the distribution that is fitted in the end
        raise ValueError(f"{recipe.variant} models need at least 2 images. Received: {count}")


def parameters(model: keras.Model) -> int:
    """Number of parameters that training changes."""
    return sum(math.prod(weight.shape) for weight in model.trainable_weights)


def channels_of(source: Source) -> int:
    """1 if the images of a data set are grey, 3 if some of the first have colours."""
    if source.parts:
        return max(map(channels_of, source.parts))
    found = source.images.element_spec.shape[-1]
    if found is None:
        found = max(image.shape[-1] for image in source.images.take(LOOKED_AT))
    return 1 if found == 1 else 3


def split(images: Images, part: float) -> tuple[Images, Images]:
    """Images to train on and images to validate on, the latter evenly from all of them."""
    import numpy as np

    numbers = np.arange(len(images))
    held = np.floor((numbers + 1) * part) > np.floor(numbers * part)
    if not held.any():
        raise ValueError(
            f"A part of {part:g} of {len(images)} images is not one to validate on; "
            "choose a larger --validation-split."
        )
    return images.part(numbers[~held]), images.part(numbers[held])


@contextlib.contextmanager
def precision(policy: str):
    """Make layers with the dtype `policy`, and put the former one back."""
    import keras

    former = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(former)

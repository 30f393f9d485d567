"""A recipe made ready for training: its images, its model, and what can fail before it begins."""

from __future__ import annotations

import contextlib
import importlib.util
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gon_tf.training import cluster, distribute, schedules, start, variants
from gon_tf.training import memory as memories
from gon_tf.training.recipe import (
    ENOUGH_STEPS,
    FEWEST_EPOCHS,
    MOST_DRAWN,
    MOST_EPOCHS,
    Options,
    Recipe,
)

if TYPE_CHECKING:
    import keras

    from gon_tf.data import Images, Source

LOOKED_AT = 16  # images of a data set that tell whether it is grey


@dataclass(frozen=True)
class Job:
    """A recipe made ready: a compiled model and its images."""

    recipe: Recipe
    options: Options
    model: keras.Model
    images: Images
    validation: Images | None
    dataset: dict[str, Any]  # description of the images for the model's card
    data_dir: Path | None
    memory: memories.Memory
    labels: list[str] | None = None  # of the images, if the recipe asks for them

    @property
    def epochs(self) -> int:
        """Passes over the images."""
        assert self.recipe.epochs is not None  # `design` has chosen them
        return self.recipe.epochs

    @property
    def pictures_every(self) -> int:
        """Epochs from one picture of what has been learned to the next; 0 for none."""
        every = self.options.pictures_every
        return math.ceil(self.epochs / MOST_DRAWN) if every is None else every

    @property
    def steps_per_epoch(self) -> int:
        """Steps of the optimizer in an epoch."""
        return self.images.steps_per_epoch(self.recipe.batch_size, drop_remainder=True)

    @property
    def measured_at_once(self) -> int:
        """Images of a batch that is measured: of an implicit model it holds all their points."""
        replicas = self.model.distribute_strategy.num_replicas_in_sync
        return min(self.recipe.batch_size, replicas * self.model.images_at_once)

    @property
    def fingerprint(self) -> str:
        """Equal for the same images, in the same order, alone."""
        parts = [self.images, *([self.validation] if self.validation else [])]
        return "+".join(part.fingerprint for part in parts)


def preview(recipe: Recipe, options: Options, data_dir: Path | None = None) -> dict[str, Any]:
    """What a training would be, as JSON values; no image is decoded but the first few.

    Its "steps" count all images, even those that will turn out to be broken.

    Raises:
        ValueError: as `prepare`, but for images that cannot be read.
        OSError: as `prepare`.
    """
    recipe, source, model = design(recipe, options, data_dir)
    steps = steps_of(recipe, source)
    check_execution(options, steps)
    parameters = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    return {
        "recipe": recipe.to_json(),
        "parameters": parameters,
        "steps": (recipe.epochs or 0) * steps,
        "memory_gb": plan_memory(recipe, options, model, source.count)[0].to_json(),
    }


def prepare(recipe: Recipe, options: Options, data_dir: Path | None = None) -> Job:
    """Find the data and build the model, so that what can fail has failed before training.

    Raises:
        ValueError: if the recipe does not fit together, or to its images.
        OSError: if the data cannot be read.
        ImportError: if a package is missing that the training needs.
    """
    from gon_tf import data

    recipe, source, model = design(recipe, options, data_dir)

    memory, room = plan_memory(recipe, options, model, source.count)

    def open_images(name: str) -> Images:
        places = {"data_dir": data_dir, "crop": recipe.crop, "memory_budget": room}
        return data.open_images(name, model.image_shape, **places)

    images, validation = open_images(recipe.dataset), None
    names = labels_of(source, images) if recipe.labels else None
    if recipe.validation:
        validation = open_images(recipe.validation)
    elif recipe.validation_split:
        images, validation = split(images, recipe.validation_split)
    check_count(recipe, len(images))
    dataset = {**source.description, "images": len(images)}
    labels = None if names is None else [names[row] for row in images.rows]
    job = Job(recipe, options, model, images, validation, dataset, data_dir, memory, labels)
    check_execution(options, job.steps_per_epoch)
    with model.distribute_strategy.scope():
        model.compile(
            schedules.optimizer(recipe, job.epochs * job.steps_per_epoch),
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

    recipe = variants.complete(start.adopt(recipe))
    check_packages(recipe, options)
    strategy = distribute.create(options.strategy, options.wait)
    if recipe.batch_size % strategy.num_replicas_in_sync:
        raise ValueError(
            f"Each of {strategy.num_replicas_in_sync} devices takes an equal part of a batch; "
            f"choose another --batch-size. Received: {recipe.batch_size}"
        )
    # The same operations in the same order whenever they are run: what --resume relies on.
    tf.config.experimental.enable_op_determinism()
    source = data.open_source(recipe.dataset, data_dir)
    check_count(recipe, source.count)
    if recipe.epochs is None:
        enough = math.ceil(ENOUGH_STEPS / max(steps_of(recipe, source), 1))
        recipe = replace(recipe, epochs=min(max(enough, FEWEST_EPOCHS), MOST_EPOCHS))
    if recipe.labels:
        check_labels(recipe, source)
    for name in filter(None, (recipe.validation, recipe.evaluate)):
        data.open_source(name, data_dir)
    keras.utils.set_random_seed(recipe.seed)
    with strategy.scope(), precision(recipe.precision):
        if recipe.start:
            recipe, model = start.begun(recipe)
        else:
            channels = recipe.channels or channels_of(source)
            recipe = replace(recipe, channels=channels)
            build = variants.VARIANTS[recipe.variant].build
            model = build(recipe, (*recipe.image_size, channels))
            if (points := points_by_memory(recipe, options, model)) != recipe.points_per_step:
                recipe = replace(recipe, points_per_step=points)
                keras.utils.set_random_seed(recipe.seed)
                model = build(recipe, (*recipe.image_size, channels))
    distribute.check_alike(strategy, "recipe", [recipe.to_json(), options.to_json()])
    if recipe.start:  # each machine may have another model under that name
        distribute.check_alike(strategy, "models for --from", start.fingerprint(model))
    return recipe, source, model


def steps_of(recipe: Recipe, source: Source) -> int:
    """Steps of an epoch, as long as no image turns out to be broken."""
    images = source.count - math.floor(source.count * recipe.validation_split)
    return images // recipe.batch_size


def points_by_memory(recipe: Recipe, options: Options, model: keras.Model) -> int | None:
    """Points per step of a recipe: the variant's, or what fits into the memory if that is less."""
    points = recipe.points_per_step
    if points is None or points != variants.default_points(recipe):
        return points
    batch_size = recipe.batch_size // len(cluster.worker(options.strategy).workers)
    budget = budget_of(options) or memories.USUAL
    return memories.points_that_fit(model, batch_size, points, budget)


def budget_of(options: Options) -> float | None:
    """Bytes that a run was given; None if it was not said."""
    return None if options.memory is None else options.memory * memories.GB


def plan_memory(
    recipe: Recipe, options: Options, model: keras.Model, count: int
) -> tuple[memories.Memory, int]:
    """The memory that a training takes, and the bytes of it that its images may have.

    Images that are more go to a file.

    Raises:
        ValueError: if it takes more than it may.
    """
    from gon_tf.data.loading import MEMORY_BUDGET

    given = budget_of(options)
    batch_size = recipe.batch_size // len(cluster.worker(options.strategy).workers)
    needed = memories.estimate(model, batch_size)
    memories.check(model, batch_size, needed, given)
    room = int(min(MEMORY_BUDGET, max(0.0, (given or memories.USUAL) - needed.total)))
    images = count * math.prod(model.image_shape)
    return replace(needed, images=images if images <= room else 0), room


def check_packages(recipe: Recipe, options: Options) -> None:
    """Raise ImportError if a package is missing that a training needs."""
    needed = []
    if options.tensorboard:
        needed.append(("tensorboard", "tensorboard", "--tensorboard"))
    if options.logger:
        needed.append((options.logger, options.logger, f"--logger {options.logger}"))
    if (recipe.components or 1) > 1 and variants.prior_of(recipe) == "mixture":
        needed.append(("sklearn", "mixture", f"--components {recipe.components}"))
    for package, extra, option in needed:
        if not importlib.util.find_spec(package):
            raise ImportError(f'{option} needs more packages: pip install "gon-tf[{extra}]".')


def check_count(recipe: Recipe, count: int) -> None:
    """Raise ValueError if `count` images are too few for a recipe."""
    if count < recipe.batch_size:
        raise ValueError(
            f"There are fewer images ({count}) than a batch ({recipe.batch_size}); choose a "
            "smaller --batch-size."
        )
    # The distribution that is fitted in the end needs two latents for each of its Gaussians.
    if recipe.components and count < 2 * recipe.components:
        needs = f"at least {2 * recipe.components} images for {recipe.components} --components"
        raise ValueError(f"{recipe.variant} models need {needs}. Received: {count}")


def check_labels(recipe: Recipe, source: Source) -> None:
    """Raise ValueError if a recipe asks for labels that its images do not have, or cannot use."""
    if recipe.prior != "local-gaussians":
        raise ValueError(
            f"--labels is for --prior local-gaussians. Received: --prior {recipe.prior}"
        )
    source.check_labels()


def labels_of(source: Source, images: Images) -> list[str]:
    """The labels of images.

    Raises:
        ValueError: if there are none, an image is broken, or they are too many or too long.
    """
    from gon_tf.latents.labels import as_names

    labels = source.labels
    as_names(labels, len(labels))  # refuses now what the prior would refuse in the end
    if len(labels) != len(images):  # which one is broken is not known
        raise ValueError(
            "--labels needs pictures that can all be read; remove those that were named. "
            f"Received: {len(images)} of {len(labels)}"
        )
    return labels


def check_execution(options: Options, steps: int) -> None:
    """Raise ValueError unless an epoch of `steps` steps is made of whole executions."""
    given = options.steps_per_execution
    if steps % given == 0:
        return
    divisors = [number for number in range(1, steps + 1) if steps % number == 0]
    near = [*(n for n in divisors if n < given)][-2:] + [*(n for n in divisors if n > given)][:2]
    raise ValueError(
        f"--steps-per-execution must divide the {steps} steps of an epoch, as "
        f"{' or '.join(map(str, near))} does. Received: {given}"
    )


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
def precision(policy: str) -> Any:
    """Make layers with the dtype `policy`, and put the former one back."""
    import keras

    former = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(former)

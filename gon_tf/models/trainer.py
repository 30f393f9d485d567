"""How every model of the project is trained on images and measured: Keras' `fit` and `evaluate`."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from gon_tf import losses, metrics
from gon_tf.models import inputs


@contextlib.contextmanager
def quiet_traces() -> Iterator[None]:
    """No warnings of retracing: TensorFlow counts the traces of all Keras models as of one."""

    def is_other(record):
        return "tf.function retracing" not in record.getMessage()

    logger = tf.get_logger()
    logger.addFilter(is_other)
    try:
        yield
    finally:
        logger.removeFilter(is_other)


class ImageTrainer(keras.Model):
    """A model with a loss of its own, `batch_loss`, that learns from images of `image_shape`."""

    image_shape: tuple[int, ...]

    def __init__(self, **kwargs: Any):
        # Images and residuals stay in float32 under a mixed precision policy.
        super().__init__(autocast=False, **kwargs)
        self.loss_metric = keras.metrics.Mean(name="loss")
        self.image_metrics = [metrics.SumSquaredError(), metrics.PeakSignalToNoise()]
        # What `evaluate` reports besides: it would take too long in a training step.
        self.test_metrics: list[keras.metrics.Metric] = []
        self.chosen_metrics: list[keras.metrics.Metric] = []  # by `compile`, as is
        self.chosen_loss: losses.Own | None = None  # for training, instead of the model's
        self.invalid_values = keras.metrics.Sum(name="invalid_values")

    def train_step(self, data: Any) -> dict[str, Any]:
        """One step of the optimizer on a batch of images, or of (images, labels)."""
        with tf.GradientTape() as tape:
            loss = self.batch_loss(data, training=True)
            # Replicas add their gradients up, so each takes its share of the mean.
            share = loss / tf.distribute.get_strategy().num_replicas_in_sync
            share = self.optimizer.scale_loss(share)
        gradients = tape.gradient(share, self.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
        return self.get_metrics_result()

    def test_step(self, data: Any) -> dict[str, Any]:
        """The metrics of a batch."""
        self.batch_loss(data, training=False)
        seldom = {metric.name: metric.result() for metric in self.test_metrics}
        return {**self.get_metrics_result(), **seldom}

    def predict_step(self, data: Any) -> tf.Tensor:
        """The reconstructions of a batch."""
        images, _ = inputs.images_and_targets(data)
        valid = tf.debugging.Assert(inputs.invalid_values(images) == 0, [inputs.OUT_OF_RANGE])
        with tf.control_dependencies([valid] if valid is not None else []):
            return self(tf.identity(images), training=False)  # pyrefly: ignore[not-callable]

    @property
    def reported_metrics(self) -> list[keras.metrics.Metric]:
        """Metrics that `fit` and `evaluate` report."""
        return [self.loss_metric, *self.image_metrics, *self.chosen_metrics]

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """All metrics, which Keras resets at the start of an epoch."""
        return [*self.reported_metrics, *self.test_metrics, self.invalid_values]

    def get_metrics_result(self) -> dict[str, Any]:
        """Reported metrics by name."""
        return {metric.name: metric.result() for metric in self.reported_metrics}

    def compile(
        self,
        optimizer: Any = None,
        loss: Any = None,
        *,
        metrics: Sequence[Any] = (),
        jit_compile: bool | str = "auto",
        **kwargs: Any,
    ) -> None:
        """Configures training, as `keras.Model.compile`.

        Args:
            optimizer: a Keras optimizer or its name; by default the kind that suits the model, at
                a rate that needs no schedule (see `default_optimizer`).
            loss: what training minimises instead of the model's own loss, which goes on to say
                what latents are: a Keras loss, or a function of images and their reconstructions.
                What it gives for an image, one number or many, is summed.
            metrics: Keras metrics, or functions of images and reconstructions whose mean is
                reported; or their names.
            jit_compile: "auto" compiles with XLA on a single GPU only: on a CPU, XLA makes the
                gradients of convolutions many times slower, and it cannot add up replicas'.
            **kwargs: `steps_per_execution`, `run_eagerly`, `auto_scale_loss`.

        Raises:
            ValueError: if the loss is none that can be trained with, a metric has the name of one
                that the model has, or there are weights of losses or metrics.

        Example:
            >>> model.compile(keras.optimizers.Adam(2e-3), loss="log_cosh", metrics=["mae"])
        """
        for name in ("loss_weights", "weighted_metrics"):
            if kwargs.get(name) is not None:
                raise ValueError(f"All images weigh the same. Received: compile({name}=...)")
        if isinstance(loss, str) and loss in losses.LOSSES:
            raise ValueError(
                f"What latents explain, too, is an argument of the model: {type(self).__name__}"
                f"(..., loss={loss!r}). Received: compile(loss={loss!r})"
            )
        chosen_loss = None if loss is None else losses.own(loss)
        if chosen_loss is not None:
            chosen_loss.check(self.image_shape)
        chosen_metrics = [named_metric(metric) for metric in metrics]
        if jit_compile == "auto":
            gpus = tf.config.list_logical_devices("GPU")
            jit_compile = bool(gpus) and not tf.distribute.has_strategy()
        optimizer = self.default_optimizer() if optimizer is None else optimizer
        super().compile(optimizer=optimizer, jit_compile=jit_compile, **kwargs)
        self.chosen_loss, self.chosen_metrics = chosen_loss, []
        taken = {metric.name for metric in self.metrics}
        for metric in chosen_metrics:
            if metric.name in taken:
                raise ValueError(
                    f"The model reports something of that name already. Received: {metric.name!r}"
                )
            taken.add(metric.name)
        self.chosen_metrics = chosen_metrics

    def save(self, *args: Any, **kwargs: Any) -> None:
        """As `keras.Model.save`, which empties a file before it asks what to write."""
        self.get_config()
        self.get_compile_config()
        super().save(*args, **kwargs)

    def get_compile_config(self) -> dict[str, Any]:
        """What `compile` was called with.

        Raises:
            ValueError: if a loss or a metric is not registered with Keras.
        """
        config = super().get_compile_config()
        if config and self.chosen_loss is not None:
            config["loss"] = losses.config_of(self.chosen_loss)
        for metric in self.chosen_metrics:
            losses.check_registered("metric", getattr(metric, "_fn", metric))
        if config and self.chosen_metrics:
            config["metrics"] = keras.saving.serialize_keras_object(list(self.chosen_metrics))
        return config

    def default_optimizer(self) -> keras.optimizers.Optimizer:
        """What `compile` takes by default: Adam at 2e-3."""
        return keras.optimizers.Adam(2e-3)

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles as `get_compile_config` says; Keras calls it when it loads a model."""
        config = keras.saving.deserialize_keras_object(config)
        self.compile(**{name: value for name, value in config.items() if value is not None})
        self.optimizer.build(self.trainable_variables)

    @quiet_traces()
    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        *,
        latents_from: Any = None,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """Trains as `keras.Model.fit` does, then fits the prior (see `fit_latents`).

        Args:
            x: images, or a data set that yields batches of images or of (images, labels).
            y: ignored: a GON needs no labels.
            batch_size: images per step, if `x` is an array.
            epochs: passes over `x`.
            verbose: as in Keras.
            callbacks: as in Keras.
            latents_from: images whose latents the prior is fitted to, as in `fit_latents`; those
                of `x` by default.
            **kwargs: as in Keras.

        Returns:
            The `keras.callbacks.History`.

        Raises:
            ValueError: if the images lie outside [0, 1] or are not finite, or the loss is not.
        """
        self._check_data(x, kwargs)
        steps = kwargs.get("steps_per_epoch")
        if latents_from is None:
            self.prior.check_fit(len(x) if hasattr(x, "shape") else None)
            inputs.check_length(x, steps)
        # What brings its own order is not shuffled; Keras warns of its own default otherwise.
        finite = isinstance(x, keras.utils.PyDataset) and x.num_batches is not None
        kwargs.setdefault("shuffle", hasattr(x, "shape") or finite)
        history = super().fit(
            x, self.targets(x), batch_size, epochs, verbose, with_guard(callbacks, self), **kwargs
        )
        if latents_from is None and isinstance(x, Iterator):
            return history  # spent; its user calls `fit_latents` with other data
        try:
            if latents_from is None:
                self.fit_latents(x, steps=steps)
            else:
                self.fit_latents(latents_from)
        except ValueError as error:
            # What was learned must not be lost by what comes after it.
            warnings.warn(
                f"The model is trained, but what sample draws from is not fitted: {error}",
                stacklevel=3,
            )
        return history

    def targets(self, images: Any) -> np.ndarray | None:
        """What an array of images is trained with beside the images: nothing."""
        return None

    @quiet_traces()
    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        callbacks: Any = None,
        **kwargs: Any,
    ) -> Any:
        """The metrics of images as `keras.Model.evaluate` gives them.

        Raises:
            ValueError: if the images lie outside [0, 1] or are not finite, or the loss is not.
        """
        self._check_data(x, kwargs)
        return super().evaluate(
            x, None, batch_size, verbose, callbacks=with_guard(callbacks, self), **kwargs
        )

    @quiet_traces()
    def predict(self, x: Any, *args: Any, **kwargs: Any) -> np.ndarray:
        """Reconstructions, as `keras.Model.predict` gives them.

        Raises:
            ValueError: if the images have another shape, lie outside [0, 1] or are not finite.
            TypeError: if the images are integers other than uint8.
        """
        self._check_data(x, {})
        try:
            return super().predict(x, *args, **kwargs)
        except tf.errors.InvalidArgumentError as error:
            if inputs.OUT_OF_RANGE not in str(error):
                raise
            raise ValueError(inputs.OUT_OF_RANGE) from None

    @quiet_traces()
    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        **kwargs: Any,
    ) -> Any:
        """As `keras.Model.train_on_batch`, of images that are checked before."""
        self._check_data(x, {"sample_weight": sample_weight, "class_weight": class_weight})
        return super().train_on_batch(x, y, **kwargs)

    @quiet_traces()
    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, **kwargs: Any) -> Any:
        """As `keras.Model.test_on_batch`, of images that are checked before."""
        self._check_data(x, {"sample_weight": sample_weight})
        return super().test_on_batch(x, y, **kwargs)

    @quiet_traces()
    def predict_on_batch(self, x: Any) -> np.ndarray:
        """As `keras.Model.predict_on_batch`, of images that are checked before."""
        self._check_data(x, {})
        return super().predict_on_batch(x)

    def _check_data(self, data, options):
        for name in ("sample_weight", "class_weight"):
            if options.get(name) is not None:
                raise ValueError(f"All images weigh the same. Received: {name}")
        if isinstance(data, tf.data.Dataset):
            spec, _ = inputs.images_and_targets(data.element_spec)
            given = None if spec.shape.rank is None else tuple(spec.shape)
            if given is not None and given[1:] != self.image_shape:
                raise ValueError(
                    f"The data set must yield images of the shape {(None, *self.image_shape)}. "
                    f"Received: {given}"
                )
            if spec.dtype != tf.uint8 and not spec.dtype.is_floating:
                raise TypeError(
                    "images must be uint8 in [0, 255] or floating point in [0, 1]. "
                    f"Received: dtype {spec.dtype.name}"
                )
        elif hasattr(data, "shape"):
            if not len(inputs.checked_images(data, self.image_shape)):
                raise ValueError(f"There must be at least one image. Received: {data.shape}")
        elif isinstance(data, Mapping | list | tuple):
            raise TypeError(
                "Images are one array, or a data set of batches. "
                f"Received: a {type(data).__name__} of {len(data)}"
            )


def named_metric(metric: Any) -> keras.metrics.Metric:
    """A metric, or the mean of a function, or what Keras knows by a name."""
    found = keras.metrics.get(metric)
    if isinstance(found, keras.metrics.Metric):
        return found
    return keras.metrics.MeanMetricWrapper(found, name=found.__name__)


def with_guard(callbacks: Any, model: ImageTrainer) -> Any:
    """`callbacks` with an `InputGuard` before them."""
    if isinstance(callbacks, keras.callbacks.CallbackList):
        guard = inputs.InputGuard()
        guard.set_model(model)
        callbacks.callbacks.insert(0, guard)
        return callbacks
    if isinstance(callbacks, keras.callbacks.Callback):
        callbacks = [callbacks]
    return [inputs.InputGuard(), *(callbacks or [])]

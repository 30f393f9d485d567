"""What every model of the project does: train on images, encode, decode, sample, interpolate."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from gon_tf import arguments, latents, losses, metrics
from gon_tf.models import inputs

CHUNK = 256  # images that encode and decode hold on the device at once


class LatentModel(keras.Model):
    """A decoder that is trained on images, and the latents it needs for that.

    A subclass says by `latents_of` where the latents of an image come from. It may have another
    loss (`batch_loss`) or another distribution of latents (`sample_latents`).

    Args:
        decoder: a decoder of `gon_tf.decoders`, or any built Keras model from
            `[batch, latent_dim]` to `[batch, height, width, channels]`.
        loss: "squared_error", or "cross_entropy" (nats) for a decoder whose outputs are in [0, 1].
        latent_regularizer: factor of the squared length of the latents in the loss, >= 0.
        image_shape: (height, width, channels), for a decoder that does not say.

    Raises:
        ValueError: if an argument is out of range.
        TypeError: if `decoder` is not a Keras model.
    """

    def __init__(
        self, decoder, loss="squared_error", latent_regularizer=0.0, *, image_shape=None, **kwargs
    ):
        # Images and residuals stay in float32 under a mixed precision policy.
        super().__init__(autocast=False, **kwargs)
        # config
        self.decoder = decoder
        if image_shape is None:
            self.latent_dim, self.image_shape = decoder_shapes(decoder)
        else:
            self.latent_dim, self.image_shape = decoder.latent_dim, image_shape
        self.pixel_loss = losses.get(loss)
        self.latent_regularizer = arguments.number("latent_regularizer", latent_regularizer)
        if loss == "cross_entropy" and getattr(decoder, "output_activation", "sigmoid") is None:
            raise ValueError(
                "loss='cross_entropy' needs images in [0, 1]. Received: a decoder with "
                "output_activation=None; use output_activation='sigmoid'."
            )

        # weights: the Gaussian of the training images' latents
        self.latent_mean = self._latent_weight("latent_mean", (self.latent_dim,))
        self.latent_root = self._latent_weight("latent_root", (self.latent_dim, self.latent_dim))
        self.latents_fitted = self._latent_weight("latents_fitted", ())

        # metrics
        self.loss_metric = keras.metrics.Mean(name="loss")
        self.image_metrics = [metrics.SumSquaredError(), metrics.PeakSignalToNoise()]
        self.invalid_values = keras.metrics.Sum(name="invalid_values")

        # functions
        self._encode_batch = tf.function(self.latents_of, reduce_retracing=True)
        self._decode_batch = tf.function(self.images_of, reduce_retracing=True)

    def _latent_weight(self, name, shape):
        return self.add_weight(
            shape=shape, initializer="zeros", dtype="float32", trainable=False, name=name
        )

    def build(self, input_shape):
        """All weights exist since construction."""
        self.built = True

    def latents_of(self, images, training=None):
        """Latents of a batch of float32 images, inside a graph."""
        raise TypeError(f"{type(self).__name__} must say where latents come from: latents_of")

    def network(self, latents, training=None):
        """The decoder as the loss sees it: float32 pictures, or logits for the cross-entropy."""
        if self.pixel_loss.name == "squared_error":
            outputs = self.decoder(latents, training=training)
        elif hasattr(self.decoder, "logits"):
            outputs = self.decoder.logits(latents, training=training)
        else:
            images = ops.cast(self.decoder(latents, training=training), "float32")
            images = ops.clip(images, keras.config.epsilon(), 1.0 - keras.config.epsilon())
            outputs = ops.log(images) - ops.log1p(-images)
        return ops.cast(outputs, "float32")

    def images_of(self, latents, training=None):
        """Images of a batch of latents inside a graph."""
        return self.pixel_loss.outputs_to_images(self.network(latents, training=training))

    def call(self, images, training=None):
        """Reconstructions of a batch of images, uint8 or float in [0, 1]."""
        images = inputs.to_unit_range(images)
        return self.images_of(self.latents_of(images, training=training), training=training)

    # Training

    def batch_loss(self, images, training):
        """Loss of a batch, a scalar; updates the metrics (equation 4, per image)."""
        images = inputs.to_unit_range(images)
        found = self.latents_of(images, training=training)
        outputs = self.network(found, training=training)
        loss = ops.mean(self.pixel_loss(outputs, images))
        if self.latent_regularizer:
            loss += self.latent_regularizer * ops.mean(ops.sum(ops.square(found), axis=-1))
        if self.decoder.losses:
            loss += ops.sum(self.decoder.losses)
        self.update_metrics(images, self.pixel_loss.outputs_to_images(outputs), loss)
        return loss

    def update_metrics(self, images, reconstructions, loss):
        """Takes a batch into the metrics."""
        self.invalid_values.update_state(inputs.invalid_values(images))
        self.loss_metric.update_state(loss, sample_weight=ops.shape(images)[0])
        for metric in self.image_metrics:
            metric.update_state(images, reconstructions)

    def train_step(self, data):
        """One step of the optimizer on a batch of images, or of (images, labels)."""
        with tf.GradientTape() as tape:
            loss = self.batch_loss(inputs.only_images(data), training=True)
            # Replicas add their gradients up, so each takes its share of the mean.
            share = loss / tf.distribute.get_strategy().num_replicas_in_sync
            share = self.optimizer.scale_loss(share)
        gradients = tape.gradient(share, self.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
        return self.get_metrics_result()

    def test_step(self, data):
        """The metrics of a batch."""
        self.batch_loss(inputs.only_images(data), training=False)
        return self.get_metrics_result()

    @property
    def reported_metrics(self):
        """Metrics that `fit` and `evaluate` report."""
        return [self.loss_metric, *self.image_metrics]

    @property
    def metrics(self):
        """All metrics, which Keras resets at the start of an epoch."""
        return [*self.reported_metrics, self.invalid_values]

    def get_metrics_result(self):
        """Reported metrics by name."""
        return {metric.name: metric.result() for metric in self.reported_metrics}

    def compile(self, optimizer="adam", *, jit_compile="auto", **kwargs):
        """Configures training, as `keras.Model.compile`; the loss belongs to the model.

        Args:
            optimizer: a Keras optimizer or its name.
            jit_compile: "auto" compiles with XLA on a GPU only: on a CPU, XLA makes the gradients
                of convolutions many times slower.
            **kwargs: `steps_per_execution`, `run_eagerly`, `auto_scale_loss`.

        Raises:
            ValueError: if a loss or metrics are given.
        """
        unwanted = {"loss", "metrics", "loss_weights", "weighted_metrics"} & kwargs.keys()
        if unwanted:
            raise ValueError(
                f"{type(self).__name__} brings its own loss and metrics (constructor argument "
                f"loss=...). Received: compile({sorted(unwanted)[0]}=...)"
            )
        if jit_compile == "auto":
            jit_compile = bool(tf.config.list_logical_devices("GPU"))
        super().compile(optimizer=optimizer, jit_compile=jit_compile, **kwargs)

    def compile_from_config(self, config):
        """Compiles as `get_compile_config` says; Keras calls it when it loads a model."""
        config = keras.saving.deserialize_keras_object(config)
        self.compile(**{name: value for name, value in config.items() if value is not None})
        self.optimizer.build(self.trainable_variables)

    def fit(
        self, x=None, y=None, batch_size=None, epochs=1, verbose="auto", callbacks=None, **kwargs
    ):
        """Trains as `keras.Model.fit` does, then fits the latents' Gaussian (see `fit_latents`).

        Args:
            x: images, or a data set that yields batches of images or of (images, labels).
            y: ignored: a GON needs no labels.
            batch_size: images per step, if `x` is an array.
            epochs: passes over `x`.
            verbose: as in Keras.
            callbacks: as in Keras.
            **kwargs: as in Keras.

        Returns:
            The `keras.callbacks.History`.

        Raises:
            ValueError: if the images lie outside [0, 1] or are not finite, or the loss is not.
        """
        self._check_data(x)
        # What brings its own order is not shuffled; Keras warns of its own default otherwise.
        kwargs.setdefault("shuffle", hasattr(x, "shape") or isinstance(x, keras.utils.PyDataset))
        history = super().fit(
            x, None, batch_size, epochs, verbose, with_guard(callbacks, self), **kwargs
        )
        # A generator is spent after training; its user calls `fit_latents` with other data.
        if not isinstance(x, Iterator):
            self.fit_latents(x, steps=kwargs.get("steps_per_epoch"))
        return history

    def evaluate(self, x=None, y=None, batch_size=None, verbose="auto", callbacks=None, **kwargs):
        """The metrics of images as `keras.Model.evaluate` gives them.

        Raises:
            ValueError: if the images lie outside [0, 1] or are not finite, or the loss is not.
        """
        self._check_data(x)
        kwargs.pop("sample_weight", None)
        return super().evaluate(
            x, None, batch_size, verbose, callbacks=with_guard(callbacks, self), **kwargs
        )

    def _check_data(self, data):
        if isinstance(data, tf.data.Dataset):
            spec = inputs.only_images(data.element_spec)
            given = None if spec.shape.rank is None else tuple(spec.shape)
            if given is not None and (len(given) != 4 or given[1:] != self.image_shape):
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
            inputs.checked_images(data, self.image_shape)

    # Use

    def encode(self, images) -> np.ndarray:
        """Latents of images, `[batch, latent_dim]` float32.

        An image's latents do not depend on the other images (unless the decoder normalises over
        the batch).

        Args:
            images: `[batch, height, width, channels]`, uint8 or float in [0, 1]; any number.

        Raises:
            ValueError: if the shape or the range is another.
            TypeError: if the images are integers other than uint8.
        """
        images = inputs.checked_images(images, self.image_shape)
        return in_chunks(self.batch_encoder(), images)

    def batch_encoder(self):
        """The function that encodes a bounded number of images at a time."""
        return lambda images: self._encode_batch(inputs.to_unit_range(images))

    def decode(self, latents) -> np.ndarray:
        """Images of latents, `[batch, height, width, channels]` float32.

        Args:
            latents: `[batch, latent_dim]`, any number.

        Raises:
            ValueError: if the shape is another or a value is not finite.
        """
        return in_chunks(self._decode_batch, inputs.checked_latents(latents, self.latent_dim))

    def reconstruct(self, images) -> np.ndarray:
        """Images as the model remembers them: `decode(encode(images))`."""
        return self.decode(self.encode(images))

    def sample(self, n: int = 1, seed: int = 0) -> np.ndarray:
        """New images, `[n, height, width, channels]`.

        Image i belongs to `seed + i`: it is the same however many are asked for.

        Args:
            n: number of images, >= 1.
            seed: seed of the first image, >= 0.

        Raises:
            ValueError: if the latents' distribution is not known yet.
        """
        n, seed = arguments.integer("n", n), arguments.integer("seed", seed, minimum=0)
        return self.decode(self.sample_latents(range(seed, seed + n)))

    def sample_latents(self, seeds) -> np.ndarray:
        """One draw of latents for each seed, from the Gaussian of the training images' latents."""
        if not float(self.latents_fitted):
            raise ValueError(
                "The distribution of the latents is not known yet: call fit(images), or "
                "fit_latents(images) for a model whose weights come from elsewhere."
            )
        noise = latents.standard_normal(seeds, self.latent_dim)
        return np.asarray(self.latent_mean) + noise @ np.asarray(self.latent_root)

    def interpolate(self, a, b, steps: int = 9) -> np.ndarray:
        """Images on the way from image `a` to image `b`, `[steps, height, width, channels]`.

        Args:
            a: image `[height, width, channels]`, uint8 or float in [0, 1].
            b: the same.
            steps: number of images, >= 2; the first and last are the reconstructions of a and b.
        """
        steps = arguments.integer("steps", steps, minimum=2)
        start, end = self.encode(np.stack([np.asarray(a), np.asarray(b)]))
        return self.decode(latents.slerp(start, end, steps))

    def fit_latents(self, images, steps: int | None = None) -> None:
        """Fits the Gaussian that `sample` draws from to the latents of `images`.

        Args:
            images: an array, or a data set that yields batches of images or of (images, labels).
            steps: number of batches to take; all by default.
        """
        if hasattr(images, "shape"):
            batches = [np.asarray(images)]
        else:
            batches = (np.asarray(inputs.only_images(batch)) for batch in take(images, steps))
        mean, root = latents.fit_gaussian(map(self.encode, batches))
        self.latent_mean.assign(mean)
        self.latent_root.assign(root)
        self.latents_fitted.assign(1.0)

    # Saving

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "decoder": keras.saving.serialize_keras_object(self.decoder),
            "loss": self.pixel_loss.name,
            "latent_regularizer": self.latent_regularizer,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """The model that `get_config` describes."""
        decoder = keras.saving.deserialize_keras_object(config["decoder"], custom_objects)
        return cls(**{**config, "decoder": decoder})

    def save_to_preset(self, folder, metadata=None, *, overwrite=False) -> None:
        """Writes a folder that `gon_tf.load` reads; see `gon_tf.presets.save`."""
        from gon_tf import presets

        presets.save(self, folder, metadata, overwrite=overwrite)


def decoder_shapes(decoder) -> tuple[int, tuple[int, int, int]]:
    """(latent_dim, image_shape) of a decoder.

    Raises:
        TypeError: if it is not a Keras model.
        ValueError: if it is not built, or not from a vector to an image.
    """
    if not isinstance(decoder, keras.Model):
        raise TypeError(
            "decoder must be a Keras model from latents to images, such as gon_tf.ConvDecoder. "
            f"Received: {type(decoder).__name__}"
        )
    if hasattr(decoder, "latent_dim") and hasattr(decoder, "image_shape"):
        return decoder.latent_dim, tuple(decoder.image_shape)
    try:
        latents_shape, images_shape = decoder.input_shape, decoder.output_shape
    except AttributeError:
        raise ValueError(
            "decoder must know its shapes: give it a keras.Input. "
            f"Received: the model {decoder.name!r}, not built"
        ) from None
    if len(latents_shape) != 2 or len(images_shape) != 4 or None in images_shape[1:]:
        raise ValueError(
            "decoder must map [batch, latent_dim] to [batch, height, width, channels]. "
            f"Received: {latents_shape} to {images_shape}"
        )
    return latents_shape[1], tuple(images_shape[1:])


def with_guard(callbacks, model):
    """`callbacks` with an `InputGuard` before them."""
    if isinstance(callbacks, keras.callbacks.CallbackList):
        guard = inputs.InputGuard()
        guard.set_model(model)
        callbacks.callbacks.insert(0, guard)
        return callbacks
    if isinstance(callbacks, keras.callbacks.Callback):
        callbacks = [callbacks]
    return [inputs.InputGuard(), *(callbacks or [])]


def in_chunks(function, values: np.ndarray) -> np.ndarray:
    """`function` of `values`, a bounded number of rows at a time, as one array."""
    if len(values) == 0:  # not every operation takes an empty batch
        return in_chunks(function, np.zeros((1, *values.shape[1:]), values.dtype))[:0]
    starts = range(0, len(values), CHUNK)
    return np.concatenate([np.asarray(function(values[s : s + CHUNK])) for s in starts])


def take(batches, steps):
    """The first `steps` of `batches`, or all."""
    if isinstance(batches, keras.utils.PyDataset):
        batches = (batches[number] for number in range(batches.num_batches))
    return islice(batches, steps)

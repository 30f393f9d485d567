"""What every model of the project does: encode, decode, sample, interpolate."""

from __future__ import annotations

import random
from itertools import islice

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from gon_tf import arguments, latents, losses
from gon_tf.models import inputs
from gon_tf.models.training import ImageTrainer

CHUNK = 256  # images that encode and decode hold on the device at once


class LatentModel(ImageTrainer):
    """A decoder that is trained on images, and the latents it needs for that.

    A subclass says by `latents_of` where the latents of an image come from. It may have another
    loss (`batch_loss`) or another distribution of latents (`sample_latents`).

    Args:
        decoder: a decoder of `gon_tf.decoders`, or any built Keras model from
            `[batch, latent_dim]` to `[batch, height, width, channels]`.
        loss: "squared_error", or "cross_entropy" (nats) for a decoder whose outputs are in [0, 1].
        latent_regularizer: factor of the squared length of the latents in the loss, >= 0.
        components: Gaussians in the mixture that `sample` draws latents from, >= 1. It is fitted
            after training; more than one needs scikit-learn (`pip install "gon-tf[mixture]"`).
        image_shape: (height, width, channels), for a decoder that does not say.

    Raises:
        ValueError: if an argument is out of range.
        TypeError: if `decoder` is not a Keras model.
    """

    def __init__(
        self,
        decoder,
        loss="squared_error",
        latent_regularizer=0.0,
        components=1,
        *,
        image_shape=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
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

        # weights: the mixture of Gaussians of the training images' latents
        self.components = arguments.integer("components", components)
        self.build_mixture((self.components, self.latent_dim))

        # functions
        self._encode_batch = tf.function(self.latents_of, autograph=False, reduce_retracing=True)
        self._decode_batch = tf.function(self.images_of, autograph=False, reduce_retracing=True)
        self.built = True  # `build` itself would lock the model: subclasses have weights to add

    def build_mixture(self, shape):
        """Creates the weights of the distribution of latents, for (components, latent_dim)."""
        self.mixture_weights = self._latent_weight("mixture_weights", shape[:1])
        self.latent_mean = self._latent_weight("latent_mean", shape)
        self.latent_root = self._latent_weight("latent_root", (*shape, shape[1]))
        self.latents_fitted = self._latent_weight("latents_fitted", ())

    def _latent_weight(self, name, shape):
        return self.add_weight(
            shape=shape, initializer="zeros", dtype="float32", trainable=False, name=name
        )

    def add_seed(self, name):
        """A weight with a seed for stateless draws: (one of the global seed, a counter).

        As a weight it is saved, so that training goes on from a file as if it had not been stopped.
        """
        return self.add_weight(
            shape=(2,),
            initializer=lambda *_, **__: [random.randrange(2**31), 0],
            dtype="int32",
            trainable=False,
            aggregation="only_first_replica",
            name=name,
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

    def batch_loss(self, data, training):
        """Loss of a batch, a scalar; updates the metrics (equation 4, per image)."""
        images = inputs.to_unit_range(inputs.only_images(data))
        return self.loss_at(self.latents_of(images, training=training), images, training)

    def loss_at(self, found, images, training):
        """Loss of a batch of float32 images at their latents; updates the metrics."""
        outputs = self.network(found, training=training)
        loss = ops.mean(self.pixel_loss(outputs, images)) + self.penalty(found)
        self.update_metrics(images, self.pixel_loss.outputs_to_images(outputs), loss)
        return loss

    def penalty(self, found):
        """What the loss has beside the images' own: regularisers of latents and of layers."""
        penalty = sum(self.losses)
        if self.latent_regularizer:
            penalty += self.latent_regularizer * ops.mean(ops.sum(ops.square(found), axis=-1))
        return penalty

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
        return in_chunks(self.batch_encoder(len(images)), images)

    def batch_encoder(self, count):
        """The function that encodes `count` images, a bounded number at a time."""
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
        """One draw of latents for each seed, from the mixture fitted to those of the training."""
        if not float(self.latents_fitted):
            raise ValueError(
                "The distribution of the latents is not known yet: call fit(images), or "
                "fit_latents(images) for a model whose weights come from elsewhere."
            )
        mixture = self.mixture_weights, self.latent_mean, self.latent_root
        return latents.mixture_draws(seeds, *map(np.asarray, mixture))

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
        """Fits the mixture that `sample` draws from to the latents of `images`.

        Args:
            images: an array, or a data set that yields batches of images or of (images, labels).
            steps: number of batches to take; all by default.
        """
        if hasattr(images, "shape"):
            batches = [np.asarray(images)]
        else:
            batches = (np.asarray(inputs.only_images(batch)) for batch in take(images, steps))
        self.assign_mixture(map(self.encode, batches))

    def assign_mixture(self, batches):
        """Fits the mixture to batches of latents `[n, latent_dim]`."""
        weights, means, roots = latents.fit_mixture(batches, self.components)
        self.mixture_weights.assign(weights)
        self.latent_mean.assign(means)
        self.latent_root.assign(roots)
        self.latents_fitted.assign(1.0)

    # Saving

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "decoder": keras.saving.serialize_keras_object(self.decoder),
            "loss": self.pixel_loss.name,
            "latent_regularizer": self.latent_regularizer,
            "components": self.components,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """The model that `get_config` describes."""
        return cls(**keras.saving.deserialize_keras_object(config, custom_objects))

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


def in_chunks(function, values: np.ndarray) -> np.ndarray:
    """`function` of `values`, a bounded number of rows at a time, as one array."""
    if len(values) == 0:  # not every operation takes an empty batch
        return in_chunks(function, np.zeros((1, *values.shape[1:]), values.dtype))[:0]
    starts = range(0, len(values), CHUNK)
    return np.concatenate([np.asarray(function(values[s : s + CHUNK])) for s in starts])


def take(dataset, steps):
    """The first `steps` batches of a data set, or all."""
    if isinstance(dataset, keras.utils.PyDataset):
        return (dataset[number] for number in islice(range(dataset.num_batches), steps))
    return islice(dataset, steps)

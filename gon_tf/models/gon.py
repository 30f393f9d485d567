"""Gradient Origin Network: an autoencoder without an encoder."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from gon_tf import arguments, origin
from gon_tf.models import inputs
from gon_tf.models.base import LatentModel


@keras.saving.register_keras_serializable("gon_tf")
class GON(LatentModel):
    """Images to latents and back, with a decoder alone.

    The latents z of an image x are one step from the origin z0 (see `gon_tf.origin`) and the
    decoder F is trained through that step, to minimise the same loss at its end:

        z(x) = z0 - s * d/dz0 loss(F(z0), x),        minimise over F: loss(F(z(x)), x)

    Args:
        decoder: a `gon_tf.ConvDecoder`, or any built Keras model from `[batch, latent_dim]` to
            `[batch, height, width, channels]`.
        loss: "squared_error", or "cross_entropy" (nats) for a decoder whose outputs are in [0, 1].
            Both passes use it, summed over an image's pixels and channels.
        step: "gauss-newton" (the default: no scale to choose, no normalisation layers needed) or
            "gradient" (the paper).
        inner_steps: steps from the origin, >= 1. Only with one step does the model `fold`.
        inner_scale: with `step="gradient"`, factor of the summed inner loss. The default
            1/(64 * height * width) is the paper's scale at batch 64.
        step_size: fraction of the step that is taken, > 0.
        damping: with `step="gauss-newton"`, the damping in units of the mean curvature, > 0.
        learn_origin: whether z0 is a weight instead of zero.
        latent_regularizer: factor of the squared length of the latents in the loss, >= 0.
        detach_origin: do not train through the step (ablation: the decoder then learns from its
            output alone).
        components: Gaussians in the mixture that `sample` draws latents from, >= 1; more than one
            needs scikit-learn (`pip install "gon-tf[mixture]"`).

    Raises:
        ValueError: if an argument is out of range.
        TypeError: if `decoder` is not a Keras model.

    Example:
        >>> model = gon_tf.GON(gon_tf.ConvDecoder((32, 32, 1), latent_dim=256))
        >>> model.compile(keras.optimizers.Adam(2e-3))
        >>> model.fit(images, epochs=10)            # uint8, or float in [0, 1]
        >>> model.reconstruct(images[:8]).shape
        (8, 32, 32, 1)

    Source: Bond-Taylor & Willcocks, "Gradient Origin Networks", ICLR 2021, equations 4 and 5.
    """

    def __init__(
        self,
        decoder,
        loss="squared_error",
        step="gauss-newton",
        inner_steps=1,
        inner_scale=None,
        step_size=1.0,
        damping=0.01,
        learn_origin=False,
        latent_regularizer=0.0,
        detach_origin=False,
        components=1,
        **kwargs,
    ):
        super().__init__(decoder, loss, latent_regularizer, components, **kwargs)
        self.step = arguments.choice("step", step, ("gradient", "gauss-newton"))
        self.inner_steps = arguments.integer("inner_steps", inner_steps)
        self.inner_scale = inner_scale
        if inner_scale is not None:
            self.inner_scale = arguments.number("inner_scale", inner_scale, above=True)
        self.step_size = arguments.number("step_size", step_size, above=True)
        self.damping = arguments.number("damping", damping, above=True)
        self.learn_origin = arguments.boolean("learn_origin", learn_origin)
        self.detach_origin = arguments.boolean("detach_origin", detach_origin)

        self.origin = None
        if learn_origin:
            self.origin = self.add_weight(
                shape=(1, self.latent_dim), initializer="zeros", dtype="float32", name="origin"
            )
        self._fold = tf.function(self._kernel_and_bias, autograph=False)
        self._folded = None  # (weights, what they folded to), see `folded`

    @property
    def origin_step(self):
        """The step of `gon_tf.origin` that this model takes."""
        if self.step == "gauss-newton":
            return origin.GaussNewton(self.step_size, self.damping)
        height, width, _ = self.image_shape
        scale = self.inner_scale or 1.0 / (64 * height * width)
        return origin.Gradient(self.step_size * scale)

    @property
    def shares_origin(self) -> bool:
        """Whether an image's pass at the origin does not depend on the rest of its batch."""
        return not any(map(depends_on_batch, self.decoder._flatten_layers()))

    def start(self):
        """The origin z0, `[1, latent_dim]`."""
        return tf.zeros((1, self.latent_dim)) if self.origin is None else tf.identity(self.origin)

    def latents_of(self, images, training=None):
        """Latents of a batch of float32 images inside a graph or an outer tape (equation 5)."""
        network = self.network_with_derivatives(training)
        return self.latents_from_origin(network, images, self.pixel_loss, self.shares_origin)

    def network_with_derivatives(self, training=None, map_latents=None):
        """The network for `gon_tf.origin`, with the decoder's own ways to its derivatives, if any.

        Args:
            training: as in Keras.
            map_latents: Dense layer between the latents of the network and the decoder's.
        """

        def network(points):
            drawn = points if map_latents is None else map_latents(points)
            return self.network(drawn, training=training)

        logits = self.pixel_loss.name == "cross_entropy"

        def outputs_and_jacobian(points):
            if map_latents is None:
                return self.decoder.outputs_and_jacobian(points, logits=logits)
            return self.decoder.outputs_and_jacobian(
                map_latents(points), map_latents.kernel, logits=logits
            )

        def outputs_and_pull_back(points):
            if map_latents is None:
                return self.decoder.outputs_and_pull_back(points, logits=logits)
            outputs, pull_back = self.decoder.outputs_and_pull_back(map_latents(points), logits)
            kernel = tf.transpose(tf.convert_to_tensor(map_latents.kernel))
            return outputs, lambda cotangents: tf.matmul(pull_back(cotangents), kernel)

        if not getattr(self.decoder, "is_elementwise", False):
            return network
        return origin.WithDerivatives(network, outputs_and_jacobian, outputs_and_pull_back)

    def latents_from_origin(
        self, network, images, loss, shares_origin, step=None, linearization=None
    ):
        """This model's steps from the origin; arguments of `origin.latents_from_origin`."""
        start = self.start()
        found = origin.latents_from_origin(
            network,
            start,
            images,
            loss,
            step or self.origin_step,
            inner_steps=self.inner_steps,
            shares_origin=shares_origin,
            linearization=linearization,
        )
        return start + tf.stop_gradient(found - start) if self.detach_origin else found

    @property
    def folds(self) -> bool:
        """Whether encoding is one affine map of the image."""
        return self.shares_origin and self.inner_steps == 1

    def fold(self) -> keras.Model:
        """The encoder as a Keras model of one Dense layer: float images to latents.

        It holds a copy of the present weights, and plain operators only.

        Raises:
            ValueError: if encoding is not an affine map of the image.
        """
        if self.inner_steps > 1:
            raise ValueError(
                f"A model with one inner step folds. Received: inner_steps={self.inner_steps}; "
                "only the first step is affine in the image."
            )
        if not self.shares_origin:
            raise ValueError(
                "A decoder that treats every image by itself folds. Received: a decoder with "
                "batch normalisation, dropout or noise."
            )
        images = keras.Input(self.image_shape, name="images")
        dense = keras.layers.Dense(self.latent_dim, name="latents", dtype="float32")
        encoder = keras.Model(images, dense(keras.layers.Flatten()(images)), name="encoder")
        dense.set_weights([np.asarray(weight) for weight in self.folded()])
        return encoder

    def folded(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Kernel `[pixels, latent_dim]` and bias of `fold`, computed anew if a weight has changed.

        To compare the weights takes a fraction of a millisecond, to fold some 20.
        """
        now = [np.asarray(weight) for weight in self.weights]
        if self._folded is None or not all(map(np.array_equal, self._folded[0], now)):
            # Optimizers write to the arrays in their place.
            self._folded = tuple(map(np.copy, now)), tuple(self._fold())
        return self._folded[1]

    @property
    def encodes_plainly(self) -> bool:
        """Whether `plain_encoder` has a way to the latents without differentiation."""
        return self.shares_origin and getattr(self.decoder, "is_elementwise", False)

    def plain_encoder(self):
        """`encode` as a function of float images in a graph, for a model that `encodes_plainly`.

        It takes plain operators only, however many `inner_steps` there are: what the steps need to
        know of the origin is computed here.
        """
        network, loss = self.network_with_derivatives(), self.pixel_loss
        around = origin.linearize(network, self.start(), loss).constant()
        step = self.origin_step.fixed(around)
        return lambda images: self.latents_from_origin(network, images, loss, True, step, around)

    def _kernel_and_bias(self):
        network = self.network_with_derivatives()
        linearization = origin.linearize(network, self.start(), self.pixel_loss)
        return linearization.fold(self.origin_step)

    def batch_encoder(self, count):
        """Encoding is one matrix product where the model folds, and folding pays.

        The fold takes a tangent for each latent, a gradient step without it one cotangent for each
        image; a Gauss-Newton step needs the tangents in any case.
        """
        few = not self.origin_step.needs_jacobian and count < self.latent_dim
        if few or not self.folds:
            return super().batch_encoder(count)
        kernel, bias = self.folded()
        return lambda images: tf.matmul(origin.flatten(inputs.to_unit_range(images)), kernel) + bias

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "step": self.step,
            "inner_steps": self.inner_steps,
            "inner_scale": self.inner_scale,
            "step_size": self.step_size,
            "damping": self.damping,
            "learn_origin": self.learn_origin,
            "detach_origin": self.detach_origin,
        }


def depends_on_batch(layer) -> bool:
    """Whether a layer's output for an image depends on the other images, or on chance."""
    return isinstance(
        layer,
        keras.layers.BatchNormalization
        | keras.layers.Dropout
        | keras.layers.AlphaDropout
        | keras.layers.GaussianDropout
        | keras.layers.GaussianNoise,
    )

"""Gradient Origin Network: an autoencoder without an encoder."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from gon_tf import arguments, losses
from gon_tf.decoders.checks import check_derivatives
from gon_tf.decoders.conv import ConvDecoder
from gon_tf.decoders.derivatives import network_of
from gon_tf.decoders.protocol import sketch_of
from gon_tf.models import inputs
from gon_tf.models.base import LatentModel, Problem, graph, in_chunks
from gon_tf.models.posterior import Gaussian, Point
from gon_tf.optimizers import Muon
from gon_tf.origin import Gradient, Network, Origin, Step, flatten


@keras.saving.register_keras_serializable("gon_tf")
class GON(LatentModel):
    """Images to latents and back, with a decoder alone.

    The latents z of an image x are one step from the origin z0 (see `gon_tf.origin`) and the
    decoder F is trained through that step, to minimise the same loss at its end:

        z(x) = z0 - s * d/dz0 loss(F(z0), x),        minimise over F: loss(F(z(x)), x)

    With a decoder that makes its pictures from smaller ones, its sketches (`ResidualDecoder`), the
    step explains the image made as small by its sketch, and costs the same for pictures of any
    size.

    Args:
        decoder: a `gon_tf.ConvDecoder` or `gon_tf.ResidualDecoder`, or any built Keras model from
            `[batch, latent_dim]` to `[batch, height, width, channels]`.
        loss: "squared_error", or "cross_entropy" (nats) for a decoder whose outputs are in [0, 1].
            Both passes use it, summed over an image's pixels and channels. One of one's own needs a
            second derivative, pixel by pixel, for a Gauss-Newton step; such a model does not fold.
        step: "gauss-newton" (the default: no scale to choose, no normalisation layers needed) or
            "gradient" (the paper).
        inner_steps: steps from the origin, >= 1. Only with one step does the model `fold`. A model
            must be used with as many steps as it was trained with.
        inner_scale: with `step="gradient"`, factor of the summed inner loss. The default
            1/(64 * height * width) is the paper's scale at batch 64.
        step_size: fraction of the step that is taken, > 0.
        damping: with `step="gauss-newton"`, the damping in units of the mean curvature, > 0.
        learn_origin: whether z0 is a weight instead of zero.
        latent_regularizer: factor of the squared length of the latents in the loss, >= 0.
        detach_origin: do not train through the step (ablation: the decoder then learns from its
            output alone).
        components: number of Gaussians in the prior, see `LatentModel`.
        chord: with several Gauss-Newton steps, whether those after the first keep the origin's
            Jacobian (chord method) instead of taking each image's own. By default they do unless
            the decoder's Jacobian is cheap, as that of an `ImplicitDecoder` is.
        **kwargs: `prior` and `rank`, see `LatentModel`.

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
        decoder: keras.Model,
        loss: str | Callable = "squared_error",
        step: str = "gauss-newton",
        inner_steps: int = 1,
        inner_scale: float | None = None,
        step_size: float = 1.0,
        damping: float = 0.01,
        learn_origin: bool = False,
        latent_regularizer: float = 0.0,
        detach_origin: bool = False,
        components: int | None = None,
        chord: bool | None = None,
        **kwargs: Any,
    ):
        super().__init__(decoder, loss, latent_regularizer, components, **kwargs)
        self.step = arguments.choice("step", step, ("gradient", "gauss-newton"))
        self._inner_steps = arguments.integer("inner_steps", inner_steps)
        self.inner_scale = inner_scale
        if inner_scale is not None:
            self.inner_scale = arguments.number("inner_scale", inner_scale, above=True)
        self.step_size = arguments.number("step_size", step_size, above=True)
        self.damping = arguments.number("damping", damping, above=True)
        self.learn_origin = arguments.boolean("learn_origin", learn_origin)
        self.detach_origin = arguments.boolean("detach_origin", detach_origin)
        if isinstance(self.pixel_loss, losses.Own) and self.step == "gauss-newton":
            needs = "step='gauss-newton' (not step='gradient', nor compile(loss=...))"
            self.pixel_loss.check(self.image_shape, pointwise=needs, curved=True)
        self.chord = None if chord is None else arguments.boolean("chord", chord)

        generic = network_of.dispatch(type(decoder)) is network_of.dispatch(keras.Model)
        if generic and "image_shape" not in kwargs:
            check_derivatives(decoder, self.latent_dim)

        # Each value of a sketch stands for `reduction`² of the image.
        self.reduction = 1
        if (sketch := sketch_of(decoder)) is not decoder:
            self.reduction = self.image_shape[0] // sketch.image_shape[0]
        self.inner_loss = self.pixel_loss
        if self.reduction > 1:
            self.inner_loss = losses.Weighted(self.pixel_loss, float(self.reduction**2))

        self.origin = None
        if learn_origin:
            self.origin = self.add_weight(
                shape=(1, self.latent_dim), initializer="zeros", dtype="float32", name="origin"
            )
        self._fold = graph(self.fold_origin)
        self._folded = None  # (weights, what they folded to), see `folded`

    @property
    def inner_steps(self) -> int:
        """Steps from the origin. A decoder learns to be used with one number of them."""
        return self._inner_steps

    @inner_steps.setter
    def inner_steps(self, steps):
        if arguments.integer("inner_steps", steps) != self._inner_steps:
            warnings.warn(
                f"This model's decoder is made for inner_steps={self._inner_steps}: with "
                f"{steps} it reconstructs worse unless it is trained again.",
                stacklevel=2,
            )
        self._inner_steps = steps

    def default_optimizer(self) -> keras.optimizers.Optimizer:
        """What `compile` takes by default: Muon at 5e-3, or Adam for a published network.

        A decoder with normalisation layers, or trained by the gradient step, takes Adam at 2e-3; a
        `ConvDecoder` without, at 8e-3.
        """
        if isinstance(self.decoder, ConvDecoder):
            normalized = self.decoder.normalization is not None
            slow = normalized or self.step == "gradient" or max(self.image_shape) > 64
            return keras.optimizers.Adam(2e-3 if slow else 8e-3, beta_1=0.95)
        return keras.optimizers.Adam(2e-3) if self.step == "gradient" else Muon(5e-3)

    @property
    def origin_step(self) -> Step:
        """The step of `gon_tf.origin` that this model takes."""
        if self.step == "gauss-newton":
            return Step(self.step_size, self.damping)
        height, width, _ = self.image_shape
        scale = self.inner_scale or 1.0 / (64 * height * width)
        return Step(self.step_size * scale)

    @property
    def shares_origin(self) -> bool:
        """Whether an image's pass at the origin does not depend on the rest of its batch."""
        return not depends_on_batch(self.decoder)

    def start(self, images: tf.Tensor | None = None) -> tf.Tensor:
        """The origin z0, `[1, latent_dim]`, or one for each of the images."""
        z0 = tf.zeros((1, self.latent_dim)) if self.origin is None else tf.identity(self.origin)
        return z0 if images is None else tf.repeat(z0, tf.shape(images)[0], axis=0)

    def origin_of(self, problem: Problem, network: Network, *, shared: bool) -> Origin:
        """The origin of a batch of images, the same for all of them if it is shared."""
        start, count = self.start(None if shared else problem.images), problem.images.shape[0]
        return Origin.at(network, start, problem.loss, self.origin_step, self.penalty, images=count)

    def inner_network(self, training: bool | None = None) -> Network:
        """What the step from the origin goes through: the decoder, or its sketch."""
        logits = self.pixel_loss.name == "cross_entropy"
        return network_of(sketch_of(self.decoder), logits, training)

    def inner_images(self, images: tf.Tensor) -> tf.Tensor:
        """What the step from the origin sees of float images: as much as the sketch shows."""
        if self.reduction == 1:
            return images
        return ops.average_pool(images, self.reduction, data_format="channels_last")

    def inner_problem(self, problem: Problem) -> Problem:
        """What the step from the origin is to explain: as much of it as the sketch shows."""
        if self.reduction == 1:
            return problem
        return dataclasses.replace(
            problem,
            network=self.inner_network(problem.training),
            images=self.inner_images(problem.images),
            loss=self.inner_loss,
        )

    def linearized(self, network: Network, loss: Any) -> Origin:
        """The origin that any images share, with its Jacobian."""
        start = self.start()
        jacobian = network.jacobian(start)
        return Origin.of_jacobian(start, *jacobian, loss, self.origin_step, self.penalty)

    @property
    def penalty(self) -> Gradient | None:
        """The gradient of what the inner loss adds to that of the pixels; None without such."""
        return None

    def posterior(self, problem: Problem) -> Point | Gaussian:
        """The latents of a batch of images (equation 5), inside a graph or an outer tape."""
        problem = self.inner_problem(problem)
        origin = self.origin_of(problem, problem.network, shared=self.shares_origin)
        return Point(self.latents_from(origin, problem.network, problem.images))

    def latents_from(self, origin: Origin, network: Network, images: tf.Tensor) -> tf.Tensor:
        """This model's steps from an origin, `[batch, latent_dim]`."""
        latents = origin.latents(images)
        chord = self.chord
        if chord is None:
            chord = self.step == "gradient" or not network.jacobian_is_cheap
        for _ in range(self.inner_steps - 1):
            latents = origin.moved(network, latents, chord=chord).latents(images)
        if self.detach_origin:
            latents = self.start() + tf.stop_gradient(latents - self.start())
        return latents

    @property
    def folds(self) -> bool:
        """Whether encoding is one affine map of the image."""
        return self.shares_origin and self.inner_steps == 1 and self.pixel_loss.slope is not None

    def fold(self) -> keras.Model:
        """The encoder as a Keras model: float images to latents by one Dense layer.

        Before it, area averages make the image as small as the decoder's sketch, if it has one. It
        holds a copy of the present weights, and plain operators only.

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
        if self.pixel_loss.slope is None:
            raise ValueError(
                "A model folds whose loss has a derivative that is affine in the image, as "
                "'squared_error' and 'cross_entropy' have. Received: a loss of one's own, "
                f"{self.pixel_loss.name}"
            )
        images = keras.Input(self.image_shape, name="images")
        dense = keras.layers.Dense(self.latent_dim, name="latents", dtype="float32")
        seen = images
        if self.reduction > 1:
            shrink = keras.layers.AveragePooling2D
            seen = shrink(self.reduction, data_format="channels_last", dtype="float32")(images)
        latents = dense(keras.layers.Flatten(data_format="channels_last", dtype="float32")(seen))
        encoder = keras.Model(images, latents, name="encoder")
        dense.set_weights([np.asarray(weight) for weight in self.folded()])
        return encoder

    def folded(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Kernel `[values, latent_dim]` and bias of `fold`, computed anew if a weight has changed.

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
        plain = self.inner_network().is_plain and not isinstance(self.pixel_loss, losses.Own)
        return self.shares_origin and plain

    def plain_encoder(self) -> Callable:
        """`encode` as a function of float images in a graph, for a model that `encodes_plainly`.

        It takes plain operators only, however many `inner_steps` there are: what the steps need to
        know of the origin is computed here.
        """
        network = self.inner_network()
        origin = self.linearized(network, self.inner_loss).constant()
        return lambda images: self.latents_from(origin, network, self.inner_images(images))

    def fold_origin(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Kernel `[values, latent_dim]` and bias of the affine map to latents.

        It is a map of what the step sees of an image, see `inner_images`.
        """
        return self.linearized(self.inner_network(), self.inner_loss).fold()

    def batch_encoder(self, count: int) -> Callable[[np.ndarray], Any]:
        """Encoding is one matrix product where the model folds, and folding pays.

        The fold takes a tangent for each latent, a gradient step without it one cotangent for each
        image; a Gauss-Newton step needs the tangents in any case.
        """
        few = self.step == "gradient" and count < self.latent_dim
        if few or not self.folds:
            return super().batch_encoder(count)
        kernel, bias = self.folded()

        def encode(images):
            seen = self.inner_images(inputs.to_unit_range(images))
            return tf.matmul(flatten(seen), kernel) + bias

        return lambda images: in_chunks(encode, images)

    def get_config(self) -> dict[str, Any]:
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
            "chord": self.chord,
        }


def depends_on_batch(decoder: keras.Model) -> bool:
    """Whether the picture of some latents depends on the others of the batch, or on chance."""
    mixing = (
        keras.layers.BatchNormalization,
        keras.layers.Dropout,
        keras.layers.AlphaDropout,
        keras.layers.GaussianDropout,
        keras.layers.GaussianNoise,
    )
    return any(isinstance(layer, mixing) for layer in decoder._flatten_layers())

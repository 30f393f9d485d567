"""A callback for variational models."""

from __future__ import annotations

import keras

from gon_tf import arguments


class KLWarmup(keras.callbacks.Callback):
    """Raises the weight of the KL divergence from a small value to the model's own, linearly.

    At the start of training reconstructions carry little information, and the cheapest way to a
    low loss is to ignore the latents. Without the divergence they are used first:

        kl_weight(t) = kl_weight * min(1, start + (1 - start) * t / duration)

    The time t is the number of the epoch, or of the optimizer's step, since training began, so a
    training that is resumed (`initial_epoch`, or a model loaded with its optimizer) goes on where
    it was. When training ends the weight is the model's own again.

    Args:
        epochs: duration in epochs, >= 1; the weight changes at the start of each.
        steps: duration in steps of the optimizer, >= 1; the weight changes at each (or at each
            execution, with `steps_per_execution`). Give either `epochs` or `steps`.
        start: fraction of the model's weight at the first step, in [0, 1].

    Raises:
        ValueError: if an argument is out of range, or both or neither of `epochs` and `steps` are
            given.
        TypeError: if the model that is trained has no such weight.

    Example:
        >>> model = gon_tf.VariationalGON(gon_tf.ConvDecoder((32, 32, 1), latent_dim=256))
        >>> model.compile(keras.optimizers.Adam(4e-3))
        >>> model.fit(images, epochs=10, callbacks=[gon_tf.callbacks.KLWarmup(epochs=3)])

    Source: Sønderby et al., "Ladder Variational Autoencoders", NeurIPS 2016, section 2.3.
    """

    def __init__(self, epochs: int | None = None, steps: int | None = None, start: float = 0.0):
        super().__init__()
        if (epochs is None) == (steps is None):
            raise ValueError(
                "KLWarmup needs either epochs or steps. "
                f"Received: epochs={epochs!r}, steps={steps!r}"
            )
        self.epochs = None if epochs is None else arguments.integer("epochs", epochs)
        self.steps = None if steps is None else arguments.integer("steps", steps)
        self.start = arguments.number("start", start)
        if self.start > 1.0:
            raise ValueError(f"start must be a number in [0, 1]. Received: start={start!r}")

    def set_model(self, model: keras.Model) -> None:
        """Takes the model that is to be trained."""
        if not hasattr(model, "initial_kl_weight"):
            raise TypeError(
                "KLWarmup needs a model with a kl_weight, such as gon_tf.VariationalGON. "
                f"Received: {type(model).__name__}"
            )
        super().set_model(model)

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Sets the weight of this epoch."""
        if self.epochs is not None:
            self._set(epoch / self.epochs)
        self._rises = True

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Sets the weight of this step."""
        if self.steps is not None and self._rises:
            taken = int(keras.ops.convert_to_numpy(self.model.optimizer.iterations))
            self._set(taken / self.steps)
            self._rises = taken < self.steps  # reading the number waits for the device

    def on_train_end(self, logs: dict | None = None) -> None:
        """Sets the model's own weight."""
        self._set(1.0)

    def _set(self, progress):
        fraction = min(1.0, self.start + (1.0 - self.start) * progress)
        self.model.kl_weight.assign(fraction * self.model.initial_kl_weight)

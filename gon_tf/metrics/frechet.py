"""How far generated images are from real ones, as a distribution: the Frechet distance."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from gon_tf.metrics import features


class Moments:
    """Mean and covariance of features that come in batches, in float64.

    Args:
        metric: whose variables hold them.
        name: of what the features are of.
        width: number of features.
    """

    def __init__(self, metric: keras.metrics.Metric, name: str, width: int):
        def zeros(part, *shape):
            return metric.add_variable(shape, "zeros", dtype="float64", name=f"{name}_{part}")

        self.count, self.mean = zeros("count"), zeros("mean", width)
        self.scatter = zeros("scatter", width, width)  # sum of the deviations' products

    def add(self, batch: keras.KerasTensor) -> None:
        """Takes in features `[batch, width]`; about their mean, so that a large one costs nothing.

        Source: Chan, Golub & LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing
        Sample Variances", 1979.
        """
        batch = ops.cast(batch, "float64")
        count = ops.cast(ops.shape(batch)[0], "float64")
        mean = ops.mean(batch, axis=0)
        deviations, step = batch - mean, mean - self.mean
        total = self.count + count
        scatter = ops.matmul(ops.transpose(deviations), deviations)
        scatter += ops.outer(step, step) * (self.count * count / total)
        self.scatter.assign_add(scatter)
        self.mean.assign_add(step * (count / total))
        self.count.assign(total)

    def reset(self) -> None:
        """Forgets all of them."""
        for variable in (self.count, self.mean, self.scatter):
            variable.assign(ops.zeros_like(variable))

    @property
    def covariance(self) -> keras.KerasTensor:
        """`[width, width]`, of at least two features."""
        return self.scatter / ops.maximum(self.count - 1.0, 1.0)


@keras.saving.register_keras_serializable("gon_tf")
class FrechetDistance(keras.metrics.Metric):
    """Frechet distance between the features of real and of generated images.

    A Gaussian is fitted to the features of each, and the distance is

        |m1 - m2|^2 + trace(C1 + C2 - 2 (C1^1/2 C2 C1^1/2)^1/2)

    Images may come in batches of any size, real and generated ones together or apart and in
    different numbers; what is kept are float64 means and covariances, whatever their number. A
    distance depends on the extractor and, somewhat, on the number of images: compare distances of
    one extractor, and look at that of real images to other real ones, the floor.

    Args:
        extractor: a Keras model or layer from images, float32 `[batch, height, width, channels]` in
            [0, 1], to features `[batch, width]`. None for `gon_tf.metrics.features.Features`, which
            comes with the package and takes images of any size and number of channels.
        name: of the metric.
        dtype: of the result.

    Raises:
        ValueError: in `update_state`, if images are not in [0, 1] or the features no finite
            `[batch, width]`; in `result`, if there are fewer than two images of one kind.

    Example:
        >>> metric = FrechetDistance()
        >>> metric.update_state(images, model.sample(16))
        >>> distance = float(metric.result())
        >>> metric.reset_generated()  # the real images are kept
        >>> metric.update_state(None, model.sample(100))

    Source: Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash
    Equilibrium", NeurIPS 2017.
    """

    def __init__(
        self,
        extractor: keras.Model | keras.Layer | None = None,
        name: str = "frechet_distance",
        dtype: Any = None,
    ):
        super().__init__(name=name, dtype=dtype)
        self.extractor = extractor
        self._extract = features.extractor() if extractor is None else extractor
        self.real: Moments | None = None
        self.generated: Moments | None = None

    def update_state(self, real: Any = None, generated: Any = None) -> None:
        """Takes in images.

        Args:
            real: uint8, or float in [0, 1], `[batch, height, width, channels]`; None for none.
            generated: the same; the number and size may differ from those of the real ones.
        """
        for name, images in (("real", real), ("generated", generated)):
            if images is not None and len(images):
                found = self._features(images)
                if self.real is None:
                    self.real, self.generated = (
                        Moments(self, which, found.shape[1]) for which in ("real", "generated")
                    )
                getattr(self, name).add(found)

    def _features(self, images: Any) -> keras.KerasTensor:
        images = features.to_unit_range(images)
        found = self._extract(images, training=False)
        if len(found.shape) != 2:
            raise ValueError(
                "The extractor must give features [batch, width]. "
                f"Received: the shape {tuple(found.shape)}"
            )
        if not bool(ops.all(ops.isfinite(found))):
            raise ValueError("The extractor must give finite features. Received: NaN or infinity")
        return found

    def result(self) -> keras.KerasTensor:
        """The distance, >= 0."""
        counts = [int(part.count) if part else 0 for part in (self.real, self.generated)]
        if self.real is None or self.generated is None or min(counts) < 2:
            raise ValueError(
                "A Frechet distance needs at least two real and two generated images. "
                f"Received: {counts[0]} real, {counts[1]} generated"
            )
        covariance, other = self.real.covariance, self.generated.covariance
        variances, axes = ops.linalg.eigh(covariance)
        root = ops.matmul(axes * ops.sqrt(ops.maximum(variances, 0.0)), ops.transpose(axes))
        products, _ = ops.linalg.eigh(ops.matmul(ops.matmul(root, other), root))
        cross = ops.sum(ops.sqrt(ops.maximum(products, 0.0)))
        apart = ops.sum(ops.square(self.real.mean - self.generated.mean))
        total = apart + ops.trace(covariance) + ops.trace(other) - 2.0 * cross
        return ops.cast(ops.maximum(total, 0.0), self.dtype)

    def reset_state(self) -> None:
        """Forgets all images."""
        for part in (self.real, self.generated):
            if part:
                part.reset()

    def reset_generated(self) -> None:
        """Forgets the generated images only: for the next model."""
        if self.generated:
            self.generated.reset()

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        extractor = self.extractor and keras.saving.serialize_keras_object(self.extractor)
        return {"extractor": extractor, "name": self.name, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> FrechetDistance:
        """The metric that `get_config` describes; an extractor comes without its weights."""
        extractor = config["extractor"]
        if isinstance(extractor, dict):
            extractor = keras.saving.deserialize_keras_object(extractor)
        return cls(**{**config, "extractor": extractor})

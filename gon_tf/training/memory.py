"""How much memory a training will take, before it begins, and what fits into less.

What a step holds at its peak is what the way back needs of the way there: the values that some
operation's gradient is made of. A trace of the loss, which runs nothing, has them all with their
shapes, whatever model it is. Measured peaks are within a fifth of that (docs/scaling.md).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

GB = 2**30  # as memory is counted
STARTED = 0.81 * GB  # Python, TensorFlow, Keras, and a graph
SPARE = 1.1  # values that the way back makes, for each that it needs
COPIES = 8  # of the weights: themselves, gradients, two moments, averages, the best of all these
FEWEST_POINTS = 16  # of an implicit model, which a step must see at least
# Operations that give on the buffer of what they take, and those whose gradient needs none of it.
SAME = frozenset({"ExpandDims", "Identity", "ReadVariableOp", "Reshape", "Squeeze", "StopGradient"})
LINEAR = frozenset(
    {
        *("Add", "AddN", "AddV2", "AssignAddVariableOp", "BiasAdd", "BroadcastTo", "Cast"),
        *("ConcatV2", "GatherV2", "Mean", "Neg", "Pack", "Pad", "Rank", "ResizeBilinear", "Shape"),
        *("Size", "Slice", "Split", "StridedSlice", "Sub", "Sum", "Tile", "Transpose", "Unpack"),
        "ZerosLike",
    }
)
PRODUCTS = frozenset({"DivNoNan", "Mul", "RealDiv"})  # linear, if one side is a constant
# Operations whose gradient is made of what they give.
KEPT = frozenset({"Cholesky", "Elu", "Exp", "Rsqrt", "Sigmoid", "Softplus", "Sqrt", "Tanh"})
KEPT |= {"MatrixTriangularSolve"}


@dataclass(frozen=True)
class Memory:
    """Bytes that a training takes, by what they are for."""

    weights: int
    step: int
    images: int

    @property
    def total(self) -> float:
        """All of it, TensorFlow included."""
        return STARTED + self.weights + self.step + self.images

    def to_json(self) -> dict[str, float]:
        """In GB, to two digits after the point."""
        parts = {"total": self.total, **vars(self)}
        return {name: round(size / GB, 2) for name, size in parts.items()}


def estimate(model: keras.Model, batch_size: int, images: int = 0) -> Memory:
    """The memory that training takes.

    Args:
        model: a model of this project.
        batch_size: images in a step.
        images: images of the data set that are kept in memory.
    """
    weights = COPIES * sum(4 * math.prod(weight.shape) for weight in model.trainable_weights)
    step = round(SPARE * saved_bytes(model, batch_size))
    return Memory(weights, step, images * math.prod(model.image_shape))


def saved_bytes(model: keras.Model, batch_size: int) -> int:
    """Bytes that the gradients of a step need of its way there."""
    import tensorflow as tf

    batch = tf.TensorSpec((batch_size, *model.image_shape), tf.uint8)
    loss = tf.function(lambda images: model.batch_loss(images, training=True), autograph=False)
    saved: dict[Any, Any] = {}
    for operation in loss.get_concrete_function(batch).graph.get_operations():
        taken = list(map(origin, operation.inputs))
        if operation.type in SAME | LINEAR:
            taken = []
        if operation.type in PRODUCTS and any(each.op.type == "Const" for each in taken):
            taken = []
        given = operation.outputs if operation.type in KEPT else ()
        saved.update({tensor.ref(): tensor for tensor in (*taken, *given)})
    return sum(map(size_of, saved.values()))


def origin(tensor: Any) -> Any:
    """The tensor whose buffer another has."""
    while tensor.op.type in SAME and tensor.op.inputs[0].dtype == tensor.dtype:
        tensor = tensor.op.inputs[0]
    return tensor


def size_of(tensor: Any) -> int:
    """Bytes of a tensor of a trace; 0 of what is none of a step's values."""
    if tensor.op.type in ("Placeholder", "Const") or not tensor.dtype.size:
        return 0
    return (tensor.shape.num_elements() or 0) * tensor.dtype.size


def points_that_fit(model: keras.Model, batch_size: int, points: int, budget: float) -> int:
    """How many of an implicit model's points per step fit into a budget of bytes."""
    needed = estimate(model, batch_size)
    if needed.total <= budget:
        return points
    part = max(0.0, budget - STARTED - needed.weights) / needed.step
    return max(FEWEST_POINTS, int(part * points) // FEWEST_POINTS * FEWEST_POINTS)


def check(model: keras.Model, batch_size: int, needed: Memory, budget: float) -> None:
    """Raise ValueError if a training needs more than a budget of bytes, and say what would fit."""
    if needed.total <= budget:
        return
    advice = f"give --memory {math.ceil(10 * needed.total / GB) / 10:g}"
    if batch_size > 1:
        half = estimate(model, batch_size // 2)
        image = (needed.step - half.step) / (batch_size - batch_size // 2)
        room = budget - STARTED - needed.weights - (needed.step - batch_size * image)
        if image > 0 and room >= image:
            advice += f", or --batch-size {math.floor(room / image)}"
    raise ValueError(
        f"The training would need about {needed.total / GB:.1f} GB of memory, more than the "
        f"{budget / GB:g} GB of --memory: {advice}, or a smaller --image-size or --latent-dim."
    )

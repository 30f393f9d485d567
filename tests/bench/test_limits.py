"""The counted arithmetic against what TensorFlow counts in the graphs of the same computations."""

import math

import pytest
import tensorflow as tf

from gon_tf import decoders
from gon_tf.bench import limits
from gon_tf.bench.cases import CASES, Case


def counted(function, *arguments):
    """Floating-point operations of the matrix products and convolutions in a function's graph."""
    graph = tf.function(function, autograph=False).get_concrete_function(*arguments).graph
    total = 0
    for operation in graph.get_operations():
        if operation.type == "MatMul":
            (rows, columns), (_, outputs) = (tensor.shape for tensor in operation.inputs)
            total += 2 * rows * columns * outputs
    return total


def test_conv_layers_by_hand():
    first, others = limits.conv_layers(Case("conv", latent_dim=3, side=8, width=5))
    assert first == 2 * 3 * 16 * 5
    # One side of 4 pixels becomes 8: of 4 * 4 pairs of a pixel and a tap two leave the picture.
    assert others == 2 * 14**2 * 5


def test_conv_taps_are_those_of_the_layer():
    layer = tf.keras.layers.Conv2DTranspose(1, 4, strides=2, padding="same", use_bias=False)
    layer.build((None, 4, 4, 1))
    layer.kernel.assign(tf.ones((4, 4, 1, 1)))
    assert float(tf.reduce_sum(layer(tf.ones((1, 4, 4, 1))))) == 14**2


def test_implicit_pass_is_what_the_graph_has():
    case = Case("implicit", latent_dim=2, side=4, width=8, depth=3)
    decoder = decoders.ImplicitDecoder(1, case.latent_dim, width=case.width, depth=case.depth)
    layers = [*decoder.hidden[1:], decoder.last]

    def without_first_layer(hidden):
        for layer in layers:
            hidden = layer(hidden)
        return hidden

    batch = 5
    found = counted(without_first_layer, tf.zeros((batch * 16, 8)))
    work = limits.implicit_work(case, "gradient", batch)
    more = limits.implicit_work(case, "gradient", batch + 1)
    each = 2 * 2 * case.latent_dim * 16  # J^T g and back
    assert more.operations - work.operations == pytest.approx(3 * found / batch + each)
    assert more.sines - work.sines == 2 * 16 * 8 * 3


def test_published_sizes():
    first, others = limits.conv_layers(CASES["conv-256"])
    assert first == 2 * 256 * 64 * 16
    assert others == 2 * (14**2 * 64 * 32 + 30**2 * 32 * 16 + 62**2 * 16)
    work = limits.training_work(CASES["implicit"], "gradient", 64)
    assert work.operations == pytest.approx(3 * 64 * 2 * 784 * (3 * 256**2 + 256), rel=0.05)
    assert limits.training_work(CASES["implicit"], "nested", 64) is None
    assert limits.training_work(CASES["variational"], "gradient", 64) is None


def test_the_limit_is_the_sum_of_products_and_sines():
    product, sine = 0.01, 0.002
    elements = limits.POINTS * limits.UNITS
    work = limits.Work(operations=2 * elements * limits.UNITS, sines=2 * elements)
    assert math.isclose(work.seconds(product, sine), product + sine)

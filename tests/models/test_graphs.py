"""The graphs of a training step and of encoding, as a GPU would be given them: none is at hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework import config, kernels

import gon_tf

SHAPE = (8, 8, 1)
FROM_PYTHON = {"PyFunc", "PyFuncStateless", "EagerPyFunc"}
TO_THE_HOST = {"Print", "PrintV2", "_Send", "_Recv", "_HostSend", "_HostRecv", "StringFormat"}


def conv(**arguments):
    return gon_tf.GON(gon_tf.ConvDecoder(SHAPE, 4, filters=2), **arguments)


def implicit(**arguments):
    decoder = gon_tf.ImplicitDecoder(1, 4, width=8, depth=2)
    return gon_tf.ImplicitGON(decoder, SHAPE, **arguments)


MODELS = {
    "conv": conv,
    "conv, gradient": lambda: conv(step="gradient"),
    "implicit": implicit,
    "implicit, some points": lambda: implicit(points_per_step=20),
    "variational": lambda: gon_tf.VariationalGON(gon_tf.ConvDecoder(SHAPE, 4, filters=2)),
}


@pytest.fixture
def gpu(monkeypatch):
    """Let the models believe that there is a GPU. Graphs that are built then cannot be run."""
    devices = tf.config.list_logical_devices

    def with_gpu(kind=None):
        return ["GPU:0"] if kind == "GPU" else devices(kind)

    monkeypatch.setattr(tf.config, "list_logical_devices", with_gpu)
    # Keras does without XLA where operations must be deterministic, as in these tests.
    monkeypatch.setattr(config, "is_op_determinism_enabled", lambda: False)


def operations(function, *arguments):
    """All operations of a function's graph and of the functions that it calls."""
    concrete = tf.function(function, autograph=False).get_concrete_function(*arguments)
    definition = concrete.graph.as_graph_def()
    inner = (node for called in definition.library.function for node in called.node_def)
    return [*definition.node, *inner]


@pytest.mark.parametrize("build", MODELS.values(), ids=MODELS)
def test_step_and_encoding_stay_on_the_gpu(build, gpu):
    model = build()
    model.compile(keras.optimizers.Adam(1e-3))
    model.optimizer.build(model.trainable_variables)
    step = operations(model.train_step, tf.TensorSpec((5, *SHAPE), tf.uint8))
    encoding = operations(model.latents_of, tf.TensorSpec((None, *SHAPE), tf.float32))
    assert model.jit_compile
    assert not [node.name for node in step if node.attr["_XlaMustCompile"].b]
    for graph in (step, encoding):
        assert len(graph) > 20
        assert not {node.op for node in graph} & (FROM_PYTHON | TO_THE_HOST)
        assert not [node.name for node in graph if "CPU" in node.device.upper()]
        if tf.test.is_built_with_cuda():  # else there are no kernels to look for
            assert not [node.name for node in graph if not runs_on_gpu(node.op)]


def runs_on_gpu(name):
    """Whether an operation has a kernel for GPUs, or none at all since it only calls others."""
    registered = kernels.get_registered_kernels_for_op(name).kernel
    devices = {kernel.device_type for kernel in registered}
    return not devices or bool(devices & {"GPU", "DEFAULT"})


def test_these_checks_can_fail():
    def step(images):
        doubled = tf.numpy_function(lambda x: 2 * x, [images], tf.float32)
        with tf.device("/cpu:0"):
            return tf.sin(doubled)

    graph = operations(step, tf.TensorSpec((5,), tf.float32))
    assert {node.op for node in graph} & FROM_PYTHON
    assert [node.name for node in graph if "CPU" in node.device.upper()]
    assert not runs_on_gpu("DecodePng")


def test_xla_is_for_gpus(request):
    model = conv()
    model.compile("adam")
    assert not model.jit_compile
    request.getfixturevalue("gpu")
    model.compile("adam")
    assert model.jit_compile
    model.compile("adam", jit_compile=False)
    assert not model.jit_compile


@pytest.mark.parametrize("name", ["conv", "conv, gradient", "implicit", "variational"])
def test_bfloat16_has_the_loss_and_the_gradient_of_float32(name, images):
    def loss_and_gradient(policy, weights=None):
        keras.config.set_dtype_policy(policy)
        try:
            model = MODELS[name]()
        finally:
            keras.config.set_dtype_policy("float32")
        model.set_weights(weights or model.get_weights())
        keras.utils.set_random_seed(0)
        with tf.GradientTape() as tape:
            loss = model.batch_loss(images, training=True)
        gradients = tape.gradient(loss, model.trainable_weights)
        flat = np.concatenate([np.ravel(gradient) for gradient in gradients])
        return float(loss), flat, model.get_weights()

    full, gradient, weights = loss_and_gradient("float32")
    mixed, rounded, _ = loss_and_gradient("mixed_bfloat16", weights)
    assert mixed == pytest.approx(full, rel=0.01)
    cosine = gradient @ rounded / np.linalg.norm(gradient) / np.linalg.norm(rounded)
    assert cosine > 0.99

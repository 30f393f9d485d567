"""Training on several devices of one machine, or on several machines.

One machine's devices take part in Keras' own `fit` under `tf.distribute.MirroredStrategy`. Several
machines take the loop of this module: Keras 3's `fit` does not run under
`tf.distribute.MultiWorkerMirroredStrategy`. The step is the model's own in both.

    >>> with gon_tf.distribute.create("mirrored").scope():
    ...     model = gon_tf.GON(gon_tf.ConvDecoder((32, 32, 1), latent_dim=256))
"""

from __future__ import annotations

import contextlib
import faulthandler
import hashlib
import json
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from gon_tf import signals
from gon_tf.training import cluster
from gon_tf.training.recipe import STRATEGIES


def create(strategy: str, patience: float = 60.0) -> Any:
    """The `tf.distribute.Strategy` of that name. Make at most one in a process, before all else.

    Args:
        strategy: "single" for one device, "mirrored" for all GPUs of this machine (or, without
            one, its logical CPUs), "multiworker" for the machines in TF_CONFIG.
        patience: seconds to wait for other workers.

    Raises:
        ValueError: if there is no such strategy, or TF_CONFIG is not what it must be.
        OSError: if the port of this worker is taken.
        ConnectionError: if another worker does not come, or is lost meanwhile.
    """
    import tensorflow as tf

    if strategy == "single":
        return tf.distribute.get_strategy()
    if strategy == "mirrored":
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    if strategy == "multiworker":
        cluster.meet(cluster.worker(strategy), patience)
        with lost_workers_reported(), ended_by_signals(), ended_by_time(patience):
            return tf.distribute.MultiWorkerMirroredStrategy()
    raise ValueError(f"strategy must be one of {list(STRATEGIES)}. Received: {strategy!r}")


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Lets signals end the process by themselves, which has written nothing yet.

    While TensorFlow waits for the others, no handler of Python's runs.
    """
    former = signals.call(signal.SIG_DFL)
    try:
        yield
    finally:
        signals.put_back(former)


@contextlib.contextmanager
def ended_by_time(seconds: float) -> Iterator[None]:
    """Lets the process end with status 1 if the block takes longer, whatever it is busy with.

    TensorFlow, when a worker is lost at its start, waits on, and no other thread of Python's runs.
    """
    print(
        f"All workers are here; if one is lost before they begin, this one ends within {seconds:g} "
        "seconds.",
        file=sys.stderr,
        flush=True,
    )
    with open(os.devnull, "w") as nowhere:
        faulthandler.dump_traceback_later(seconds, exit=True, file=nowhere)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()


def fit(
    model: Any,
    images: Any,
    *,
    epochs: int,
    steps_per_epoch: int,
    validation_data: Any = None,
    callbacks: Sequence = (),
    verbose: int = 2,
    latents_from: Any = None,
) -> None:
    """Trains on several workers as the model's `fit` does on one: each worker calls this alike.

    All workers read the same batches in the same order, and each trains on its rows of a batch. So
    the weights are those of one device but for rounding, and the same on all workers. Callbacks are
    called in all workers, as some read variables that all must read at the same time; those that
    write should be given to the chief only.

    Args:
        model: compiled under the scope of a `tf.distribute.MultiWorkerMirroredStrategy`.
        images: batches of images without end; their size can be divided by the number of devices.
        epochs: the number of epochs.
        steps_per_epoch: batches in an epoch.
        validation_data: batches of images of any number, or None.
        callbacks: Keras callbacks.
        verbose: 0 for no lines on stdout.
        latents_from: batches of images whose latents the prior is fitted to, or None.

    Raises:
        ConnectionError: if another worker is lost.
        ValueError: if the workers do not begin with the same step, or as `fit`.
    """
    import keras
    import tensorflow as tf

    from gon_tf.models.trainer import with_guard

    strategy = model.distribute_strategy
    batches = strategy.distribute_datasets_from_function(lambda context: shares(images, context))

    @tf.function(autograph=False)
    def step(iterator):
        strategy.run(model.train_step, args=(next(iterator),))

    def train(iterator):
        step(iterator)
        return {}  # to read the metrics takes all workers: once for each epoch is enough

    called = keras.callbacks.CallbackList(
        with_guard(callbacks, model),
        add_progbar=verbose != 0,
        model=model,
        verbose=verbose,
        epochs=epochs,
        steps=steps_per_epoch,
    )
    model.stop_training, model.train_function, logs = False, train, {}
    with lost_workers_reported():
        called.on_train_begin()
        done = int(keras.ops.convert_to_numpy(model.optimizer.iterations))
        check_alike(strategy, "checkpoints", done)
        iterator = iter(batches)
        for epoch in range(model._initial_epoch or 0, epochs):
            model.reset_metrics()
            called.on_epoch_begin(epoch)
            for batch in range(steps_per_epoch):
                called.on_train_batch_begin(batch)
                called.on_train_batch_end(batch, model.train_function(iterator))
            logs = results(model)
            if validation_data is not None:
                measured = evaluate(model, validation_data, called)
                logs.update({f"val_{name}": value for name, value in measured.items()})
            called.on_epoch_end(epoch, logs)
            if model.stop_training:
                break
        model.optimizer.finalize_variable_values(model.trainable_weights)
        called.on_train_end(logs)
        if latents_from is not None:
            model.fit_latents(latents_from)


@contextlib.contextmanager
def lost_workers_reported() -> Iterator[None]:
    """Turn what TensorFlow raises when another worker is gone into one clear error."""
    import tensorflow as tf

    lost = (
        tf.errors.AbortedError,
        tf.errors.CancelledError,
        tf.errors.DeadlineExceededError,
        tf.errors.FailedPreconditionError,
        tf.errors.InternalError,
        tf.errors.UnavailableError,
    )
    try:
        yield
    except lost as error:
        raise ConnectionError(
            "Another worker is lost, and training cannot go on without it; start all workers again "
            "with --resume."
        ) from error


def wait_for_all(strategy: Any) -> None:
    """Returns when all workers have got here.

    Raises:
        ConnectionError: if one does not.
    """
    with lost_workers_reported():
        all_sum(strategy, 0)


def evaluate(model: Any, images: Any, callbacks: Any) -> dict[str, float]:
    """The metrics of `images`; each worker measures every n-th batch."""
    import tensorflow as tf

    strategy = model.distribute_strategy
    resolver = strategy.cluster_resolver
    count, index = len(resolver.cluster_spec().job_tasks("worker")), resolver.task_id

    @tf.function(autograph=False, reduce_retracing=True)
    def step(batch):
        strategy.run(model.test_step, args=(batch,))

    model.reset_metrics()
    callbacks.on_test_begin()
    for number, batch in enumerate(images.shard(count, index)):
        callbacks.on_test_batch_begin(number)
        step(batch)
        callbacks.on_test_batch_end(number)
    logs = results(model)
    callbacks.on_test_end(logs)
    return logs


def results(model: Any) -> dict[str, float]:
    """The model's metrics over all workers."""
    return {name: float(value) for name, value in model.get_metrics_result().items()}


def shares(images: Any, context: Any) -> Any:
    """The rows of each batch that the devices of one worker train on, one device's after another.

    Args:
        images: batches of one size.
        context: the `tf.distribute.InputContext` of the worker.
    """
    import tensorflow as tf

    workers = context.num_input_pipelines
    devices = context.num_replicas_in_sync // workers

    def rows(batch):
        count, *shape = batch.shape
        parts = tf.reshape(batch, (workers, devices, count // (workers * devices), *shape))
        return parts[context.input_pipeline_id]

    return images.map(rows).unbatch().prefetch(tf.data.AUTOTUNE)


def check_alike(strategy: Any, name: str, values: Any) -> None:
    """Raises ValueError unless all workers have the same values here; they wait for each other.

    Args:
        strategy: the `tf.distribute.Strategy` of all of them.
        name: what the values are, for the message.
        values: anything that JSON can hold.
    """
    import tensorflow as tf

    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return
    digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).digest()
    number = int.from_bytes(digest[:5], "big")
    if all_sum(strategy, number) != number * strategy.num_replicas_in_sync:
        raise ValueError(
            f"The workers do not train alike: their {name} differ. Start all of them with the same "
            "options and data, on a folder that all of them see."
        )


def all_sum(strategy: Any, value: int) -> int:
    """The sum of a value over all devices of all workers, which wait for each other here."""
    import tensorflow as tf

    @tf.function(autograph=False)
    def add():
        def each():
            context = tf.distribute.get_replica_context()
            return context.all_reduce("sum", tf.constant(value, tf.int64))

        return strategy.experimental_local_results(strategy.run(each))[0]

    return int(add())

"""Training on several devices of one machine, or on several machines.

One machine's devices take part in Keras' own `fit` under `tf.distribute.MirroredStrategy`. Several
machines take the loop of this module: Keras 3's `fit` does not run under
`tf.distribute.MultiWorkerMirroredStrategy`. The step is the model's own in both.

    >>> with gon_tf.distribute.create("mirrored").scope():
    ...     model = gon_tf.GON(gon_tf.ConvDecoder((32, 32, 1), latent_dim=256))
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gon_tf import signals
from gon_tf.training.recipe import STRATEGIES

PATIENCE = 20.0  # seconds to wait for other workers before a word about it


@dataclass(frozen=True)
class Worker:
    """One process of a training: the first of `count` is the chief, which writes the files."""

    index: int = 0
    count: int = 1
    address: str = ""
    chief: str = ""

    @property
    def is_chief(self) -> bool:
        """Whether this process writes the files."""
        return self.index == 0


def worker(strategy: str) -> Worker:
    """Which process of the training this one is.

    Args:
        strategy: one of `STRATEGIES`. "multiworker" reads the environment variable TF_CONFIG.

    Raises:
        ValueError: if TF_CONFIG does not say which workers there are and which one this is.
    """
    return read_cluster(os.environ.get("TF_CONFIG", "")) if strategy == "multiworker" else Worker()


def read_cluster(config: str) -> Worker:
    """The worker that a value of TF_CONFIG describes, see `worker`."""
    workers = '{"worker": ["host1:2222", "host2:2222"]}'
    example = f'{{"cluster": {workers}, "task": {{"type": "worker", "index": 0}}}}'
    kind, index, valid = "", -1, False
    try:
        values = json.loads(config)
        workers, task = values["cluster"]["worker"], values["task"]
        addresses = [(host, int(port)) for host, _, port in (w.rpartition(":") for w in workers)]
        kind, index = task["type"], int(task["index"])
        valid = all(host and 0 < port < 65536 for host, port in addresses)
        valid = valid and 0 < len(set(workers)) == len(workers)
        valid = valid and values["cluster"].keys() == {"worker"}
    except (LookupError, ValueError, TypeError, AttributeError, ArithmeticError, RecursionError):
        pass
    if not valid:
        raise ValueError(
            f"--strategy multiworker needs the environment variable TF_CONFIG, such as {example}. "
            f"Received: {config[:200] or 'nothing'}"
        )
    if kind != "worker" or not 0 <= index < len(workers):
        raise ValueError(
            f'The task in TF_CONFIG must be {{"type": "worker", "index": I}}, I from 0 to '
            f"{len(workers) - 1}. Received: type {kind!r}, index {index}"
        )
    return Worker(index, len(workers), workers[index], workers[0])


def create(strategy: str) -> Any:
    """The `tf.distribute.Strategy` of that name. Make at most one in a process, before all else.

    Args:
        strategy: "single" for one device, "mirrored" for all GPUs of this machine (or, without
            one, its logical CPUs), "multiworker" for the machines in TF_CONFIG.

    Raises:
        ValueError: if there is no such strategy, or TF_CONFIG is not what it must be.
        OSError: if the port of this worker is taken.
        ConnectionError: if another worker is lost meanwhile.
    """
    import tensorflow as tf

    if strategy == "single":
        return tf.distribute.get_strategy()
    if strategy == "mirrored":
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    if strategy == "multiworker":
        this = worker(strategy)
        check_port(this)
        wait_for_chief(this)
        with lost_workers_reported(), ended_by_signals():
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


def check_port(this: Worker) -> None:
    """Raises OSError if another process listens where this worker should."""
    port = int(this.address.rpartition(":")[2])
    try:
        socket.create_server(("", port)).close()
    except OSError as error:
        raise OSError(
            f"Worker {this.index} cannot listen on port {port} of this machine "
            f"({os.strerror(error.errno or 0)}): is another one running with the same index in "
            "TF_CONFIG?"
        ) from error


def wait_for_chief(this: Worker) -> None:
    """Returns when the chief listens, or at once in the chief, and says who waits for whom.

    TensorFlow itself waits without end and a word, and takes SIGTERM for a notice: SIGINT ends it.
    """
    text = (
        f"Worker {this.index}, {this.address}, waits for {{}}. Each needs an index of its own and "
        "the same list of workers, in the same order, in TF_CONFIG."
    )
    if this.is_chief:
        print(text.format(f"{this.count - 1} others"), file=sys.stderr, flush=True)
        return
    host, _, port = this.chief.rpartition(":")
    since, told = time.monotonic(), False
    while True:
        with contextlib.suppress(OSError):
            socket.create_connection((host.strip("[]"), int(port)), timeout=5).close()
            print(text.format("the others"), file=sys.stderr, flush=True)
            return
        if not told and time.monotonic() - since > PATIENCE:
            print(text.format(f"worker 0, {this.chief}"), file=sys.stderr, flush=True)
            told = True
        time.sleep(0.5)


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
        latents_from: batches of images whose latents the mixture is fitted to, or None.

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

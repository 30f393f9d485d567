"""`gon-tf` in processes that have TensorFlow already, so that they start at once."""

import contextlib
import multiprocessing
import os
import time

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tensorflow", "keras", "gon_tf.models", "gon_tf.training.run"])


def gon_tf_process(folder, arguments, environment, output):
    """What happens in the child."""
    from gon_tf.cli import main

    os.chdir(folder)
    os.environ.update(environment)
    output = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    main(arguments)


@contextlib.contextmanager
def starting(folder):
    """A function that starts `gon-tf` as a process in `folder`; none of them outlives the block."""
    started = []

    def start(*arguments, output="output.txt", folder=folder, place=folder, **environment):
        values = folder, list(map(str, arguments)), environment, place / output
        process = PROCESSES.Process(target=gon_tf_process, args=values)
        process.start()
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.join()


def wait_for(condition, process):
    """Wait until `condition()` is true, or the process is over."""
    while process.is_alive() and not condition():
        time.sleep(0.005)

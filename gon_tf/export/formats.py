"""File formats of exported functions: how each is written, and how its own runtime runs it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from gon_tf.export.functions import Function

FUNCTIONS = ("encode", "decode", "reconstruct", "sample", "decode_at")

# Opens a SavedModel as a server would: TensorFlow, and nothing of this project.
RUN_SAVED_MODEL = """
import sys
import numpy as np
import tensorflow as tf
folder, calls_file, results_file = sys.argv[1:]
signatures = tf.saved_model.load(folder).signatures
calls, results = {}, {}
with np.load(calls_file) as file:
    for key in file:
        call, _, argument = key.rpartition("/")
        calls.setdefault(call, {})[argument] = tf.constant(file[key])
for call, arguments in calls.items():
    (result,) = signatures[call.partition("/")[0]](**arguments).values()
    results[call] = result.numpy()
np.savez(results_file, **results)
"""


class SavedModel:
    """A folder with one signature for each function, for TensorFlow and TensorFlow Serving."""

    packages = ()
    has_gradients = True
    names = ("saved_model.pb", "fingerprint.pb", "variables", "assets")

    def write(self, functions: list[Function], folder: Path) -> None:
        """Write all functions to `folder`."""
        archive = keras.export.ExportArchive()
        for function in functions:
            archive.track_and_add_endpoint(function.name, function.layer, function.signature)
        archive.write_out(str(folder), verbose=False)

    def run(self, folder: Path, calls: dict) -> dict[str, np.ndarray]:
        """Results of calls, in a process that has never seen the model."""
        flat = {f"{call}/{name}": a for call, inputs in calls.items() for name, a in inputs.items()}
        with tempfile.TemporaryDirectory() as temporary:
            files = [str(Path(temporary, name)) for name in ("calls.npz", "results.npz")]
            np.savez(files[0], **flat)
            command = [sys.executable, "-P", "-c", RUN_SAVED_MODEL, str(folder.resolve()), *files]
            process = subprocess.run(command, capture_output=True, text=True, cwd=temporary)
            if process.returncode:
                raise ValueError(process.stderr.strip().rpartition("\n")[2])
            with np.load(files[1]) as results:
                return dict(results)

    def file(self, name: str) -> str:
        """Where a function is, in the folder: "." for the folder itself."""
        return "."


class OneFileEach:
    """A format with a file for each function, `encode.onnx` or `encode.tflite`."""

    suffix: str
    packages: tuple[str, ...]
    has_gradients = False
    names: tuple[str, ...]  # of what may be in the folder

    def __init_subclass__(cls):
        cls.names = tuple(f"{name}{cls.suffix}" for name in FUNCTIONS)

    def write(self, functions: list[Function], folder: Path) -> None:
        """Write all functions to `folder`."""
        for function in functions:
            self.write_one(function, folder / self.file(function.name))

    def write_one(self, function: Any, path: Path) -> None:
        """Write one function."""
        raise NotImplementedError

    def run(self, folder: Path, calls: dict) -> dict[str, np.ndarray]:
        """Results of calls by the format's own runtime; see `SavedModel.run`."""
        names = {call.partition("/")[0] for call in calls}
        runners = {name: self.runner(folder / self.file(name)) for name in names}
        return {call: runners[call.partition("/")[0]](calls[call]) for call in calls}

    def runner(self, path: Path) -> Callable:
        """A function from {argument: array} to the result of the function in a file."""
        raise NotImplementedError

    def file(self, name: str) -> str:
        """Where a function is, in the folder."""
        return f"{name}{self.suffix}"


class ONNX(OneFileEach):
    """ONNX, for onnxruntime and many others."""

    suffix = ".onnx"
    packages = ("onnx", "onnxruntime", "tf2onnx")

    def write_one(self, function: Any, path: Path) -> None:
        """Write one function, its constants folded, with a name for the size of the batch."""
        import onnx
        import onnxruntime

        with warnings.catch_warnings():
            # Keras looks up a NumPy name that is gone, on behalf of tf2onnx.
            warnings.filterwarnings("ignore", category=FutureWarning, module="keras")
            function.layer.export(
                path, format="onnx", verbose=False, input_signature=function.signature
            )
        # tf2onnx leaves some weights in twice. The basic level keeps to ONNX's own operators.
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(path)
        onnxruntime.InferenceSession(path.read_bytes(), options)
        model = onnx.load(path)
        for value in (*model.graph.input, *model.graph.output):
            free = "points" if value.name == "coordinates" else "batch"
            value.type.tensor_type.shape.dim[0].dim_param = free
        used = {node.domain for node in model.graph.node}
        versions = [version for version in model.opset_import if version.domain in used]
        del model.opset_import[:]
        model.opset_import.extend(versions)
        onnx.checker.check_model(model)
        onnx.save(model, path)

    def runner(self, path: Path) -> Callable:
        """A function from {argument: array} to the result of the function in a file."""
        import onnxruntime

        session = onnxruntime.InferenceSession(path)
        return lambda inputs: session.run(None, inputs)[0]


class LiteRT(OneFileEach):
    """LiteRT (TensorFlow Lite), for phones and small devices.

    Args:
        quantize: how weights are stored: None (float32), "float16" or "int8".
    """

    suffix = ".tflite"
    packages = ("ai_edge_litert",)

    def __init__(self, quantize: str | None = None):
        self.quantize = quantize

    def write_one(self, function: Any, path: Path) -> None:
        """Write one function with operators of LiteRT alone, no TensorFlow among them."""
        target = {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]}
        if self.quantize == "float16":
            target["supported_types"] = [tf.float16]
        function.layer.export(
            path,
            format="litert",
            verbose=False,
            input_signature=function.signature,
            optimizations=[tf.lite.Optimize.DEFAULT] if self.quantize else [],
            target_spec=target,
        )

    def runner(self, path: Path) -> Callable:
        """A function from {argument: array} to the result of the function in a file."""
        from ai_edge_litert.interpreter import Interpreter

        function = Interpreter(str(path)).get_signature_runner()
        return lambda inputs: next(iter(function(**inputs).values()))


FORMATS = {"savedmodel": SavedModel, "onnx": ONNX, "litert": LiteRT}


def check_installed(name: str) -> None:
    """Raises ImportError if a package that a format needs is missing."""
    missing = [p for p in FORMATS[name].packages if importlib.util.find_spec(p) is None]
    if missing:
        raise ImportError(
            f'Exporting to {name} needs {", ".join(missing)}: pip install "gon-tf[export]".'
        )

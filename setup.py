"""Distribution metadata. Build system and tool settings are in pyproject.toml."""

import re
from pathlib import Path

from setuptools import setup

FOLDER = Path(__file__).parent
# Read, not imported: where a wheel is built there need be none of the dependencies.
SOURCE = (FOLDER / "gon_tf" / "__init__.py").read_text(encoding="utf-8")
(VERSION,) = re.findall(r'^__version__ = "(.+)"$', SOURCE, re.MULTILINE)

setup(
    name="gon-tf",
    version=VERSION,
    description="Gradient Origin Networks for Keras 3: autoencoders without an encoder.",
    long_description=(FOLDER / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    license_files=["LICENSE"],
    python_requires=">=3.11",
    packages=[
        "gon_tf",
        "gon_tf.bench",
        "gon_tf.callbacks",
        "gon_tf.cli",
        "gon_tf.data",
        "gon_tf.data.kinds",
        "gon_tf.decoders",
        "gon_tf.export",
        "gon_tf.export.web",
        "gon_tf.latent_files",
        "gon_tf.latents",
        "gon_tf.metrics",
        "gon_tf.models",
        "gon_tf.presets",
        "gon_tf.training",
        "gon_tf.zoo",
    ],
    package_dir={"gon_tf.zoo": "zoo"},
    package_data={
        "gon_tf": ["py.typed"],
        "gon_tf.metrics": ["extractor.json", "extractor.weights.h5"],
        "gon_tf.export.web": ["index.html", "*.js", "kernel.wat", "kernel.wasm.txt"],
        "gon_tf.zoo": ["registry.json", "*/*.json", "*/*.h5", "*/*.md", "*/*.png"],
    },
    entry_points={"console_scripts": ["gon-tf = gon_tf.__main__:main"]},
    install_requires=[
        "tensorflow>=2.21",
        "keras>=3.15",
        "tensorflow-datasets>=4.9.10",
        "importlib_resources",  # tensorflow-datasets needs it without declaring it
        "numpy",
        "h5py",
        "click>=8.2",
        "pillow",
        "wrapt",
        # for models from a web server
        "filelock",
        "platformdirs",
        "requests",
        "tqdm",
    ],
    extras_require={
        "gpu": ["tensorflow[and-cuda]>=2.21"],
        "lmdb": ["lmdb"],
        "mixture": ["scikit-learn"],
        "sklearn": ["scikit-learn"],
        "hub": ["huggingface_hub>=1.0"],
        "wandb": ["wandb"],
        "mlflow": ["mlflow>=3"],
        "tuner": ["keras-tuner"],
        "cluster": ["apache-beam", "ray[data,train]"],
        "export": ["ai-edge-litert", "onnx", "onnxruntime", "tf2onnx>=1.17"],
        "tensorboard": ["tensorboard"],
        "bench": ["matplotlib", "torch"],
        "docs": ["mkdocstrings-python", "zensical"],
        "dev": [
            "ai-edge-litert",
            "build",
            "huggingface_hub>=1.0",
            "hypothesis",
            "ipykernel",
            "jupytext",
            "lmdb",
            "mkdocstrings-python",
            "nbclient",
            "onnx",
            "onnxruntime",
            "playwright",
            "pyrefly",
            "pytest",
            "pytest-xdist",
            "ruff",
            "scikit-learn",
            "setuptools>=77",
            "tensorboard",
            "tf2onnx>=1.17",
            "wheel",
            "zensical",
        ],
    },
    classifiers=[
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
)

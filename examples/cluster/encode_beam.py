"""Encodes as many images as there are with Apache Beam: here, on Flink, Spark or Dataflow.

    pip install "gon-tf[cluster]"
    python encode_beam.py mnist-conv images.npy latents [--runner FlinkRunner ...]

`images.npy` is uint8 [count, height, width, channels] where all machines see it. The encoder is one
matrix: workers take NumPy and two arrays, neither TensorFlow nor gon-tf. The latents come as
latents/NUMBER.npy, NUMBER being that of the first image in the file.
"""

import sys
from pathlib import Path

import apache_beam as beam
import numpy as np

import gon_tf

SIZE = 1024  # images in a file


def encode(first, path, output, kernel, bias):
    images = np.load(path, mmap_mode="r")[first : first + SIZE]
    images = images.reshape(len(images), -1).astype(np.float32) / 255
    np.save(f"{output}/{first:09d}.npy", images @ kernel + bias)


if __name__ == "__main__":
    model, path, output, *options = sys.argv[1:]
    kernel, bias = map(np.asarray, gon_tf.load(model).fold().get_weights())
    Path(output).mkdir()
    count = len(np.load(path, mmap_mode="r"))
    with beam.Pipeline(argv=options) as pipeline:
        starts = pipeline | beam.Create(range(0, count, SIZE)) | beam.Reshuffle()
        starts | beam.Map(encode, path, output, kernel, bias)

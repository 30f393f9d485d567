"""Encodes as many images as there are with Ray Data, on all machines of a Ray cluster.

    pip install "gon-tf[cluster]"
    python encode_ray.py mnist-conv images.npy latents

`images.npy` is uint8 [count, height, width, channels] where all machines see it. The encoder is one
matrix: workers take NumPy and two arrays, neither TensorFlow nor gon-tf. The latents come as
Parquet files with the number of each image.
"""

import sys

import numpy as np
import ray

import gon_tf


def encode(batch, path, kernel, bias):
    images = np.load(path, mmap_mode="r")[batch["id"]].reshape(len(batch["id"]), -1)
    return {"id": batch["id"], "latents": images.astype(np.float32) / 255 @ kernel + bias}


if __name__ == "__main__":
    model, path, output = sys.argv[1:]
    kernel, bias = map(np.asarray, gon_tf.load(model).fold().get_weights())
    known = {"path": path, "kernel": kernel, "bias": bias}
    numbers = ray.data.range(len(np.load(path, mmap_mode="r")))
    numbers.map_batches(encode, fn_kwargs=known, batch_size=1024).write_parquet(output)

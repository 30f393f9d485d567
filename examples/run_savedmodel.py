"""Encodes and decodes pictures with TensorFlow: no Keras, no gon-tf.

    gon-tf export mnist-conv --format savedmodel -o mnist-tf
    pip install tensorflow pillow
    python run_savedmodel.py mnist-tf examples/images/*.png -o pictures.png

The picture has the originals in its first row and the reconstructions in its second.
"""

import argparse
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
parser.add_argument("folder", type=Path, help="folder that gon-tf export wrote")
parser.add_argument("images", nargs="+", help="pictures")
parser.add_argument("-o", "--output", default="pictures.png", help="picture to write")
options = parser.parse_args()

model = tf.saved_model.load(options.folder)  # lives as long as its functions are called
encode, decode = model.signatures["encode"], model.signatures["decode"]

_, height, width, channels = encode.structured_input_signature[1]["images"].shape
images = []
for path in options.images:
    image = Image.open(path).convert("L" if channels == 1 else "RGB").resize((width, height))
    images.append(np.asarray(image, np.float32).reshape(height, width, channels) / 255)
images = np.stack(images)

latents = encode(images=tf.constant(images))["latents"]
reconstructions = decode(latents=latents)["images"]
print(f"{len(images)} images, {latents.shape[1]} latents each")

rows = [np.concatenate(list(row), axis=1) for row in (images, reconstructions)]
pixels = np.rint(np.clip(np.concatenate(rows), 0, 1) * 255).astype(np.uint8)
Image.fromarray(pixels[..., 0] if channels == 1 else pixels).save(options.output)

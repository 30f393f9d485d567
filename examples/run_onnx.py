"""Encodes and decodes pictures with onnxruntime: no TensorFlow, no Keras, no gon-tf.

    gon-tf export mnist-conv --format onnx -o mnist-onnx
    pip install onnxruntime pillow
    python run_onnx.py mnist-onnx examples/images/*.png -o pictures.png

The picture has the originals in its first row and the reconstructions in its second.
"""

import argparse
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
parser.add_argument("folder", type=Path, help="folder that gon-tf export wrote")
parser.add_argument("images", nargs="+", help="pictures")
parser.add_argument("-o", "--output", default="pictures.png", help="picture to write")
options = parser.parse_args()

encode = onnxruntime.InferenceSession(options.folder / "encode.onnx")
decode = onnxruntime.InferenceSession(options.folder / "decode.onnx")

_, height, width, channels = encode.get_inputs()[0].shape
images = []
for path in options.images:
    image = Image.open(path).convert("L" if channels == 1 else "RGB").resize((width, height))
    images.append(np.asarray(image, np.float32).reshape(height, width, channels) / 255)
images = np.stack(images)

(latents,) = encode.run(None, {"images": images})
(reconstructions,) = decode.run(None, {"latents": latents})
print(f"{len(images)} images, {latents.shape[1]} latents each")

rows = [np.concatenate(list(row), axis=1) for row in (images, reconstructions)]
pixels = np.rint(np.clip(np.concatenate(rows), 0, 1) * 255).astype(np.uint8)
Image.fromarray(pixels[..., 0] if channels == 1 else pixels).save(options.output)

"""Encodes and decodes pictures with LiteRT: no TensorFlow, no Keras, no gon-tf.

    gon-tf export mnist-conv --format litert -o mnist-lite
    pip install ai-edge-litert pillow
    python run_litert.py mnist-lite examples/images/*.png -o pictures.png

The picture has the originals in its first row and the reconstructions in its second.
"""

import argparse
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
parser.add_argument("folder", type=Path, help="folder that gon-tf export wrote")
parser.add_argument("images", nargs="+", help="pictures")
parser.add_argument("-o", "--output", default="pictures.png", help="picture to write")
options = parser.parse_args()

# A runner is gone when its interpreter is.
encoder = Interpreter(str(options.folder / "encode.tflite"))
decoder = Interpreter(str(options.folder / "decode.tflite"))
encode, decode = encoder.get_signature_runner(), decoder.get_signature_runner()

_, height, width, channels = encoder.get_input_details()[0]["shape_signature"]
images = []
for path in options.images:
    image = Image.open(path).convert("L" if channels == 1 else "RGB").resize((width, height))
    images.append(np.asarray(image, np.float32).reshape(height, width, channels) / 255)
images = np.stack(images)

latents = encode(images=images)["latents"]
reconstructions = decode(latents=latents)["images"]
print(f"{len(images)} images, {latents.shape[1]} latents each")

rows = [np.concatenate(list(row), axis=1) for row in (images, reconstructions)]
pixels = np.rint(np.clip(np.concatenate(rows), 0, 1) * 255).astype(np.uint8)
Image.fromarray(pixels[..., 0] if channels == 1 else pixels).save(options.output)

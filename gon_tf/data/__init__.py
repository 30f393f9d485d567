"""Image data sets by name: TensorFlow Datasets on disk, folders, arrays, LMDBs, TFRecord files.

`load` gives the batches to train and evaluate on, `open_images` those of a training that stops and
goes on, `stream` those of one pass over any number of images; `open_source` gives single images.
"""

import importlib

import wrapt

from gon_tf.data.images import crop_to_aspect, read_image, resize, to_channels
from gon_tf.data.kinds import open_source
from gon_tf.data.loading import load, open_images, stream
from gon_tf.data.source import Source
from gon_tf.data.store import Images

# TFDS takes seconds to import: our builder joins it once somebody else has done so.
wrapt.register_post_import_hook(
    lambda _: importlib.import_module("gon_tf.data.kinds.coil20"), "tensorflow_datasets"
)

__all__ = [
    "Images",
    "Source",
    "crop_to_aspect",
    "load",
    "open_images",
    "open_source",
    "read_image",
    "resize",
    "stream",
    "to_channels",
]

"""Image data sets by name: TensorFlow Datasets on disk and folders of pictures.

`load` gives the batches to train and evaluate on; `open_source` the single images behind them.
"""

import importlib

import wrapt

from gon_tf.data.images import read_image, resize, to_channels
from gon_tf.data.pipeline import load
from gon_tf.data.sources import Source, open_source

# TFDS takes seconds to import: our builder joins it once somebody else has done so.
wrapt.register_post_import_hook(
    lambda _: importlib.import_module("gon_tf.data.coil20"), "tensorflow_datasets"
)

__all__ = ["Source", "load", "open_source", "read_image", "resize", "to_channels"]

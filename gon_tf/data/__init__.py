"""Image data sets by name: TensorFlow Datasets on disk and folders of pictures.

`load` gives the batches to train and evaluate on; `open_source` the single images behind them.
"""

from gon_tf.data.images import read_image, resize, to_channels
from gon_tf.data.pipeline import load
from gon_tf.data.sources import Source, open_source

__all__ = ["Source", "load", "open_source", "read_image", "resize", "to_channels"]

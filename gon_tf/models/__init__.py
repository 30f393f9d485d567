"""The models: `keras.Model` subclasses that are trained on images."""

from gon_tf.models.base import LatentModel
from gon_tf.models.gon import GON

__all__ = ["GON", "LatentModel"]

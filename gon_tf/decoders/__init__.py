"""Decoders: plain Keras models from latents to images."""

import keras  # noqa: F401 - first: the hook of gon_tf that it sets off imports this package

from gon_tf.decoders.conv import ConvDecoder
from gon_tf.decoders.encodings import GaussianEncoding, NeRFEncoding
from gon_tf.decoders.implicit import ImplicitDecoder
from gon_tf.decoders.residual import ResidualDecoder
from gon_tf.startup import check_backend

__all__ = ["ConvDecoder", "GaussianEncoding", "ImplicitDecoder", "NeRFEncoding", "ResidualDecoder"]

check_backend()  # whatever differentiates imports this package

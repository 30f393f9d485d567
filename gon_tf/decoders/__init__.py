"""Decoders: plain Keras models from latents to images."""

from gon_tf.decoders.conv import ConvDecoder
from gon_tf.decoders.encodings import GaussianEncoding, NeRFEncoding
from gon_tf.decoders.implicit import ImplicitDecoder

__all__ = ["ConvDecoder", "GaussianEncoding", "ImplicitDecoder", "NeRFEncoding"]

"""Decoders: plain Keras models from latents to images."""

from gon_tf.decoders.conv import ConvDecoder

__all__ = ["ConvDecoder"]

"""Latents on disk, and the encoding of as many images as there are, by one machine or by many."""

from gon_tf.latent_files.encoding import encode_to_file, encode_to_folder
from gon_tf.latent_files.files import Latents, fingerprint, joined, read, write
from gon_tf.latent_files.sources import DataSet, Pictures

__all__ = [
    "DataSet",
    "Latents",
    "Pictures",
    "encode_to_file",
    "encode_to_folder",
    "fingerprint",
    "joined",
    "read",
    "write",
]

"""Measurements beside those of `gon-tf bench`, which are in `gon_tf.bench`. Each is a command."""

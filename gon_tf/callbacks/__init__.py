"""Callbacks for `fit`: what Keras' own do not do."""

from gon_tf.callbacks.checkpoint import Checkpoint, Stopped
from gon_tf.callbacks.divergence import DivergenceGuard
from gon_tf.callbacks.log import TrainingLog
from gon_tf.callbacks.pictures import Pictures
from gon_tf.callbacks.warmup import KLWarmup

__all__ = ["Checkpoint", "DivergenceGuard", "KLWarmup", "Pictures", "Stopped", "TrainingLog"]

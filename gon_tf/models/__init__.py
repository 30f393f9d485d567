"""The models: `keras.Model` subclasses that are trained on images."""

from gon_tf.models.base import LatentModel
from gon_tf.models.baselines import Autoencoder, TiedAutoencoder, VariationalAutoencoder
from gon_tf.models.glo import GLO
from gon_tf.models.gon import GON
from gon_tf.models.implicit import ImplicitGON
from gon_tf.models.variational import VariationalGON

__all__ = [
    "GLO",
    "GON",
    "Autoencoder",
    "ImplicitGON",
    "LatentModel",
    "TiedAutoencoder",
    "VariationalAutoencoder",
    "VariationalGON",
]

"""The distribution of latents: priors that `sample` draws from, and ways between latents.

Priors are `Normal`, N(0, I), which variational models are trained towards; `Mixture`, a few full
Gaussians; and `LocalGaussians`, many flat ones in `Coordinates`, axes of latents in the order in
which they move pixels: the default.
"""

import keras  # noqa: F401 - first: the hook of gon_tf that it sets off imports this package

from gon_tf.latents.coordinates import Coordinates, pixel_metric
from gon_tf.latents.gaussians import Gaussians, mixture_draws
from gon_tf.latents.interpolation import slerp
from gon_tf.latents.local import LocalGaussians
from gon_tf.latents.mixture import (
    Mixture,
    fit_gaussian,
    fit_mixture,
    take_evenly,
)
from gon_tf.latents.normal import Normal, standard_normal

__all__ = [
    "Coordinates",
    "Gaussians",
    "LocalGaussians",
    "Mixture",
    "Normal",
    "fit_gaussian",
    "fit_mixture",
    "mixture_draws",
    "pixel_metric",
    "slerp",
    "standard_normal",
    "take_evenly",
]

"""The reference: the paper's own way to latents, a tape through the network for every image."""

import tensorflow as tf


def nested(network, points, images, loss, step, penalty=None, precision=None):
    """One step from `points`, each image's own; a Gauss-Newton step by that precision."""
    with tf.GradientTape() as tape:
        tape.watch(points)
        inner_loss = tf.reduce_sum(loss(network(points), images))
    gradients = tape.gradient(inner_loss, points)
    if penalty is not None:
        gradients += penalty(points)
    return points - step(gradients, precision)


def repeated(point, images):
    """The point for every image, `[batch, latent_dim]`."""
    return tf.repeat(point, tf.shape(images)[0], axis=0)

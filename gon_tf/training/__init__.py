"""Training by a recipe, from its data sets to the folder of the model: `gon-tf train` in Python.

    recipe        what to train on what, and how: plain data, each field with its range
    variants      the kinds of model: how a recipe becomes one
    schedules     the optimizer and the course of its learning rate
    build         a recipe made ready: images, compiled model, and what can fail before it begins
    record        how a training was begun, and whether it goes on the same
    folder        what a training owns of its folder
    start         the weights of another model to begin with
    memory        how much of it a training takes
    progress      what it says while it runs
    run           the training itself: lock, callbacks, resume, the saved model
    evaluation    metrics and metadata of the trained model
    cluster       the machines of a training, and how they meet
    distribute    several devices and several machines
    stopping      what signals do

Nothing here imports TensorFlow before it trains.
"""

from gon_tf.training.recipe import Options, Recipe
from gon_tf.training.run import train

__all__ = ["Options", "Recipe", "train"]

"""Trains on several machines that Ray starts and watches: `TensorflowTrainer` is the launcher.

    pip install "gon-tf[cluster]"
    python train_ray.py mnist:train my-gon --workers 2

Ray tells each worker its place (TF_CONFIG); `gon_tf.distribute` adds up their gradients. The folder
must be one that all machines see; the first worker writes the model to it.
"""

import argparse

import ray.train
from ray.train.tensorflow import TensorflowTrainer


def train(settings):
    import gon_tf

    strategy = gon_tf.distribute.create("multiworker")
    with strategy.scope():
        model = gon_tf.GON(gon_tf.ConvDecoder((32, 32, 1), latent_dim=settings["latents"]))
        model.compile("adam")
    images = gon_tf.data.open_images(settings["dataset"], (32, 32, 1))
    whole = {"batch_size": settings["batch"], "drop_remainder": True}
    gon_tf.distribute.fit(
        model,
        images.steps(**whole, shuffle_seed=0),
        epochs=settings["epochs"],
        steps_per_epoch=images.steps_per_epoch(**whole),
        latents_from=images.batches(256),
    )
    return model


def work(settings):
    import gon_tf

    model = train(settings)  # the same weights on all workers
    if ray.train.get_context().get_world_rank() == 0:
        model.save_to_preset(settings["folder"])
    gon_tf.distribute.wait_for_all(model.distribute_strategy)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("dataset")
    parser.add_argument("folder")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--latents", type=int, default=256)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--epochs", type=int, default=10)
    settings = vars(parser.parse_args())
    workers = ray.train.ScalingConfig(num_workers=settings["workers"])
    TensorflowTrainer(work, train_loop_config=settings, scaling_config=workers).fit()

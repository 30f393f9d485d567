import dataclasses

import pytest

import gon_tf
from gon_tf.training import Options, Recipe, build, memory, variants


def model(**options):
    return gon_tf.GON(gon_tf.ConvDecoder((16, 16, 1), latent_dim=8, filters=4), **options)


def test_what_a_step_saves_grows_with_the_batch_by_as_much_for_each_image():
    small, middle, large = (memory.saved_bytes(model(), batch) for batch in (4, 8, 16))
    assert middle > small
    assert large - middle == 2 * (middle - small)


def test_estimate():
    found = memory.estimate(model(), 4, images=100)
    assert found.images == 100 * 256
    parameters = sum(weight.shape.num_elements() for weight in model().trainable_weights)
    assert found.weights == 4 * parameters * memory.COPIES
    assert found.total == memory.STARTED + found.weights + found.step + found.images
    assert set(found.to_json()) == {"total", "weights", "step", "images"}


def test_what_does_not_fit_and_what_would():
    needed = memory.estimate(model(), 64)
    memory.check(model(), 64, needed, needed.total)
    with pytest.raises(
        ValueError, match=r"need about 0.8 GB .* give --memory 0.9, or --batch-s"
    ) as e:
        memory.check(model(), 64, needed, needed.total - needed.step / 4)
    batch = int(str(e.value).partition("--batch-size ")[2].partition(",")[0])
    assert 32 < batch < 64
    assert memory.estimate(model(), batch).total <= needed.total - needed.step / 4
    with pytest.raises(ValueError, match=r"give --memory 0.9, or a smaller --image-size"):
        memory.check(model(), 64, needed, 1000.0)


def test_images_that_do_not_fit_go_to_a_file(folder, monkeypatch):
    recipe = Recipe("conv", str(folder), image_size=8, latent_dim=2, filters=2, batch_size=4)
    assert build.prepare(recipe, Options()).memory.images == 12 * 64
    design = build.design(build.variants.complete(recipe), Options(), None)[2]
    needed = memory.estimate(design, 4).total
    job = build.prepare(recipe, Options(memory=(needed + 100) / memory.GB))
    assert job.memory.images == 0
    assert len(job.images) == 12
    with pytest.raises(ValueError, match="more than the 0.5 GB of --memory: give --memory 0.9"):
        build.preview(recipe, Options(memory=0.5))


def test_points_of_an_implicit_model_by_the_memory(folder):
    recipe = Recipe("implicit", str(folder), image_size=8, latent_dim=2, width=8, depth=1)
    recipe = variants.complete(dataclasses.replace(recipe, batch_size=4))
    whole, _, model = build.design(recipe, Options(), None)
    assert whole.points_per_step == 64
    needed = memory.estimate(model, 4)
    less = Options(memory=(needed.total - needed.step / 2) / memory.GB)
    fewer, _, model = build.design(recipe, less, None)
    assert fewer.points_per_step == model.points_per_step == 32
    asked = dataclasses.replace(recipe, points_per_step=60)
    assert build.design(asked, less, None)[0].points_per_step == 60
    with pytest.raises(ValueError, match="more than the"):
        build.preview(asked, less)

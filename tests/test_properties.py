"""What holds for all values, not only for those that somebody thought of."""

import json

import keras
import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import gon_tf
from gon_tf import files, latent_files, latents, presets
from gon_tf.data import fitting
from gon_tf.data.images import crop_to_aspect
from gon_tf.data.store import order
from gon_tf.latent_files.shards import Shards
from gon_tf.training.build import split
from gon_tf.training.recipe import OPTIMIZERS, SCHEDULES, Options, Recipe
from gon_tf.training.schedules import learning_rate
from gon_tf.training.variants import VARIANTS

every = settings(derandomize=True, deadline=None, database=None, max_examples=60)

sides = st.integers(1, 40)
sizes = st.tuples(sides, sides)
seeds = st.integers(0, 2**31 - 1)
numbers = st.floats(-1e3, 1e3, width=32)


def vectors(length):
    return arrays.arrays(np.float64, length, elements=numbers)


@st.composite
def images(draw):
    shape = *draw(sizes), draw(st.sampled_from([1, 3]))
    return np.random.default_rng(draw(seeds)).integers(0, 256, shape, dtype=np.uint8)


# Pictures


@every
@given(images(), sizes, st.sampled_from(sorted(fitting.FITS)))
def test_every_picture_gets_the_size(image, size, fit):
    fitted = fitting.FITS[fit](image, size)
    assert fitted.shape == (*size, image.shape[-1])
    assert fitted.dtype == np.uint8
    least = 0 if fit == "pad" else image.min()
    assert least <= fitted.min()
    assert fitted.max() <= image.max()
    if image.shape[:2] == size:
        np.testing.assert_array_equal(fitted, image)


@every
@given(images(), sizes)
def test_a_crop_is_the_largest_middle_part(image, size):
    part = np.asarray(crop_to_aspect(image, size))
    (height, width), (rows, columns) = image.shape[:2], part.shape[:2]
    assert height == rows or width == columns
    top, left = (height - rows) // 2, (width - columns) // 2
    np.testing.assert_array_equal(part, image[top : top + rows, left : left + columns])
    # the other side is right to the nearest pixel
    assert rows == 1 or abs(rows - columns * size[0] / size[1]) <= 0.5 * max(1, size[0] / size[1])
    assert columns == 1 or abs(columns - rows * size[1] / size[0]) <= 0.5 * max(
        1, size[1] / size[0]
    )


# Orders and parts


@every
@given(st.integers(0, 500), seeds, st.integers(0, 1000))
def test_an_epoch_has_every_image_once(count, seed, epoch):
    assert sorted(order(count, seed, epoch)) == list(range(count))


@every
@given(st.integers(2, 300), st.floats(0.01, 0.5))
def test_a_validation_split_takes_its_part(count, part):
    assume(int(count * part) > 0)
    kept, held = split(gon_tf.data.Images(np.zeros((count, 1, 1, 1), np.uint8)), part)
    assert sorted([*kept.rows, *held.rows]) == list(range(count))
    assert len(held) == int(count * part)


@every
@given(st.integers(1, 200), st.integers(1, 9), st.integers(1, 50))
def test_shards_partition_the_images(tmp_path_factory, count, machines, size):
    folder = tmp_path_factory.getbasetemp() / "shards"
    shards = [
        Shards(folder, np.arange(i - 1, count, machines), (i, machines), size)
        for i in range(1, machines + 1)
    ]
    names = [path for shard in shards for path in shard.files]
    assert len(set(names)) == len(names)
    for shard in shards:
        parts = [shard.from_file(number)[: shard.size] for number in range(len(shard.files))]
        assert [n for part in parts for n in part] == list(shard.numbers)
        assert all(1 <= len(part) <= size for part in parts)


# Latents


@every
@given(st.lists(seeds, min_size=1, max_size=20), st.integers(1, 9), st.integers(1, 3))
def test_a_seed_draws_the_same_in_any_company(chosen, latent_dim, components):
    random = np.random.default_rng(0)
    weights = random.dirichlet(np.ones(components)).astype(np.float32)
    means = random.normal(size=(components, latent_dim)).astype(np.float32)
    roots = random.normal(size=(components, latent_dim, latent_dim)).astype(np.float32)
    for draw in (
        lambda seeds: latents.standard_normal(seeds, latent_dim),
        lambda seeds: latents.mixture_draws(seeds, weights, means, roots),
    ):
        together = draw(chosen)
        assert together.shape == (len(chosen), latent_dim)
        for seed, row in zip(chosen, together, strict=True):
            np.testing.assert_array_equal(draw([seed])[0], row)


@every
@given(st.integers(1, 6).flatmap(lambda n: st.tuples(vectors(n), vectors(n))), st.integers(2, 9))
def test_slerp_keeps_its_ends_and_goes_both_ways(ends, steps):
    start, end = ends
    there = latents.slerp(start, end, steps)
    assert there.shape == (steps, len(start))
    scale = 1e-5 * max(1e-3, np.linalg.norm(start), np.linalg.norm(end))
    np.testing.assert_allclose(there[0], start, rtol=0, atol=scale)
    np.testing.assert_allclose(there[-1], end, rtol=0, atol=scale)
    lengths = np.linalg.norm(start), np.linalg.norm(end)
    # Between opposite vectors there are many arcs, and it takes one of them.
    assume(min(lengths) == 0 or start @ end > -0.999 * lengths[0] * lengths[1])
    np.testing.assert_allclose(latents.slerp(end, start, steps)[::-1], there, rtol=0, atol=scale)


# Round trips

recipes = st.builds(
    Recipe,
    variant=st.sampled_from(sorted(VARIANTS)),
    dataset=st.text(min_size=1, max_size=20),
    evaluate=st.none() | st.text(min_size=1, max_size=20),
    image_size=st.tuples(st.integers(1, 4096), st.integers(1, 4096)),
    crop=st.booleans(),
    channels=st.sampled_from([None, 1, 3]),
    latent_dim=st.none() | st.integers(1, 2**31),
    learning_rate=st.none() | st.floats(1e-9, 10),
    schedule=st.sampled_from(SCHEDULES),
    optimizer=st.sampled_from(OPTIMIZERS),
    warmup=st.floats(0, 1),
    ema=st.floats(0, 1, exclude_max=True),
    epochs=st.integers(1, 10**6),
    seed=st.integers(0, 2**32 - 1),
)


@every
@given(recipes)
def test_a_recipe_comes_back_from_json(recipe):
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe


@every
@given(recipes.filter(lambda recipe: recipe.learning_rate), st.integers(1, 10**5))
def test_a_learning_rate_stays_below_its_highest(recipe, steps):
    rate = learning_rate(recipe, steps)
    for step in (0, 1, steps // 2, steps):
        value = float(rate(step)) if callable(rate) else float(rate)
        assert 0 <= value <= recipe.learning_rate * (1 + 1e-5)


@every
@given(st.integers(1, 100), st.integers(1, 100))
def test_options_come_back_from_a_dictionary(every_steps, pictures):
    options = Options(checkpoint_every=every_steps, pictures_every=pictures)
    assert Options(**vars(options)) == options


@every
@given(
    st.integers(1, 8).flatmap(
        lambda n: st.tuples(
            arrays.arrays(np.float32, (n, 3), elements=numbers),
            st.lists(st.integers(0, 2**62), min_size=n, max_size=n),
            st.lists(st.text(max_size=12), min_size=n, max_size=n),
        )
    ),
    st.text(alphabet="0123456789abcdef", max_size=16),
)
def test_latents_come_back_from_their_file(tmp_path_factory, content, model):
    values, which, names = content
    assume(not any(name.endswith("\0") for name in names))  # NumPy's strings end there
    path = tmp_path_factory.getbasetemp() / "latents.npz"
    latent_files.write(path, latent_files.Latents(values, np.array(which), np.array(names), model))
    again = latent_files.read(path, latent_dim=3)
    np.testing.assert_array_equal(again.latents, values)
    assert (again.numbers.tolist(), again.names.tolist(), again.model) == (which, names, model)


@settings(every, max_examples=15)
@given(
    st.tuples(st.sampled_from([8, 16, 28]), st.sampled_from([8, 20, 32])),
    st.integers(1, 4),
    st.integers(1, 3),
    st.sampled_from(["gauss-newton", "gradient"]),
    st.sampled_from(["squared_error", "cross_entropy"]),
    st.integers(1, 3),
)
def test_a_model_comes_back_from_its_config(size, latent_dim, filters, step, loss, inner_steps):
    decoder = gon_tf.ConvDecoder((*size, 1), latent_dim=latent_dim, filters=filters)
    model = gon_tf.GON(decoder, step=step, loss=loss, inner_steps=inner_steps)
    description = presets.describe(model)
    content = files.parse_json(files.json_bytes(description), "config.json")
    presets.check(content, "config.json")
    assert presets.describe(presets.build(content, "config.json")) == description
    keras.backend.clear_session()


@every
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**99), 2**99) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    )
)
def test_json_comes_back(value):
    assert files.parse_json(files.json_bytes({"value": value}), "it") == {"value": value}


@every
@given(st.binary(max_size=200))
def test_any_bytes_are_json_or_one_sentence(content):
    sentence = None
    try:
        assert isinstance(files.parse_json(content, "it"), dict)
    except ValueError as error:
        sentence = str(error)
    if sentence:
        assert sentence.startswith("it is not a JSON object")
        assert "\n" not in sentence

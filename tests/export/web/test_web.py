import json
import re
import shutil

import keras
import numpy as np
import pytest

import gon_tf
from gon_tf import export, zoo
from gon_tf.export import web
from gon_tf.export.web import checks, writing

NODE, BROWSER = shutil.which("node"), next(filter(None, map(shutil.which, checks.BROWSERS)), None)
needs_runtime = pytest.mark.skipif(
    not (NODE or BROWSER), reason="neither node nor Chromium is there to run the page"
)


def conv(channels=1, **options):
    return gon_tf.GON(gon_tf.ConvDecoder((8, 8, channels), latent_dim=4, filters=2), **options)


def own(*layers, **options):
    decoder = keras.Sequential([keras.Input((4,)), *layers])
    return gon_tf.GON(decoder, **options)


def variational(**options):
    return gon_tf.VariationalGON(gon_tf.ConvDecoder((8, 8, 1), 4, filters=2), **options)


def implicit(steps=1, loss="squared_error", **options):
    decoder = gon_tf.ImplicitDecoder(3, latent_dim=4, width=9, depth=3, **options)
    return gon_tf.ImplicitGON(decoder, (6, 5, 3), inner_steps=steps, loss=loss)


def chain():
    return own(
        keras.layers.Dense(2 * 3 * 3, activation="tanh"),
        keras.layers.Reshape((3, 2, 3)),
        keras.layers.Conv2DTranspose(4, 3, strides=2, padding="same", activation="silu"),
        keras.layers.Conv2DTranspose(3, 4, strides=2, padding="valid", use_bias=False),
        keras.layers.Activation("softplus"),
        keras.layers.Conv2D(5, 3, strides=2, padding="same", activation="selu"),
        keras.layers.Conv2D(1, 3),
        keras.layers.Activation("sigmoid"),
        inner_steps=3,
    )


def residual(kind=gon_tf.GON, **options):
    decoder = gon_tf.ResidualDecoder((16, 32, 3), 4, filters=2, sketch_size=16)
    weights = np.random.default_rng(0)
    decoder.set_weights([weights.normal(size=w.shape, scale=0.3) for w in decoder.get_weights()])
    return kind(decoder, **options)


MODELS = {
    "residual": residual,
    "residual, two steps": lambda: residual(gon_tf.VariationalGON, inner_steps=2),
    "conv": conv,
    "conv, gradient steps": lambda: conv(3, step="gradient", inner_scale=0.1, inner_steps=3),
    "conv, own Jacobians": lambda: conv(inner_steps=2, chord=False),
    "variational": variational,
    "variational, two steps": lambda: variational(inner_steps=2, learn_origin=True),
    "a chain of Keras layers": chain,
    "implicit": implicit,
    "implicit, two steps": lambda: implicit(2, output_activation="sigmoid"),
    "implicit, shifted": lambda: implicit(
        2, "cross_entropy", modulation="shift", encoding="gaussian", activation="elu",
        output_activation="sigmoid",
    ),
    "implicit, scaled": lambda: implicit(modulation=True, encoding="nerf", activation="tanh"),
    "implicit, chord": lambda: gon_tf.ImplicitGON(
        gon_tf.ImplicitDecoder(1, latent_dim=4, width=8, depth=2), (6, 6, 1),
        inner_steps=2, chord=True,
    ),
}  # fmt: skip
SLOW = [
    "residual, two steps",
    "a chain of Keras layers",
    "implicit, two steps",
    "implicit, shifted",
]
FURTHER = {
    "implicit": ["decode_at", "inpaint"],
    "implicit, two steps": ["decode_at", "inpaint"],
    "implicit, shifted": ["decode_at", "inpaint"],
    "implicit, scaled": ["decode_at"],
    "implicit, chord": ["decode_at"],
}


def some_images(model, count=3):
    return np.random.default_rng(0).random((count, *model.image_shape), np.float32)


def described(path):
    """What a model's file says, without the arrays."""
    text = path.read_text()
    return json.loads(text[text.index("(") + 1 : text.rindex(")")])


@needs_runtime
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in MODELS]
)
def test_a_page_computes_what_the_model_does(tmp_path, name):
    keras.utils.set_random_seed(1)  # there are chains whose steps amplify rounding
    model = MODELS[name]()
    images = some_images(model)
    if not isinstance(model, gon_tf.VariationalGON):
        model.fit_latents(images)
    functions = export.save(model, tmp_path / "page", "web", images)
    names = ["encode", "decode", "reconstruct", "sample", *FURTHER.get(name, [])]
    title = type(model).__name__
    assert [function.name for function in functions] == [f"{title} {name}" for name in names]
    assert all(0 <= function.max_difference < 2e-5 for function in functions)
    file = tmp_path / "page" / "models" / f"{title}.js"
    assert {function.path for function in functions} == {file}
    left_out = described(file)["left_out"]
    expected = ["This model takes 2 steps from the origin; the page takes the first."]
    assert left_out == (expected if name == "conv, own Jacobians" else [])


@pytest.mark.slow
@pytest.mark.skipif(not BROWSER, reason="Chromium is not there")
def test_chromium_checks_where_there_is_no_node(tmp_path, monkeypatch):
    monkeypatch.setattr(checks.shutil, "which", lambda name: BROWSER if name != "node" else None)
    functions = export.save(implicit(), tmp_path / "page", "web")
    assert all(0 <= function.max_difference < 2e-5 for function in functions)


def test_without_either_it_says_that_nothing_was_compared(tmp_path, monkeypatch):
    monkeypatch.setattr(checks.shutil, "which", lambda name: None)
    with pytest.warns(UserWarning, match="Neither node nor Chromium is there"):
        functions = export.save(conv(), tmp_path / "page", "web")
    assert {function.max_difference for function in functions} == {None}


@needs_runtime
def test_several_models_and_their_files(tmp_path):
    models = [web.Exhibit(name, conv(), some_images(conv())) for name in ("a <b> & c", "a", "a")]
    functions = web.save(models, tmp_path / "page")
    assert [f.name for f in functions[::3]] == ["a <b> & c encode", "a encode", "a (2) encode"]
    written = {str(path.relative_to(tmp_path / "page")) for path in tmp_path.rglob("*.*")}
    files = {"models/a-b-c.js", "models/a.js", "models/a-2.js"}
    assert written == {"index.html", "gon.js", "export.json", *files}
    page = (tmp_path / "page" / "index.html").read_text()
    assert '<option value="models/a-b-c.js">a &lt;b&gt; &amp; c</option>' in page
    record = json.loads((tmp_path / "page" / "export.json").read_text())
    assert record["format"] == "web"
    assert set(record["files"]) == written - {"export.json"}


@needs_runtime
def test_a_page_names_no_other_place(tmp_path):
    export.save(conv(), tmp_path / "page", "web")
    for file in ("index.html", "gon.js"):
        text = (tmp_path / "page" / file).read_text()
        assert not re.findall(r"\w+://|@import|url\(|\bimport\b|\bfetch\b|XMLHttp", text)
        assert "@KERNEL@" not in text
    assert re.findall(r'(?:src|href)="([^"]*)"', (tmp_path / "page/index.html").read_text()) == [
        "data:,",
        "gon.js",
    ]


@needs_runtime
def test_int8_is_smaller_and_says_by_how_much_it_is_off(tmp_path):
    model = gon_tf.GON(gon_tf.ConvDecoder((16, 16, 1), latent_dim=32, filters=4))
    whole = export.save(model, tmp_path / "whole", "web")
    small = export.save(model, tmp_path / "small", "web", quantize="int8")
    assert small[0].bytes < 0.5 * whole[0].bytes
    assert whole[2].max_difference < small[2].max_difference < 0.3


@needs_runtime
def test_overwriting(tmp_path):
    folder = tmp_path / "page"
    web.save([web.Exhibit("first", conv())], folder)
    (folder / "mine.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="choose another folder, or overwrite it"):
        web.save([web.Exhibit("second", conv())], folder)
    web.save([web.Exhibit("second", conv())], folder, overwrite=True)
    assert {path.name for path in folder.rglob("*.*")} == {
        *("index.html", "gon.js", "second.js", "export.json", "mine.txt")
    }
    (folder / "gon.js").write_text("mine")
    with pytest.raises(FileExistsError, match=r"gon.js is not as it was exported"):
        web.save([web.Exhibit("third", conv())], folder, overwrite=True)


@needs_runtime
@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("throw new Error('broken')", "The page of GON does not run: .*Error: broken"),
        (None, "The page of GON encode differs from the model by .*, more than 0.0001"),
    ],
)
def test_a_page_that_is_wrong_is_not_left(tmp_path, monkeypatch, script, message):
    right = writing.script()
    wrong = right.replace("sums[j] += x[i]", "sums[j] -= x[i]") if script is None else script
    monkeypatch.setattr(writing, "script", lambda: wrong)
    with pytest.raises(ValueError, match=message):
        export.save(conv(), tmp_path / "page", "web")
    assert list(tmp_path.iterdir()) == []


def volume():
    decoder = gon_tf.ImplicitDecoder(1, 4, width=8, depth=2, coordinate_dim=3)
    return gon_tf.ImplicitGON(decoder, (4, 4, 4, 1))


def wide():
    decoder = gon_tf.ImplicitDecoder(3, latent_dim=128, width=8, depth=1)
    return gon_tf.ImplicitGON(decoder, (256, 256, 3))


def named(layer):
    return own(keras.layers.Dense(16), keras.layers.Reshape((4, 4, 1)), layer)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: gon_tf.Autoencoder(conv().decoder),
            "one matrix. Received: it, of the class Autoencoder",
        ),
        (lambda: gon_tf.GLO(conv().decoder, image_count=3), "Received: it, of the class GLO"),
        (
            lambda: gon_tf.GON(gon_tf.ConvDecoder((8, 8, 1), 4, 2, normalization="batch")),
            "Received: it, with batch normalisation, dropout or noise in its decoder",
        ),
        (
            lambda: gon_tf.GON(gon_tf.ConvDecoder((8, 8, 1), 4, 2, normalization="instance")),
            r"Received: the layer '.*' \(GroupNormalization\): the page has none of this kind",
        ),
        (
            lambda: named(keras.layers.UpSampling2D(name="grow")),
            r"Received: the layer 'grow' \(UpSampling2D\)",
        ),
        (
            lambda: named(keras.layers.Conv2D(1, 2, activation="gelu", name="last")),
            r"Received: the layer 'last' \(Conv2D\): of activations the page has linear, relu",
        ),
        (
            lambda: named(keras.layers.Conv2D(1, (1, 2), name="oblong")),
            r"the layer 'oblong' \(Conv2D\): the page has square windows",
        ),
        (
            lambda: own(
                keras.layers.Dense(16, name="last"),
                keras.layers.Reshape((4, 4, 1)),
                loss="cross_entropy",
            ),
            "with the cross-entropy it must end in a sigmoid",
        ),
        (
            lambda: implicit(encoding=keras.layers.Dense(3, name="mine")),
            r"the layer 'mine' \(Dense\): of encodings the page has NeRFEncoding",
        ),
        (lambda: implicit(activation="gelu"), "of activations the page has sine, linear"),
        (volume, "A page shows grey or RGB pictures. Received: it, a model of the shape 4x4x4x1"),
        (wide, "at most 67,108,864 bytes.* Received: it, with 100,663,296 for 256x256x3 pixels"),
    ],
)
def test_a_model_that_cannot_go(tmp_path, make, message):
    model = make()
    exhibit = web.Exhibit("it", model, np.zeros((1, *model.image_shape), np.uint8))
    with pytest.raises(ValueError, match=message):
        web.save([exhibit], tmp_path / "page")
    assert list(tmp_path.iterdir()) == []


def test_a_model_of_lower_precision(tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = conv()
    finally:
        keras.config.set_dtype_policy("float32")
    with pytest.raises(ValueError, match="in float32 can be exported.*bfloat16"):
        export.save(model, tmp_path / "page", "web")


def test_wrong_arguments(tmp_path):
    with pytest.raises(ValueError, match="at least one model. Received: none"):
        web.save([], tmp_path / "page")
    with pytest.raises(ValueError, match="quantize must be one of"):
        web.save([web.Exhibit("it", conv())], tmp_path / "page", quantize="float16")
    with pytest.raises(TypeError, match="model must be a model of gon_tf"):
        web.Exhibit("it", "mnist-conv")
    with pytest.raises(ValueError, match="images must hold an example"):
        web.Exhibit("it", conv(), np.zeros((0, 8, 8, 1)))
    with pytest.raises(ValueError, match="images must have the shape"):
        web.Exhibit("it", conv(), np.zeros((2, 9, 9, 1)))


def test_examples_are_those_of_the_card():
    exhibit = web.exhibit_of("mnist-conv")
    assert exhibit.name == "mnist-conv"
    assert exhibit.metadata["error_quantiles"]["1"] > 0
    assert exhibit.images.shape == (8, 32, 32, 1)
    digits = exhibit.images.astype(float) / 255
    assert 0.02 < digits.mean() < 0.3
    # held-out images, which the model reconstructs well, and not what it made of them
    errors = ((exhibit.model.reconstruct(exhibit.images) - digits) ** 2).sum(axis=(1, 2, 3))
    assert 0.001 < errors.max() < 1


def test_examples_without_a_card(tmp_path, images):
    model = conv()
    model.fit_latents(images)
    model.save_to_preset(tmp_path / "mine")
    (tmp_path / "mine" / "reconstructions.png").write_bytes(
        (zoo.locate("mnist-conv") / "reconstructions.png").read_bytes()
    )
    exhibit = web.exhibit_of(f"{tmp_path}/mine/")
    assert exhibit.name == "mine"
    expected = gon_tf.pictures.to_uint8(np.clip(model.sample(8), 0, 1))
    np.testing.assert_array_equal(exhibit.images, expected)


def test_the_quantiles_of_a_model(tmp_path, monkeypatch):
    monkeypatch.setattr(checks, "runtime", lambda: None)
    metadata = {"error_quantiles": {"0": 0.5, "0.5": 1, "1": 4}, "description": "Of squares."}
    with pytest.warns(UserWarning, match="was not compared"):
        web.save([web.Exhibit("it", conv(), metadata=metadata)], tmp_path / "page")
    found = described(tmp_path / "page" / "models" / "it.js")
    assert found["quantiles"] == {"probabilities": [0, 0.5, 1], "errors": [0.5, 1, 4]}
    assert found["description"] == "Of squares."
    assert found["prior"] is None


@needs_runtime
def test_labels_and_halves(tmp_path):
    """A prior of labels, whose clusters are numbers of 16 bits, is what the model draws from."""
    model = conv()
    images = np.random.default_rng(0).random((600, 8, 8, 1), np.float32)
    model.fit_latents(images, np.repeat(["b", "a", "c"], 200))
    export.save(model, tmp_path / "page", "web", images)
    found = described(tmp_path / "page" / "models" / "GON.js")
    assert found["prior"]["labels"] == ["a", "b", "c"]
    assert found["arrays"][found["prior"]["axes"]["array"]]["shape"][0] == 3


def test_numbers_of_16_bits(tmp_path):
    values = np.random.default_rng(0).normal(size=(30, 40)).astype(np.float16).astype(np.float32)
    values[0, :3] = 0.0, 2.0**-24, -(2.0**-23)  # smaller than the least exponent
    writing.write_model(tmp_path / "x.js", {"values": values})
    found = described(tmp_path / "x.js")
    assert found["arrays"] == [{"shape": [30, 40], "type": "float16", "at": 0}]
    if not NODE:
        pytest.skip("node is not there")
    text = (tmp_path / "x.js").read_text().replace("addModel(", "const { values } = revive(")
    run = "process.stdout.write(JSON.stringify([...values.values]));"
    (tmp_path / "x.js").write_text(writing.script() + text + run)
    read = json.loads(checks.output_of([NODE, str(tmp_path / "x.js")]))
    np.testing.assert_array_equal(np.float32(read), values.ravel())


def test_the_compiled_kernel_is_that_of_its_source():
    if shutil.which("wat2wasm") is None:
        pytest.skip("wat2wasm of the WebAssembly Binary Toolkit is not there")
    from docs.generate import web_kernel

    kernel = (web_kernel.FOLDER / "kernel.wasm.txt").read_text()
    assert web_kernel.compiled() == kernel


@pytest.mark.skipif(not NODE, reason="node is not there")
def test_products_and_sines_without_the_kernel(tmp_path):
    """JavaScript alone gives the same, for sizes that fill no block."""
    script = writing.script().replace("const wasm = (() => {", "const wasm = (() => { return null;")
    run = """
    const random = generator(1);
    const some = (n) => Float32Array.from({ length: n }, () => random() - 0.5);
    const [a, b, shift, x] = [some(7 * 5), some(5 * 11), some(11), some(13).map((v) => 100 * v)];
    console.log(JSON.stringify({
      product: [...product(a, pack(b, 5, 11), shift)], a: [...a], b: [...b], shift: [...shift],
      x: [...x], sine: [...sine(x.slice())], cosine: [...sine(x.slice(), 1)],
    }));"""
    for name, text in (("kernel", writing.script()), ("plain", script)):
        (tmp_path / f"{name}.js").write_text(text + run)
        output = checks.output_of([NODE, str(tmp_path / f"{name}.js")])
        found = {key: np.array(values) for key, values in json.loads(output).items()}
        product = found["a"].reshape(7, 5) @ found["b"].reshape(5, 11) + found["shift"]
        np.testing.assert_allclose(found["product"], product.ravel(), atol=1e-6)
        np.testing.assert_allclose(found["sine"], np.sin(found["x"]), atol=1e-5)
        np.testing.assert_allclose(found["cosine"], np.cos(found["x"]), atol=1e-5)

import json

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
from ai_edge_litert.interpreter import Interpreter

import gon_tf
from gon_tf import export
from gon_tf.export import formats

NAMES = ["encode", "decode", "reconstruct"]
SUFFIXES = {"onnx": ".onnx", "litert": ".tflite"}


def conv(**options):
    return gon_tf.GON(gon_tf.ConvDecoder((8, 8, 1), latent_dim=4, filters=2), **options)


def variational(**options):
    return gon_tf.VariationalGON(gon_tf.ConvDecoder((8, 8, 1), 4, filters=2), **options)


def implicit(**options):
    decoder = gon_tf.ImplicitDecoder(channels=3, latent_dim=4, width=8, depth=2)
    return gon_tf.ImplicitGON(decoder, (6, 5, 3), **options)


def batch_normalized():
    return gon_tf.GON(gon_tf.ConvDecoder((8, 8, 1), 4, filters=2, normalization="batch"))


MODELS = {
    "conv": conv,
    "conv, three steps": lambda: conv(step="gradient", inner_scale=0.1, inner_steps=3),
    "variational": variational,
    "variational, two steps": lambda: variational(inner_steps=2, learn_origin=True),
    "implicit": implicit,
    "autoencoder": lambda: gon_tf.Autoencoder(gon_tf.ConvDecoder((8, 8, 1), 4, filters=2)),
}


def some_images(model, count):
    return np.random.default_rng(0).random((count, *model.image_shape), np.float32)


def run(path, **inputs):
    """The result of an exported function, by the format's own runtime."""
    if path.suffix == ".onnx":
        session = onnxruntime.InferenceSession(path)
        assert [value.name for value in session.get_inputs()] == list(inputs)
        return session.run(None, inputs)[0]
    interpreter = Interpreter(str(path))
    (result,) = interpreter.get_signature_runner()(**inputs).values()
    return result


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("conv", "onnx"),
        ("conv", "litert"),
        ("conv, three steps", "onnx"),
        ("variational", "onnx"),
        ("variational, two steps", "onnx"),
        ("variational, two steps", "litert"),
        ("implicit", "onnx"),
        ("autoencoder", "onnx"),
    ],
)
def test_exported_files_do_what_the_model_does(tmp_path, name, format):
    model = MODELS[name]()
    functions = export.save(model, tmp_path / "out", format)
    paths = {function.name: function.path for function in functions}
    assert list(paths)[:3] == NAMES
    assert all(path.suffix == SUFFIXES[format] for path in paths.values())
    assert set(tmp_path.rglob("*.*")) == {*paths.values(), tmp_path / "out" / "export.json"}
    assert all(f.bytes == f.path.stat().st_size for f in functions)
    assert all(0 <= function.max_difference < 1e-5 for function in functions)

    for count in (1, 7):
        images = some_images(model, count)
        latents = run(paths["encode"], images=images)
        close = {"atol": 1e-6, "rtol": 1e-4}
        np.testing.assert_allclose(latents, model.encode(images), **close)
        decoded = model.decode(latents)
        np.testing.assert_allclose(run(paths["decode"], latents=latents), decoded, **close)
        np.testing.assert_allclose(run(paths["reconstruct"], images=images), decoded, **close)


def test_the_encoder_is_a_dense_layer(tmp_path):
    export.save(conv(), tmp_path / "out", "onnx")
    model = onnx.load(tmp_path / "out" / "encode.onnx")
    assert [node.op_type for node in model.graph.node] == ["Reshape", "Gemm"]
    assert [version.domain for version in model.opset_import] == [""]
    shapes = [
        [side.dim_param or side.dim_value for side in value.type.tensor_type.shape.dim]
        for value in (*model.graph.input, *model.graph.output)
    ]
    assert shapes == [["batch", 8, 8, 1], ["batch", 4]]


def test_samples_belong_to_seeds(tmp_path, images):
    model = conv()
    model.fit_latents(images)
    export.save(model, tmp_path / "out", "onnx", images)
    noise = np.random.default_rng(17).standard_normal((1, 4)).astype(np.float32)
    sample = run(tmp_path / "out" / "sample.onnx", noise=noise)
    np.testing.assert_allclose(sample, model.sample(seed=17), atol=1e-6)


@pytest.mark.parametrize("format", ["savedmodel", "onnx", "litert"])
def test_samples_of_many_gaussians_belong_to_seeds(tmp_path, images, format):
    model = conv(prior="local-gaussians", components=3, rank=2)
    model.fit_latents(images, np.arange(len(images)) % 2)
    written = export.save(model, tmp_path / "out", format, images)
    assert [function.name for function in written] == [*NAMES, "sample"]
    random = np.random.default_rng(17)
    noise, choice = random.standard_normal((1, 2)), random.random(1)
    if format == "savedmodel":
        return  # which `save` has compared
    path = tmp_path / "out" / f"sample{SUFFIXES[format]}"
    sample = run(path, noise=noise.astype(np.float32), choice=choice.astype(np.float32))
    np.testing.assert_allclose(sample, model.sample(seed=17), atol=1e-5)


def test_the_record_says_which_choices_draw_which_label(tmp_path, images):
    model = conv(prior="local-gaussians", components=4)
    model.fit_latents(images, np.where(np.arange(len(images)) % 4 > 0, "many", "few"))
    export.save(model, tmp_path / "out", "onnx", images)
    labels = json.loads((tmp_path / "out" / "export.json").read_text())["labels"]
    assert labels["few"] == pytest.approx([0.0, 0.3], abs=1e-6)
    assert labels["many"] == pytest.approx([0.3, 1.0], abs=1e-6)


def test_no_samples_without_a_gaussian(tmp_path):
    names = [function.name for function in export.save(conv(), tmp_path / "out", "onnx")]
    assert names == NAMES


def test_implicit_models_draw_at_any_points(tmp_path):
    model = implicit()
    export.save(model, tmp_path / "out", "litert")
    latents = model.encode(some_images(model, 3))
    rows, columns = np.linspace(-1, 1, 9), np.linspace(-1, 1, 4)
    grid = np.stack(np.meshgrid(rows, columns, indexing="ij"), -1).reshape(-1, 2)
    values = run(
        tmp_path / "out" / "decode_at.tflite",
        latents=latents,
        coordinates=grid.astype(np.float32),
    )
    expected = model.decode(latents, size=(9, 4))
    np.testing.assert_allclose(values.reshape(3, 9, 4, 3), expected, atol=1e-5)


@pytest.mark.parametrize("quantize", ["float16", "int8"])
def test_quantized_files_are_smaller_and_say_by_how_much_they_are_off(tmp_path, quantize):
    model = gon_tf.GON(gon_tf.ConvDecoder((16, 16, 1), latent_dim=32, filters=4))
    whole = export.save(model, tmp_path / "whole", "litert")
    small = export.save(model, tmp_path / "small", "litert", quantize=quantize)
    assert small[0].bytes < (0.6 if quantize == "float16" else 0.4) * whole[0].bytes
    found = run(small[0].path, images=some_images(model, 4))
    expected = model.encode(some_images(model, 4))
    assert whole[0].max_difference < small[0].max_difference < 0.3
    assert abs(found - expected).max() < 0.3 * abs(expected).max()


@pytest.mark.slow
def test_every_model_is_a_saved_model(tmp_path):
    model = batch_normalized()
    functions = export.save(model, tmp_path / "out", "savedmodel", some_images(model, 5))
    assert [function.name for function in functions] == NAMES
    assert all(function.path == tmp_path / "out" for function in functions)
    assert max(function.max_difference for function in functions) < 1e-4


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (batch_normalized, "has batch normalisation, dropout or noise in its decoder"),
        (lambda: implicit(inner_steps=2), "ImplicitGON, which takes inner_steps=2"),
        (lambda: gon_tf.GLO(conv().decoder, image_count=3), "GLO, which optimises its latents"),
    ],
)
def test_a_model_that_needs_gradients(tmp_path, make, message):
    with pytest.raises(ValueError, match="exports to onnx, which has no gradients.*" + message):
        export.save(make(), tmp_path / "out", "onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_model_of_lower_precision(tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = conv()
    finally:
        keras.config.set_dtype_policy("float32")
    with pytest.raises(ValueError, match="in float32 can be exported.*bfloat16"):
        export.save(model, tmp_path / "out", "onnx")


@pytest.mark.parametrize("wrong", [lambda result: result + 0.01, lambda result: result * np.nan])
def test_files_that_differ_are_not_left(tmp_path, monkeypatch, wrong):
    export.save(conv(), tmp_path / "out", "onnx")
    before = contents(tmp_path)
    right = formats.ONNX.run

    def run_wrongly(self, folder, calls):
        return {call: wrong(result) for call, result in right(self, folder, calls).items()}

    monkeypatch.setattr(formats.ONNX, "run", run_wrongly)
    with pytest.raises(ValueError, match="onnx of encode differs from the model by .* 0.0001"):
        export.save(conv(), tmp_path / "out", "onnx", overwrite=True)
    assert contents(tmp_path) == before


def test_files_that_do_not_run_are_not_left(tmp_path, monkeypatch):
    monkeypatch.setattr(formats.LiteRT, "write_one", lambda self, f, path: path.write_text("no"))
    with pytest.raises(ValueError, match="cannot be exported to litert: "):
        export.save(conv(), tmp_path / "out", "litert")
    assert list(tmp_path.iterdir()) == []


def test_sines_may_differ_more():
    assert export.tolerance(implicit()) == 1e-3
    assert export.tolerance(conv()) == 1e-4


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_what_is_not_of_the_export_stays(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    others = ["bert.onnx", "x.tflite/a", "variables/mine", ".hidden", "thesis.tex"]
    for name in others:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("mine")
    before = contents(tmp_path)
    with pytest.raises(FileExistsError, match="choose another folder, or overwrite it"):
        export.save(conv(), ".", "onnx")
    for format in ("onnx", "onnx", "litert"):
        export.save(conv(), ".", format, overwrite=True)
        now = contents(tmp_path)
        suffix = SUFFIXES[format]
        assert now.keys() - before.keys() == {"export.json", *(f"{n}{suffix}" for n in NAMES)}
        assert all(now[name] == b"mine" for name in others)
    with pytest.raises(FileExistsError, match=r"variables/mine is of no export"):
        export.save(conv(), ".", "savedmodel", overwrite=True)
    assert contents(tmp_path) == now


@pytest.mark.parametrize("name", ["encode.onnx", "sample.onnx"])
def test_a_file_in_the_way_that_is_not_ours(tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(FileExistsError, match=f"{name} is of no export that export.json names"):
        export.save(conv(), tmp_path, "onnx", overwrite=True)
    assert contents(tmp_path) == {name: b"mine"}


def test_a_file_that_was_changed_is_not_ours(tmp_path):
    export.save(conv(), tmp_path / "out", "onnx")
    (tmp_path / "out" / "encode.onnx").write_text("mine")
    before = contents(tmp_path)
    with pytest.raises(FileExistsError, match=r"encode.onnx is not as it was exported"):
        export.save(conv(), tmp_path / "out", "litert", overwrite=True)
    (tmp_path / "out" / "encode.onnx").unlink()
    (tmp_path / "thesis").write_text("mine")
    (tmp_path / "out" / "encode.onnx").symlink_to(tmp_path / "thesis")
    with pytest.raises(FileExistsError, match=r"encode.onnx is not as it was exported"):
        export.save(conv(), tmp_path / "out", "litert", overwrite=True)
    assert contents(tmp_path)["out/decode.onnx"] == before["out/decode.onnx"]


@pytest.mark.parametrize("name", ["../thesis", "/etc/hostname", "", "a/../../thesis"])
def test_a_record_that_names_others(tmp_path, name):
    (tmp_path / "thesis").write_text("mine")
    out = tmp_path / "out"
    out.mkdir()
    (out / "export.json").write_text(json.dumps({"files": {name: None}}))
    with pytest.raises(FileExistsError, match=r"export.json is not that of an export"):
        export.save(conv(), out, "onnx", overwrite=True)
    assert (tmp_path / "thesis").read_text() == "mine"


def test_the_record(tmp_path):
    export.save(conv(), tmp_path / "out", "onnx")
    record = json.loads((tmp_path / "out" / "export.json").read_text())
    assert (record["format"], record["model"]) == ("onnx", "GON")
    assert set(record["files"]) == {f"{name}.onnx" for name in NAMES}


def test_links(tmp_path):
    (tmp_path / "nowhere").symlink_to("gone")
    with pytest.raises(FileExistsError, match="a link that leads nowhere"):
        export.save(conv(), tmp_path / "nowhere", "onnx", overwrite=True)
    (tmp_path / "out").mkdir()
    (tmp_path / "link").symlink_to("out")
    export.save(conv(), tmp_path / "link", "onnx")
    assert (tmp_path / "out" / "encode.onnx").is_file()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"format": "pickle"}, ValueError, "format must be one of"),
        ({"format": "onnx", "quantize": "int8"}, ValueError, "quantize is for format='litert'"),
        ({"format": "litert", "quantize": "int4"}, ValueError, "quantize must be one of"),
        ({"images": np.full((2, 8, 8, 1), 7.0)}, ValueError, "lie in"),
        ({"images": np.zeros((0, 8, 8, 1))}, ValueError, "There must be an image"),
        ({"images": np.zeros((2, 9, 9, 1))}, ValueError, "must have the shape"),
        ({"folder": "no/such/folder"}, FileNotFoundError, "no/such does not exist"),
        ({"folder": ""}, ValueError, "must not be empty"),
    ],
)
def test_wrong_arguments(tmp_path, monkeypatch, options, error, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=message):
        export.save(conv(), **{"folder": "out", "format": "onnx", **options})
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package(tmp_path, monkeypatch):
    monkeypatch.setattr(formats.importlib.util, "find_spec", lambda name: None)
    message = r'litert needs ai_edge_litert: pip install "gon-tf\[export\]"'
    with pytest.raises(ImportError, match=message):
        export.save(conv(), tmp_path / "out", "litert")

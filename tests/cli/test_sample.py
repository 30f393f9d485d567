import json

import pytest

import gon_tf
from gon_tf.cli.sample import draw
from gon_tf.pictures import GAP, to_uint8


def test_seeds_in_a_process_and_here_give_the_same_pictures(
    process, run, grey_model, tmp_path, pixels
):
    command = process("sample", str(grey_model), "--seeds", "70,17,2-3", "-o", "some", "--json")
    result = run("sample", grey_model, "-n", 20, "-o", "many", "--grid", "--zoom", 1)
    with command:
        stdout, stderr = command.communicate()
    assert (command.returncode, stderr) == (0, "")
    files = [f"some/sample-{seed:05}.png" for seed in (70, 17, 2, 3)]
    seeds = [70, 17, 2, 3]
    assert json.loads(stdout) == {"model": str(grey_model), "seeds": seeds, "files": files}

    assert result.exit_code == 0, result.stderr
    names = [f"many/sample-{seed:05}.png" for seed in range(20)]
    assert result.stdout.split() == [*names, "many/grid.png"]
    for seed in (17, 2, 3):
        name = f"sample-{seed:05}.png"
        assert (pixels(tmp_path / "some" / name) == pixels(tmp_path / "many" / name)).all()
    assert pixels(tmp_path / "many" / "grid.png").shape == (4 * 10 - GAP, 5 * 10 - GAP)


def test_pictures_are_the_models_samples(grey_model):
    model = gon_tf.load(grey_model)
    expected = to_uint8(model.sample(3, seed=63)).astype(int)
    drawn = dict(draw(model, [63, 64, 65]))
    for i, seed in enumerate((63, 64, 65)):
        assert abs(drawn[seed] - expected[i]).max() <= 1


def test_a_grid(run, grey_model, tmp_path, pixels):
    assert run("sample", grey_model, "-o", "all.png", "--zoom", 1).stdout == "all.png\n"
    assert run("sample", grey_model, "--seeds", "9", "-o", "nine.png").exit_code == 0
    everything, nine = pixels(tmp_path / "all.png"), pixels(tmp_path / "nine.png")
    assert everything.shape == (8 * 10 - GAP, 8 * 10 - GAP)
    assert (everything[10:18, 10:18] == nine).all()


def test_a_picture_is_the_same_whatever_the_batch(run, grey_model, pixels):
    alone = pixels(run("sample", grey_model, "--seeds", "17", "-o", "-").stdout_bytes)
    for seeds, row, column in [("0-63", 2, 1), ("16-18,70-75", 0, 1), ("9,100-106,17", 2, 2)]:
        result = run("sample", grey_model, "--seeds", seeds, "-o", "-", "--zoom", 1)
        assert (result.exit_code, result.stderr) == (0, "")
        grid = pixels(result.stdout_bytes)
        top, left = row * (8 + GAP), column * (8 + GAP)
        assert (grid[top : top + 8, left : left + 8] == alone).all()


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["tiny-cnv", "-o", "x.png"], 1, "did you mean 'tiny-conv'?"),
        (["tiny-conv", "-o", "taken.png"], 1, "taken.png exists already"),
        (["tiny-conv", "-o", "."], 1, "sample-00003.png exists already"),
        (["tiny-conv", "-o", "taken.png/x"], 1, "taken.png is a file"),
        (["tiny-conv", "-n", "0", "-o", "x.png"], 2, "0 is not in the range"),
        (["tiny-conv", "--seeds", "a-b", "-o", "x.png"], 2, "'a-b' is not a seed or a range"),
        (["tiny-conv", "-n", "3", "--seeds", "3", "-o", "x.png"], 2, "not both"),
        (["tiny-conv", "-o", "x.gif"], 2, "OUT is a .png, .jpg, .jpeg, .webp file, a folder"),
        (["tiny-conv", "-o", "-", "--json"], 2, "leave out --json"),
        (["tiny-conv", "--seeds", "9-3", "-o", "x.png"], 2, "write 3-9"),
        (["tiny-conv"], 2, "Missing option '-o'"),
    ],
)
def test_errors(run, zoo, tmp_path, monkeypatch, arguments, status, message):
    monkeypatch.setattr("gon_tf.cli.arguments.load", lambda name: pytest.fail("loaded"))
    (tmp_path / "taken.png").touch()
    (tmp_path / "sample-00003.png").touch()
    before = sorted(tmp_path.rglob("*"))
    result = run("sample", *arguments)
    assert result.exit_code == status
    assert message in result.stderr
    assert sorted(tmp_path.rglob("*")) == before


def test_a_model_without_a_distribution_of_latents(run, tmp_path):
    model = gon_tf.GON(gon_tf.ConvDecoder((8, 8, 1), latent_dim=2, filters=1))
    model.save_to_preset(tmp_path / "untrained")
    result = run("sample", "untrained", "-o", "x.png")
    assert result.exit_code == 1
    assert "The distribution of the latents is not known yet" in result.stderr
    assert not (tmp_path / "x.png").exists()


@pytest.fixture
def labelled(tmp_path, images):
    model = gon_tf.VariationalGON(gon_tf.ConvDecoder((8, 8, 1), latent_dim=4, filters=2))
    model.fit_latents(images, ["coat", "bag"] * (len(images) // 2))
    model.save_to_preset(tmp_path / "labelled")
    return model


def test_pictures_of_a_label(run, labelled, tmp_path, pixels):
    result = run("sample", "labelled", "--label", "coat", "--seeds", "3", "-o", "coat.png")
    assert (result.exit_code, result.stderr) == (0, "")
    expected = to_uint8(labelled.sample(1, seed=3, label="coat"))[0].astype(int)
    assert abs(pixels(tmp_path / "coat.png").reshape(8, 8, 1) - expected).max() <= 1
    result = run("sample", "labelled", "--label", "boat", "-o", "x.png")
    assert result.exit_code == 1
    assert "No label is 'boat'; did you mean 'coat'?" in result.stderr
    assert "bag, coat" in run("zoo", "show", "labelled").stdout


def test_pictures_from_the_prior_of_the_bound(run, labelled, grey_model, tmp_path, pixels):
    result = run("sample", "labelled", "--prior", "normal", "--seeds", "3", "-o", "any.png")
    assert (result.exit_code, result.stderr) == (0, "")
    noise = gon_tf.latents.standard_normal([3], 4)
    expected = to_uint8(labelled.decode(noise))[0].astype(int)
    assert abs(pixels(tmp_path / "any.png").reshape(8, 8, 1) - expected).max() <= 1
    result = run("sample", grey_model, "--prior", "normal", "-o", "x.png")
    assert result.exit_code == 1
    assert (
        "a variational model are near N(0, I). Received: prior='normal' for a GON" in result.stderr
    )
    result = run("sample", "labelled", "--prior", "normal", "--label", "coat", "-o", "x.png")
    assert result.exit_code == 1
    assert "fitted with labels, not from N(0, I). Received: label='coat'" in result.stderr


def test_a_model_without_labels(run, grey_model):
    result = run("sample", grey_model, "--label", "7", "-o", "x.png")
    assert result.exit_code == 1
    assert "draws no samples by label" in result.stderr

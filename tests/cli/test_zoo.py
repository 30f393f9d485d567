import json


def test_list(run, zoo):
    header, row = run("zoo", "list").stdout.splitlines()
    columns = "name dataset variant image latents parameters SSE PSNR"
    assert header.split() == columns.split()
    assert row.split()[:5] == ["tiny-conv", "tiny", "conv", "8x8x1", "4"]
    assert row.split()[-2:] == ["12.50", "7.250"]


def test_list_of_a_kind(run, zoo):
    for option, value, count in [
        ("--dataset", "tiny", 1),
        ("--dataset", "other", 0),
        ("--variant", "conv", 1),
        ("--variant", "implicit", 0),
    ]:
        models = json.loads(run("zoo", "list", option, value, "--json").stdout)["models"]
        assert len(models) == count


def test_show(run, zoo):
    card = json.loads(run("zoo", "show", "tiny-conv", "--json").stdout)
    assert card["name"] == "tiny-conv"
    assert card["image_shape"] == [8, 8, 1]
    assert card["metrics"] == {"sse": 12.5, "psnr": 7.25}
    assert card["folder"] == str(zoo / "tiny-conv")

    lines = run("zoo", "show", "tiny-conv").stdout.splitlines()
    values = dict(line.split(maxsplit=1) for line in lines)
    assert values["image_shape"] == "8x8x1"
    assert values["metrics.sse"] == "12.5"
    assert values["files"] == "config.json, metadata.json, model.weights.h5"


def test_an_unknown_model(run, zoo):
    result = run("zoo", "show", "tiny-con")
    assert result.exit_code == 1
    assert "did you mean 'tiny-conv'?" in result.stderr


def test_a_damaged_model(run, zoo):
    (zoo / "tiny-conv" / "model.weights.h5").write_bytes(b"")
    result = run("zoo", "show", "tiny-conv")
    assert result.exit_code == 1
    assert "is not the file in the registry" in result.stderr

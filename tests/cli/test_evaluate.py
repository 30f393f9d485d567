import pytest


def test_evaluate_for_people(run, grey_model, pictures):
    result = run("evaluate", grey_model, pictures)
    assert result.exit_code == 0, result.stderr
    values = dict(line.split() for line in result.stdout.splitlines())
    assert values.keys() == {"loss", "sse", "psnr", "count"}
    assert values["count"] == "12"


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["tiny-cnv", "pictures"], 1, "did you mean 'tiny-conv'?"),
        (["tiny-conv", "mnits"], 1, "did you mean 'mnist'?"),
        (["tiny-conv", "nowhere/"], 1, "nowhere"),
        (["tiny-conv", "pictures", "--batch-size", "0"], 2, "0 is not in the range"),
        (["tiny-conv"], 2, "Missing argument 'DATASET'"),
    ],
)
def test_errors(run, zoo, pictures, arguments, status, message):
    result = run("evaluate", *arguments)
    assert result.exit_code == status
    assert message in result.stderr
    assert result.stdout == ""

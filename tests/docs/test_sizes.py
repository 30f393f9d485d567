"""The tables of what default settings make of pictures of every size."""

from docs.generate import sizes


def row(**changes):
    """A run in the record."""
    known = {
        **{"set": "emoji-64", "variant": "conv", "seed": 0, "steps": 60, "diverged": False},
        **{"first_loss": 800.0, "last_loss": 200.0, "sse": 220.0, "psnr": 18.0},
        **{"cpu_seconds": 30.0, "cpu_seconds_per_step": 0.2, "peak_gb": 1.0, "pca": {"psnr": 20.0}},
    }
    return {**known, **changes}


def test_the_tables_are_those_of_the_record():
    for path, text in sizes.texts().items():
        assert path.read_text(encoding="utf-8") == text


def test_runs_are_counted_and_their_mean_is_taken():
    rows = [row(), row(seed=1, psnr=19.0, peak_gb=1.5, diverged=True)]
    assert "| emoji-64 | conv | 1 | 60 | 800 | 200 | yes | 220 | 19.00 |" in sizes.whole(rows)
    assert "| emoji-64 | conv | 60 | 18.5 | 20.0 | 0.20 | 1.5 |" in sizes.short(rows)
    assert "1 of 2 runs diverged." in sizes.short(rows)
    assert "None of 1 runs diverged." in sizes.whole([row()])

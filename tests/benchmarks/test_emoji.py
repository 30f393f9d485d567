from benchmarks import emoji


def test_variants_of_an_emoji_stay_together(tmp_path):
    names = ["1f44a.png", "1f44a-1f3fb.png", "1f44b.png", "0023-fe0f-20e3.png"]
    (tmp_path / "source").mkdir()
    for name in names:
        (tmp_path / "source" / name).write_bytes(name.encode())
    assert emoji.split(tmp_path / "source", tmp_path / "parts") == (2, 2)
    held_out = sorted(path.name for path in (tmp_path / "parts" / "held-out").iterdir())
    assert held_out == ["1f44a-1f3fb.png", "1f44a.png"]

from benchmarks import emoji


def test_variants_of_an_emoji_stay_together(tmp_path):
    names = ["0032.png", "0032-fe0f-20e3.png", "1f44a.png", "1f44a-1f3fb.png"]
    (tmp_path / "source").mkdir()
    for name in names:
        (tmp_path / "source" / name).write_bytes(name.encode())
    assert emoji.split(tmp_path / "source", tmp_path / "parts") == (2, 2)
    held_out = sorted(path.name for path in (tmp_path / "parts" / "held-out").iterdir())
    assert held_out == ["0032-fe0f-20e3.png", "0032.png"]

import pytest

from gon_tf.training import Options, Recipe, build, progress

LOGS = {"loss": 3.21456, "sse": 3.21456, "psnr": 24.9123}


def said(epochs=120, live=False, steps=10, **times):
    """A `Progress` in its second epoch, of 10 s as the first was of 30."""
    shown = progress.Progress()
    shown.set_params({"epochs": epochs, "steps": steps})
    shown.on_train_begin()
    shown.live = live
    return shown


def test_a_line_for_each_epoch(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    shown = said()
    for epoch, seconds in enumerate([30.0, 10.0, 12.0]):
        shown.on_epoch_begin(epoch)
        shown.on_train_batch_end(3, LOGS)
        now[0] += seconds
        shown.on_epoch_end(epoch, {**LOGS, "val_loss": 3.5, "val_psnr": 24.5, "val_ssim": 0.5})
    first, second, third = capsys.readouterr().err.splitlines()
    error = "loss 3.215  24.91 dB  held out: loss 3.5  24.50 dB"
    assert first == f"epoch   1/120  {error}  30.0 s  59:30 min left"
    assert second.endswith("10.0 s  19:40 min left"), "without what the first took for the graph"
    assert third.endswith("12.0 s  21:27 min left")
    assert max(map(len, (first, second, third))) <= 100


def test_the_last_epoch_and_a_terminal(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    shown = said(epochs=1, live=True)
    shown.on_epoch_begin(0)
    now[0] = 5.0
    shown.on_train_batch_end(4, LOGS)
    shown.on_train_batch_end(5, LOGS)  # too soon
    shown.on_epoch_end(0, LOGS)
    text = capsys.readouterr().err
    assert text.count("\r") == 2
    during, end = (line.strip() for line in text.split("\r")[1:])
    assert during == "epoch 1/1   50%  loss 3.215  24.91 dB  5.0 s left"
    assert end == "epoch 1/1  loss 3.215  24.91 dB  5.0 s"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(8.12, "8.1 s"), (247, "4:07 min"), (7455, "2:04 h"), (360000, "100:00 h")],
)
def test_clock(seconds, text):
    assert progress.clock(seconds) == text


def test_header(folder, tmp_path):
    recipe = Recipe(
        "conv",
        str(folder),
        image_size=8,
        latent_dim=2,
        filters=2,
        batch_size=4,
        epochs=3,
        validation_split=0.25,
    )
    lines = progress.header(build.prepare(recipe, Options()), tmp_path, 1).splitlines()
    assert lines[0] == f"Training conv on 9 pictures of {folder} (8x8 grey), 3 held out."
    assert lines[1].endswith("about 0.8 GB of memory; 3 epochs of 2 steps, 1 of them done.")
    assert lines[2] == f"Look at loss.png, reconstructions/ and samples/ in {tmp_path}."

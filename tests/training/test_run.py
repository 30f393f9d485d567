import json
import os
import signal
import threading

import numpy as np
import pytest
from PIL import Image

import gon_tf
from gon_tf import files
from gon_tf.callbacks import DivergenceGuard
from gon_tf.training import Options, Recipe, build, evaluation, record, run, stopping

QUICK = Options(pictures_every=0)


def small(folder, **changes):
    sizes = {"image_size": 8, "latent_dim": 2, "filters": 2, "batch_size": 4, "epochs": 1}
    return Recipe("conv", str(folder), **{**sizes, **changes})


def test_train_returns_what_it_saved(folder, tmp_path):
    metadata = gon_tf.train(small(folder, evaluate=str(folder)), tmp_path / "model", QUICK)
    assert metadata == json.loads((tmp_path / "model" / "metadata.json").read_text())
    assert metadata["metrics"]["count"] == 12
    assert {"parameters", "error_quantiles", "versions", "last_epoch"} <= metadata.keys()
    record = json.loads((tmp_path / "model" / "run.json").read_text())
    assert record["finished"]
    assert len(record["threads"]) == 2
    assert not (tmp_path / "model" / "checkpoints").exists()


def test_another_training_may_have_come_in_between(folder, tmp_path, monkeypatch):
    """What was checked before the lock was taken is checked again under it."""
    prepare = build.prepare

    def slow(*arguments):
        monkeypatch.setattr(build, "prepare", prepare)
        gon_tf.train(small(folder), tmp_path / "model", QUICK)
        return prepare(*arguments)

    for resume, message in ((False, "exists already"), (True, r"now seed is 1 \(was 0\)")):
        monkeypatch.setattr(build, "prepare", slow)
        with pytest.raises((FileExistsError, ValueError), match=message):
            gon_tf.train(small(folder, seed=1), tmp_path / "model", QUICK, resume=resume)
        assert gon_tf.load(tmp_path / "model")
        for path in (tmp_path / "model").iterdir():
            path.unlink()


def test_one_process_at_a_time(folder, tmp_path):
    with files.locked(tmp_path / "model" / ".lock"), pytest.raises(BlockingIOError):
        gon_tf.train(small(folder), tmp_path / "model", QUICK)


def interrupted(folder, model, monkeypatch, recipe=None):
    """A training that ends when its model is to be saved."""

    def die(*arguments):
        raise MemoryError

    monkeypatch.setattr(evaluation, "complete", die)
    with pytest.raises(MemoryError):
        gon_tf.train(recipe or small(folder), model, QUICK)
    monkeypatch.undo()


@pytest.mark.parametrize("change", ["replace", "swap", "remove and add"])
def test_resume_notices_that_pictures_changed(folder, tmp_path, monkeypatch, change):
    interrupted(folder, tmp_path / "model", monkeypatch)
    first, second = folder / "00.png", folder / "01.png"
    if change == "swap":
        first.rename(folder / "x")
        second.rename(first)
        (folder / "x").rename(second)
    elif change == "replace":
        Image.fromarray(np.zeros((8, 8), np.uint8)).save(first)
    else:
        first.unlink()
        Image.fromarray(np.zeros((8, 8), np.uint8)).save(folder / "99.png")
    with pytest.raises(ValueError, match="begun with other images"):
        gon_tf.train(small(folder), tmp_path / "model", QUICK, resume=True)


def test_resume_refuses_checkpoints_of_another_training(folder, tmp_path, monkeypatch):
    for name, seed in (("a", 0), ("b", 1)):
        interrupted(folder, tmp_path / name, monkeypatch, small(folder, seed=seed))
    for path in (tmp_path / "a" / "checkpoints").iterdir():
        path.unlink()
    (tmp_path / "b" / "checkpoints").rename(tmp_path / "a" / "checkpoints2")
    for path in (tmp_path / "a" / "checkpoints2").iterdir():
        path.rename(tmp_path / "a" / "checkpoints" / path.name)
    with pytest.raises(ValueError, match="is of another training"):
        gon_tf.train(small(folder), tmp_path / "a", QUICK, resume=True)


def test_the_last_phase_depends_on_the_weights_alone(folder, tmp_path, monkeypatch):
    recipe = small(folder, inner_steps=2, batch_size=5, validation_split=0.25, epochs=2)
    options = Options()  # with pictures: batches of other shapes
    whole = gon_tf.train(recipe, tmp_path / "whole", options)
    interrupted(folder, tmp_path / "model", monkeypatch, recipe)
    resumed = gon_tf.train(recipe, tmp_path / "model", options, resume=True)
    models = gon_tf.load(tmp_path / "whole"), gon_tf.load(tmp_path / "model")
    for a, b in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_array_equal(a, b)
    assert whole["error_quantiles"] == resumed["error_quantiles"]


def test_resume_keeps_the_epochs_unless_others_are_asked_for(folder, tmp_path, monkeypatch, capsys):
    interrupted(folder, tmp_path / "model", monkeypatch, small(folder, epochs=2))
    metadata = gon_tf.train(small(folder, epochs=None), tmp_path / "model", QUICK, resume=True)
    assert metadata["recipe"]["epochs"] == metadata["epochs"] == 2
    capsys.readouterr()
    gon_tf.train(small(folder, epochs=None), tmp_path / "model", QUICK, resume=True)
    assert "is done already" in capsys.readouterr().err


def test_a_finished_run_is_cleaned(folder, tmp_path, capsys):
    metadata = gon_tf.train(small(folder), tmp_path / "model", QUICK)
    checkpoints = tmp_path / "model" / "checkpoints"
    checkpoints.mkdir()
    (checkpoints / "000001-000000000.checkpoint").touch()
    record.change(tmp_path / "model", files=["checkpoints/000001-000000000.checkpoint"])
    assert gon_tf.train(small(folder), tmp_path / "model", QUICK, resume=True) == metadata
    assert "is done already" in capsys.readouterr().err
    assert not checkpoints.exists()


def test_overwrite_keeps_what_others_wrote(folder, tmp_path):
    model = tmp_path / "model"
    gon_tf.train(small(folder), model, Options(tensorboard=False))
    others = [model / name for name in ("samples/cat.png", "checkpoints/best.pt", ".1-notes.txt")]
    for path in others:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    gon_tf.train(small(folder, seed=1), model, QUICK, overwrite=True)
    assert all(path.read_text() == "mine" for path in others)
    assert not (model / "samples" / "0001.png").exists()
    assert json.loads((model / "metadata.json").read_text())["seed"] == 1


def test_what_is_overwritten_stays_until_there_is_a_new_model(folder, tmp_path, monkeypatch):
    model = tmp_path / "model"
    gon_tf.train(small(folder), model, Options())
    log = (model / "log.csv").read_text()
    with monkeypatch.context() as patched:
        patched.setattr(run, "fit", lambda *arguments, **options: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            gon_tf.train(small(folder, seed=1), model, QUICK, overwrite=True)
    assert gon_tf.load(model)
    assert (model / "former" / "log.csv").read_text() == log
    assert (model / "former" / "samples" / "0001.png").exists()
    gon_tf.train(small(folder, seed=1), model, QUICK, resume=True)
    assert not (model / "former").exists()
    assert not (model / "samples").exists()


def test_a_picture_of_somebody_elses_is_never_replaced(folder, tmp_path):
    recipe, model = small(folder, epochs=2), tmp_path / "model"
    picture = model / "samples" / "0002.png"

    def add(job, folder, **options):
        picture.parent.mkdir()
        picture.write_text("mine")
        return fit(job, folder, **options)

    fit, run.fit = run.fit, add
    try:
        with pytest.raises(FileExistsError, match=r"0002.png is not this training's; move it away"):
            gon_tf.train(recipe, model)
    finally:
        run.fit = fit
    assert picture.read_text() == "mine"
    picture.rename(tmp_path / "mine.png")
    gon_tf.train(recipe, model, resume=True)
    assert picture.exists()


def test_resume_from_another_folder(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recipe = small("pictures", evaluate="pictures")
    interrupted("pictures", tmp_path / "model", monkeypatch, recipe)
    whole = Recipe.from_json(record.read(tmp_path / "model")["recipe"])
    assert whole.dataset == str(folder)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    metadata = gon_tf.train(whole, tmp_path / "model", QUICK, resume=True)
    assert metadata["recipe"]["dataset"] == metadata["metrics"]["split"] == "pictures"
    assert str(tmp_path) not in json.dumps(metadata)


def test_an_empty_path(folder):
    with pytest.raises(ValueError, match="must not be empty"):
        gon_tf.train(small(folder), "", QUICK)


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_signals_end_in_order(folder, tmp_path, monkeypatch, capsys, number):
    number = getattr(signal, number)
    former = signal.signal(number, signal.default_int_handler)
    drawing = run.drawing_callbacks

    def kill(job, place):
        timer = threading.Timer(0.1, os.kill, [os.getpid(), number])
        timer.start()
        return drawing(job, place)

    monkeypatch.setattr(run, "drawing_callbacks", kill)
    options = Options(pictures_every=0, checkpoint_every=7)
    with pytest.raises(KeyboardInterrupt if number == signal.SIGINT else SystemExit):
        gon_tf.train(small(folder, epochs=10**6), tmp_path / "a model", options, data_dir=tmp_path)
    assert signal.signal(number, former) == signal.default_int_handler
    expected = f"gon-tf train --resume -o '{tmp_path}/a model' --checkpoint-every 7 "
    expected += f"--pictures-every 0 --data-dir {tmp_path} goes on."
    assert f"Stopped by {number.name}; {expected}" in capsys.readouterr().err
    assert len(list((tmp_path / "a model" / "checkpoints").iterdir())) > 0


def test_signals_that_are_ignored_stay_so():
    former = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with stopping.stopping(lambda: None):
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    assert signal.signal(signal.SIGHUP, former) == signal.SIG_IGN


def test_other_threads_get_no_signals():
    failed = []

    def enter():
        try:
            with stopping.stopping(lambda: None):
                pass
        except ValueError as error:
            failed.append(error)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert not failed


def test_full_disk_names_the_file(tmp_path):
    error = OSError(28, "No space left on device", str(tmp_path / "log.csv"))
    assert run.full_disk(tmp_path, error).startswith(f"No space is left for {tmp_path}/log.csv")


def test_the_epoch_that_the_guard_went_back_to_is_said(folder, tmp_path, monkeypatch):
    def go_back(guard, epoch, logs=None):
        guard.epoch = 0

    monkeypatch.setattr(DivergenceGuard, "on_epoch_end", go_back)
    metadata = gon_tf.train(small(folder, epochs=2), tmp_path / "model", QUICK)
    assert (metadata["kept_epoch"]["epoch"], metadata["last_epoch"]["epoch"]) == (1, 2)

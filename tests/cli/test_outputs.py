from pathlib import Path

import click
import numpy as np
import pytest

from gon_tf import pictures
from gon_tf.cli import outputs


@pytest.mark.parametrize("name", ["a.PNG", "a.jpg", "b/a.jpeg", "a.webp", "-"])
def test_what_is_a_picture(name):
    assert outputs.is_picture(Path(name))


def test_what_is_no_picture():
    assert not outputs.is_picture(Path("a"))
    assert not outputs.is_picture(Path("a.b"))
    with pytest.raises(click.UsageError, match=r"OUT is a \.png, .* Received: a\.GIF"):
        outputs.is_picture(Path("a.GIF"))


def plan(output, *names, grid=False, as_json=False):
    return outputs.plan(Path(output), names, grid=grid, as_json=as_json)


def test_a_plan_for_a_folder():
    planned = plan("out", "a", "A", "grid", grid=True)
    files = [Path("out", name) for name in ("a.png", "A-2.png", "grid-2.png")]
    assert planned == outputs.Plan(files, Path("out/grid.png"))
    assert planned.written == [*files, Path("out/grid.png")]
    assert planned.target(1) == files[1]
    assert plan("out", "grid").written == [Path("out/grid.png")]


def test_a_plan_for_one_file():
    planned = plan("out.webp", "a", "b")
    assert planned == outputs.Plan([], Path("out.webp"))
    assert planned.written == [Path("out.webp")]
    assert planned.target(1) == Path("out.webp")


def test_a_grid_is_enlarged_and_other_files_are_not(tmp_path, pixels):
    images = [np.full((8, 8, 1), value, np.uint8) for value in (0, 255)]
    for zoom, width in [(1, 18), (2, 36), (None, 612)]:
        planned = outputs.plan(tmp_path / "out", "ab", grid=True, as_json=False, zoom=zoom)
        planned.write(images, pictures.row)
        assert [pixels(path).shape for path in planned.files] == [(8, 8), (8, 8)]
        assert pixels(planned.grid).shape == (width // 18 * 8, width)
        single = outputs.plan(tmp_path / "a.png", "a", grid=False, as_json=False, zoom=zoom)
        single.write(images[:1])
        assert pixels(tmp_path / "a.png").shape == (8 * (zoom or 1),) * 2


def test_a_grid_that_is_too_large():
    outputs.check_grid(64, (28, 28), 50)
    with pytest.raises(
        ValueError, match="pictures of 2000x2000 pixels is too large; give a folder"
    ):
        outputs.check_grid(64, (2000, 2000))
    with pytest.raises(ValueError, match="enlarged 58 times at most. Received: --zoom 64"):
        outputs.check_grid(64, (28, 28), 64)


def test_a_plan_for_stdout():
    assert plan("-", "a", "b").written == []
    with pytest.raises(click.UsageError, match="leave out --json"):
        plan("-", "a", as_json=True)


def test_a_picture_is_not_sent_to_a_terminal(monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    with pytest.raises(click.UsageError, match="send it to a file"):
        plan("-", "a")


def test_an_existing_file_is_kept_unless_overwritten(tmp_path):
    target = tmp_path / "a.png"
    target.touch()
    with pytest.raises(FileExistsError, match="--overwrite"):
        outputs.check([target], overwrite=False)
    outputs.check([target], overwrite=True)


def test_an_input_is_never_overwritten(tmp_path):
    target = tmp_path / "a.png"
    target.touch()
    with pytest.raises(FileExistsError, match="one of the inputs"):
        outputs.check([target], overwrite=True, inputs=[tmp_path / "." / "a.png"])


def test_a_folder_is_not_a_file_and_a_file_no_folder(tmp_path):
    (tmp_path / "a.png").mkdir()
    with pytest.raises(IsADirectoryError, match="is a folder"):
        outputs.check([tmp_path / "a.png"], overwrite=True)
    (tmp_path / "b").touch()
    with pytest.raises(NotADirectoryError, match="is a file"):
        outputs.check([tmp_path / "b" / "c" / "a.png"], overwrite=True)
    with pytest.raises(NotADirectoryError, match="is a file"):
        outputs.check_new_folder(tmp_path / "b", overwrite=True)


def test_a_folder_without_permission(tmp_path, monkeypatch):
    monkeypatch.setattr(outputs.os, "access", lambda path, mode: False)
    with pytest.raises(PermissionError, match="cannot be written"):
        outputs.check([tmp_path / "a.png"], overwrite=False)


def test_a_new_folder_may_be_there_if_it_is_empty(tmp_path):
    outputs.check_new_folder(tmp_path, overwrite=False)
    outputs.check_new_folder(tmp_path / "a" / "b", overwrite=False)
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError, match="--overwrite"):
        outputs.check_new_folder(tmp_path, overwrite=False)


def test_different_names():
    assert outputs.different_names(["a", "b", "A", "a", "a-2"]) == ["a", "b", "A-2", "a-3", "a-2-2"]
    assert outputs.different_names(["grid"], taken=["grid"]) == ["grid-2"]


def test_grids_have_a_largest_size():
    outputs.check_grid(100_000, (32, 32, 3))
    with pytest.raises(ValueError, match="13 pictures of 4096x4096 pixels is too large; give a"):
        outputs.check_grid(13, (4096, 4096))


@pytest.mark.parametrize("out", ["in", "in/new", "in/sub", "in/link/x", "../store/y"])
def test_pictures_are_not_written_among_the_inputs(tmp_path, monkeypatch, out):
    monkeypatch.chdir(tmp_path)
    for folder in ("in/sub", "store"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "a.png").touch()
    (tmp_path / "in" / "link").symlink_to("../store")
    found = [Path("in/sub/a.png"), Path("in/link/a.png")]
    planned = plan(Path("in") / out if out.startswith("..") else out, "b")
    with pytest.raises(FileExistsError, match="is or lies in a folder of the inputs"):
        planned.check(overwrite=True, inputs=found, named=[Path("in")])


def test_pictures_may_be_written_beside_the_inputs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    found = [Path("in/a.png")]
    found[0].touch()
    plan("out", "a").check(overwrite=False, inputs=found, named=[Path("in")])
    plan(".", "a").check(overwrite=False, inputs=found, named=[Path("in")])
    plan("in/grid.png").check(overwrite=False, inputs=found, named=[Path("in")])
    plan("in", "b").check(overwrite=False, inputs=found, named=found)


def test_names_are_not_too_long(tmp_path):
    names = outputs.different_names(["x" * 251, "x" * 251, "ü" * 120, "a\udce9"])
    assert names == ["x" * 200, "x" * 200 + "-2", "ü" * 100, "a\udce9"]
    with pytest.raises(OSError, match="too long: 240 bytes are the most"):
        outputs.check([tmp_path / ("x" * 244 + ".png")], overwrite=False)


def test_stdout_that_is_closed(monkeypatch):
    monkeypatch.setattr("sys.stdout", None)
    with pytest.raises(click.UsageError, match="it is closed"):
        plan("-", "a")


def test_what_a_kill_has_left_is_removed_before_the_work(tmp_path):
    (tmp_path / ".a.png-0123abcd.tmp").touch()
    (tmp_path / ".notes").touch()
    outputs.check([tmp_path / "b.png"], overwrite=False)
    assert [path.name for path in tmp_path.iterdir()] == [".notes"]

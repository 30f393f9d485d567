import errno

import pytest

from gon_tf import files


def test_a_failure_leaves_the_former_file(tmp_path):
    path = tmp_path / "a.txt"
    files.write_durably(path, b"old")
    with pytest.raises(ZeroDivisionError), files.replacing(path) as temporary:
        temporary.write_text(str(1 / (temporary.write_text("half") - 4)))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_leftovers_of_a_killed_process_are_removed(tmp_path):
    (tmp_path / ".123-log.csv").touch()
    (tmp_path / ".123").touch()
    (tmp_path / "log.csv").touch()
    files.remove_temporary(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {".123", "log.csv"}
    files.remove_temporary(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "a"), True),
        (
            OSError("Can't write data (... errno = 28, error message = 'No space left on device')"),
            True,
        ),
        (OSError(errno.EACCES, "Permission denied"), False),
        (ValueError("loss"), False),
    ],
)
def test_disk_is_full(error, full):
    assert files.disk_is_full(error) is full

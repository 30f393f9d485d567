import errno
import fcntl
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import gon_tf
from gon_tf import files


def names(folder):
    return {path.name for path in folder.iterdir()}


# Paths


def test_path_of():
    assert files.path_of("~/x") == Path.home() / "x"
    assert files.path_of(Path("x")) == Path("x")
    with pytest.raises(ValueError, match="must not be empty"):
        files.path_of("")


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("data", "data is an input"),
        ("data/../data", "is an input"),
        ("link", "link is an input"),
        ("data/new", "data/new lies in the input data"),
        (".", r"\. holds the input data"),
        ("database", None),
        ("elsewhere/data", None),
    ],
)
def test_output_apart_from_inputs(tmp_path, monkeypatch, output, message):
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    Path("link").symlink_to("data")
    if message is None:
        files.check_apart(Path(output), [Path("data")])
        return
    with pytest.raises(ValueError, match=message):
        files.check_apart(Path(output), [Path("data")])


# Writing


def test_a_failure_leaves_the_former_file(tmp_path):
    path = tmp_path / "a.txt"
    files.write(path, b"old")
    with pytest.raises(ZeroDivisionError), files.replacing(path) as temporary:
        temporary.write_text(str(1 / (temporary.write_text("half") - 4)))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_mode_is_that_of_other_files(tmp_path):
    (tmp_path / "other").touch()
    files.write(tmp_path / "a", b"")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_longest_name(tmp_path):
    path = tmp_path / ("ü" * 127 + "x")
    files.write(path, b"x")
    assert names(tmp_path) == {path.name}


@pytest.mark.parametrize("error", [errno.EINVAL, errno.EACCES])
def test_folder_that_cannot_be_synced(tmp_path, monkeypatch, error):
    sync = os.fsync

    def fsync(descriptor):
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):
            raise OSError(error, os.strerror(error))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    files.write(tmp_path / "a", b"x")
    assert (tmp_path / "a").read_bytes() == b"x"


def test_a_full_disk_names_the_file(tmp_path):
    path = tmp_path / "a"
    for error in (OSError(errno.ENOSPC, "full", "source"), OSError("No space left on device")):
        with pytest.raises(OSError, match="No space left") as caught, files.replacing(path):
            raise error
        assert caught.value.filename == str(path)
        with pytest.raises(OSError, match="No space left") as caught, files.filling(path, "seal"):
            raise error
        assert caught.value.filename == str(path)
    assert names(tmp_path) == set()


def fill(folder, contents, **options):
    with files.filling(folder, "seal", **options) as temporary:
        for name, content in contents.items():
            (temporary / name).parent.mkdir(exist_ok=True)
            (temporary / name).write_text(content)


@pytest.fixture
def filled(tmp_path):
    """A folder with two files of ours and two of others."""
    fill(tmp_path / "out", {"seal": "1", "sub/a": "1"})
    (tmp_path / "out" / "thesis").write_text("mine")
    (tmp_path / "out" / "sub" / "b").write_text("mine")
    return tmp_path / "out"


def contents(folder):
    return {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*") if p.is_file()}


OTHERS = {"thesis": "mine", "sub/b": "mine"}


def test_filling_replaces_what_it_may_and_nothing_else(filled):
    fill(filled, {"seal": "2", "c": "2"}, former=["sub/a", "gone"])
    assert contents(filled) == {"seal": "2", "c": "2", **OTHERS}
    (filled / "sub" / "b").unlink()
    fill(filled, {"seal": "3", "sub/b": "3"})
    fill(filled, {"seal": "4"}, former=["sub/b"])
    assert names(filled) == {"seal", "c", "thesis"}
    assert names(filled.parent) == {"out"}


def test_filling_this_folder(filled, monkeypatch):
    monkeypatch.chdir(filled)
    fill(Path("."), {"seal": "2", "sub/a": "2"})
    assert contents(filled) == {"seal": "2", "sub/a": "2", **OTHERS}


def test_filling_a_link_to_a_folder(filled):
    (filled.parent / "link").symlink_to("out")
    fill(filled.parent / "link", {"seal": "2"})
    assert contents(filled) == {"seal": "2", "sub/a": "1", **OTHERS}


@pytest.mark.parametrize("number", range(5))
def test_a_failure_while_files_move_brings_the_old_ones_back(filled, monkeypatch, number):
    before, replace = contents(filled), os.replace
    left = [number]

    def limited(source, target):
        left[0] -= 1
        if left[0] == -1:
            raise PermissionError("no")
        replace(source, target)

    monkeypatch.setattr(os, "replace", limited)
    with pytest.raises(PermissionError):
        fill(filled, {"seal": "2", "d": "2", "sub/a": "2"})
    assert contents(filled) == before
    assert names(filled) == {"seal", "thesis", "sub"}


def test_filling_needs_a_parent(tmp_path):
    with pytest.raises(FileNotFoundError):
        fill(tmp_path / "no" / "out", {"seal": "1"})


# What a kill leaves

KILLED = """
import os, signal, sys
from pathlib import Path
from gon_tf import files
with getattr(files, sys.argv[1])(Path(sys.argv[2]), *sys.argv[3:]) as temporary:
    os.kill(os.getpid(), signal.SIGKILL)
"""


def killed(*arguments):
    process = subprocess.run([sys.executable, "-c", KILLED, *map(str, arguments)])
    assert process.returncode == -signal.SIGKILL


def test_leftovers_of_a_killed_process_are_removed(tmp_path):
    killed("replacing", tmp_path / "log.csv")
    killed("filling", tmp_path / "model", "seal")
    others = {".log.csv-0a.tmp", ".2024-notes.txt", ".x-abcdefgh.tmp", "log.csv"}
    for name in others:
        (tmp_path / name).touch()
    (temporary,) = {path for path in tmp_path.glob(".log.csv-*.tmp")} - {
        tmp_path / ".log.csv-0a.tmp"
    }
    shutil.copy(temporary, tmp_path / ".other-00000000.tmp")
    files.remove_temporary(tmp_path, "other")
    assert len(names(tmp_path) - others) == 2
    files.remove_temporary(tmp_path)
    assert names(tmp_path) == others
    files.remove_temporary(tmp_path / "nowhere")


def test_filling_removes_what_its_last_attempt_left(tmp_path):
    killed("filling", tmp_path / "model", "seal")
    assert len(names(tmp_path)) == 1
    fill(tmp_path / "model", {"seal": "1"})
    assert names(tmp_path) == {"model"}
    killed("filling", tmp_path / "model", "seal")
    assert len(names(tmp_path / "model")) == 2
    fill(tmp_path / "model", {"seal": "1"})
    assert names(tmp_path / "model") == {"seal"}


def test_what_another_process_is_writing_stays(tmp_path):
    with files.replacing(tmp_path / "a") as one, files.filling(tmp_path / "b", "seal") as two:
        code = "import sys, pathlib; from gon_tf import files; "
        code += "files.remove_temporary(pathlib.Path(sys.argv[1]))"
        subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
        assert one.exists()
        assert two.exists()
        (two / "seal").touch()
    assert names(tmp_path) == {"a", "b"}


def write_often(path):
    for number in range(30):
        files.remove_temporary(path.parent)
        with files.replacing(path) as temporary:
            temporary.write_text(str(number))


def test_several_processes_at_the_same_file(tmp_path):
    with multiprocessing.get_context("fork").Pool(4) as pool:
        pool.map(write_often, [tmp_path / "a"] * 4)
    assert contents(tmp_path) == {"a": "29"}


def test_leftovers_where_there_are_no_locks(tmp_path, monkeypatch):
    def flock(*_):
        raise OSError(errno.ENOSYS, "no locks")

    monkeypatch.setattr(fcntl, "flock", flock)
    with files.replacing(tmp_path / "a"):
        (tmp_path / ".b-00000000.tmp").touch()
        os.utime(tmp_path / ".b-00000000.tmp", (0, 0))
        files.remove_temporary(tmp_path)
    assert names(tmp_path) == {"a"}


# Locks


def test_a_lock_is_held_by_one(tmp_path):
    code = """
import sys, pathlib
from gon_tf import files
with files.locked(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    input()
"""
    command = [sys.executable, "-c", code, str(tmp_path / "x" / ".lock")]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert other.stdout.readline() == b"held\n"
    with (
        pytest.raises(BlockingIOError, match=r"Another process is at work in .*x; wait"),
        files.locked(tmp_path / "x" / ".lock"),
    ):
        pass
    other.kill()  # the system lets go
    other.communicate()
    with files.locked(tmp_path / "x" / ".lock"):
        pass


@pytest.mark.parametrize("number", [errno.ENOTSUP, errno.ENOLCK])
def test_a_file_system_without_locks(tmp_path, monkeypatch, number):
    def flock(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    with (
        pytest.warns(UserWarning, match="has no locks; only one process may work there"),
        files.locked(tmp_path / ".lock"),
    ):
        pass


# Reading


def test_json(tmp_path):
    files.write_json(tmp_path / "a", {"a": [1, {"b": None}]})
    assert files.read_json(tmp_path / "a") == {"a": [1, {"b": None}]}
    with pytest.raises(ValueError, match=r"too large: 52 bytes, where 10 are"):
        files.read_json(tmp_path / "a", most_bytes=10)
    with pytest.raises(FileNotFoundError, match="has no b"):
        files.read_json(tmp_path / "b")
    with pytest.raises(TypeError):
        files.write_json(tmp_path / "a", {"a": object()})
    assert names(tmp_path) == {"a"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"\xff",
        b'{"a":' * 600 + b"1" + b"}" * 600,
        b'{"a":' + b"[" * 100_000,
        b'{"a":' + b"[" * 60 + b"]" * 60 + b"}",
        b'{"a":' + b"9" * 400 + b"}",
        b'{"a":' + b"9" * 40_000 + b"}",
    ],
)
def test_what_is_no_json_object(content):
    with pytest.raises(ValueError, match="here is not a JSON object"):
        files.parse_json(content, "here")


def test_plain_files_only(tmp_path):
    (tmp_path / "file").write_bytes(b"abc")
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "pipe")
    assert files.read_plain(tmp_path / "file", 3) == b"abc"
    for name, message in [("link", "is a link"), ("pipe", "not a plain"), ("", "not a plain")]:
        with pytest.raises(ValueError, match=message):
            files.read_plain(tmp_path / name, 3)


def test_fingerprint_of_a_file(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    found = files.fingerprint(tmp_path / "a")
    assert found["sha256"].startswith("ba7816bf")
    assert found["bytes"] == 3


# Errors


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


def test_first_line():
    assert files.first_line(ValueError("a\nb")) == "a"
    assert files.first_line(ValueError()) == "ValueError"


@pytest.mark.parametrize("place", ["gs://bucket/photos", "s3://bucket/x.npy", "HTTPS://host/x"])
def test_places_elsewhere_are_refused_in_one_sentence(place):
    with pytest.raises(ValueError, match="files of this machine: copy or mount"):
        files.path_of(place)
    with pytest.raises(ValueError, match="files of this machine: copy or mount"):
        gon_tf.data.open_source(place)

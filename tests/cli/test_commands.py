"""What is true of every command: its help, what it imports, how it ends."""

import os
import signal
import subprocess
import sys
import warnings

import click
import pytest
from click.testing import CliRunner
from PIL import Image

from gon_tf.cli import main
from gon_tf.cli.app import Commands
from gon_tf.files import TEMPORARY

EXPECTED = {
    "bench",
    "decode",
    "encode",
    "evaluate",
    "explore",
    "export",
    "info",
    "inpaint",
    "interpolate",
    "reconstruct",
    "sample",
    "superres",
    "train",
    "zoo",
    "zoo download",
    "zoo list",
    "zoo publish",
    "zoo show",
    "zoo verify",
}


def all_commands(command=main, path=()):
    if path:
        yield " ".join(path), command
    for name, child in getattr(command, "commands", {}).items():
        yield from all_commands(child, (*path, name))


def test_the_commands():
    assert {name for name, _ in all_commands()} == EXPECTED


@pytest.mark.parametrize(("name", "command"), list(all_commands()))
def test_help(run, name, command):
    result = run(*name.split(), "-h")
    assert result.exit_code == 0
    assert command.help
    assert f"gon-tf {name}" in command.epilog
    assert all(len(line) <= 80 for line in result.stdout.splitlines())
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name
        else:
            assert parameter.make_metavar(click.Context(command)).strip("[].") in command.help


def test_no_command_shows_the_help(run):
    result = run()
    assert result.exit_code == 2
    assert "Commands:" in result.output


def test_version(run):
    assert run("--version").stdout == "gon-tf, version 0.1.0\n"


def test_help_and_zoo_list_import_nothing_heavy():
    program = """
import sys
from gon_tf.cli import main
for arguments in sys.argv[1:]:
    try:
        main(arguments.split(), prog_name="gon-tf")
    except SystemExit as end:
        print(arguments, "->", end.code)
print(sorted({"tensorflow", "keras", "numpy", "tensorflow_datasets"} & sys.modules.keys()))
"""
    calls = ["--help", "zoo list", "zoo list --json", "zoo show nothing"]
    calls += [f"{name} --help" for name in sorted(EXPECTED)]
    result = subprocess.run([sys.executable, "-c", program, *calls], capture_output=True, text=True)
    assert result.stdout.splitlines()[-1] == "[]"
    assert result.stdout.count("-> 0") == len(calls) - 1


def failing(error):
    """A group of commands with one that raises `error`."""

    @click.group(cls=Commands)
    def group():
        pass

    @group.command()
    def fail():
        raise error

    return group


def fail(error):
    return CliRunner().invoke(failing(error), ["fail"])


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("two\n  lines"), "two lines"),
        (OSError("a full disk"), "a full disk"),
        (FileNotFoundError(2, "No such file", "a.png"), "No such file: a.png"),
        (ZeroDivisionError("oh"), "ZeroDivisionError: oh (GON_TF_DEBUG=1 shows where)"),
        (ImportError('pip install "gon-tf[lmdb]"'), 'pip install "gon-tf[lmdb]"'),
        (ModuleNotFoundError("No module x", name="x"), "ModuleNotFoundError: No module x (GON_TF"),
        (ValueError(), "ValueError (GON_TF_DEBUG=1 shows where)"),
        (ImportError('It needs x: pip install "y[x]".'), 'It needs x: pip install "y[x]".'),
        (
            ModuleNotFoundError("No module named 'x'", name="x"),
            "ModuleNotFoundError: No module named 'x' (GON_TF_DEBUG=1 shows where)",
        ),
        (click.ClickException("no"), "no"),
        (OSError(28, "No space left on device"), "No space left on device."),
        (RuntimeError("x: No space left on device"), "The disk is full: x: No space left"),
        (MemoryError(), "There is not enough memory for that"),
        (type("ResourceExhaustedError", (Exception,), {})("OOM {{node}}"), "There is not enough"),
        (RecursionError("maximum"), "A path or a file is nested too deeply."),
        (ValueError("https://me:p@ss@host/a?b@c"), "https://host/a?b@c"),
        (click.UsageError("http://me:secret@host"), "http://host"),
        (OSError("a\x1b[2Jb"), "a\ufffd[2Jb"),
    ],
)
def test_an_error_is_one_line(monkeypatch, error, message):
    monkeypatch.delenv("GON_TF_DEBUG", raising=False)
    result = fail(error)
    assert result.exit_code == getattr(error, "exit_code", 1)
    assert f"Error: {message}" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("Error: ")
    assert result.stdout == ""


def test_wrong_usage_ends_with_2(run):
    for arguments in (["sample"], ["nothing"], ["zoo", "list", "--nothing"]):
        result = run(*arguments)
        assert result.exit_code == 2
        assert "Error: " in result.stderr


def test_debugging_shows_where(monkeypatch):
    monkeypatch.setenv("GON_TF_DEBUG", "1")
    result = fail(ZeroDivisionError("oh"))
    assert isinstance(result.exception, ZeroDivisionError)


def test_interruption_is_quiet():
    result = fail(KeyboardInterrupt())
    assert result.exit_code == 130
    assert result.output == ""


def test_termination_is_in_order():
    @click.group(cls=Commands)
    def group():
        pass

    @group.command()
    def work():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            click.echo("tidied up")

    result = CliRunner().invoke(group, ["work"])
    assert (result.exit_code, result.output) == (128 + signal.SIGTERM, "tidied up\n")
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_warnings_are_one_line():
    @click.group(cls=Commands)
    def group():
        pass

    @group.command()
    def warn():
        warnings.simplefilter("always")
        warnings.warn("mind the gap", stacklevel=1)

    result = CliRunner().invoke(group, ["warn"])
    assert result.stderr == "Warning: mind the gap\n"


@pytest.mark.parametrize("arguments", [["--help"], ["zoo", "list"]])
def test_a_reader_who_leaves(process, arguments):
    with process(*arguments) as command:
        command.stdout.close()
        assert command.wait() == 141
        assert command.stderr.read() == ""


@pytest.mark.parametrize(
    ("module", "name"),
    [
        *((module, "SIGINT") for module in ("click", "gon_tf.zoo", "numpy.linalg", "tensorflow")),
        ("gon_tf.cli.app", "SIGTERM"),
        ("keras", "SIGHUP"),
    ],
)
def test_a_signal_during_an_import(tmp_path, module, name):
    program = f"""
import os, signal, sys
class Interruption:
    def find_spec(name, path, target=None):
        if name == "{module}":
            os.kill(os.getpid(), signal.{name})
sys.meta_path.insert(0, Interruption)
sys.argv[1:] = ["sample", "mnist-conv", "-o", "x.png"]
from gon_tf.__main__ import main
main()
"""
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path
    )
    status = 128 + getattr(signal, name)
    assert (result.returncode, result.stdout, result.stderr) == (status, "", "")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [ImportError("half"), KeyboardInterrupt(), SystemError("NULL")])
def test_what_an_import_makes_of_a_signal_is_quiet(error):
    @click.group(cls=Commands)
    def group():
        pass

    @group.command()
    def work():
        try:
            os.kill(os.getpid(), signal.SIGINT)
        finally:
            raise error

    result = CliRunner().invoke(group, ["work"])
    assert (result.exit_code, result.output) == (130, "")


@pytest.mark.parametrize("name", ["SIGINT", "SIGHUP"])
def test_signals_that_are_ignored_stay_so(name):
    program = f"import signal; signal.signal(signal.{name}, signal.SIG_IGN)\n"
    program += "import os; from gon_tf import signals; signals.call(signals.leave)\n"
    program += f"os.kill(os.getpid(), signal.{name}); print('here')"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (0, "here\n")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&-"])
def test_closed_streams(root, tmp_path, closed):
    command = f'"{sys.executable}" "{root}/cli.py" sample mnist-conv -n 1 -o x.png {closed}'
    result = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")
    with Image.open(tmp_path / "x.png") as image:
        assert image.size == (32, 32)


def test_a_picture_to_stdout_that_is_closed(root, tmp_path):
    command = f'"{sys.executable}" "{root}/cli.py" sample mnist-conv -n 1 -o - >&-'
    result = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 2
    assert "With - as OUT the picture goes to stdout: it is closed." in result.stderr


def test_a_name_that_stdout_cannot_write(root, tmp_path):
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    result = subprocess.run(
        [sys.executable, root / "cli.py", "sample", "mnist-conv", "-n", "1", "-o", "图.png"],
        **{"cwd": tmp_path, "env": environment, "capture_output": True},
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, b"?.png\n", b"")


def test_help_needs_no_module_of_unix():
    program = "import sys\n"
    for name in ("fcntl", "grp", "pwd", "resource", "termios"):
        program += f"sys.modules[{name!r}] = None\n"
    program += "import signal; del signal.SIGHUP\n"
    program += "from gon_tf.__main__ import main; sys.argv[1:] = ['--help']; main()"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")


def test_ctrl_c_during_training(process, pictures, tmp_path):
    arguments = ["train", "conv", str(pictures), "--image-size", "8", "--batch-size", "4"]
    arguments += ["--latent-dim", "4", "--filters", "2", "--epochs", "1000000", "-o", "model"]
    with process(*arguments) as command:
        lines = []
        while not any(line.startswith("epoch       2/") for line in lines):
            lines.append(command.stderr.readline())
            assert lines[-1], lines
        command.send_signal(signal.SIGINT)
        stdout, rest = command.communicate()
    assert command.returncode == 130
    assert stdout == ""
    assert "Traceback" not in rest
    assert "Error" not in rest
    names = {path.name for path in (tmp_path / "model").rglob("*")}
    assert "run.json" in names
    assert "config.json" not in names
    assert not any(TEMPORARY.fullmatch(name) for name in names)

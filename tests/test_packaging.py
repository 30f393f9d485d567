"""What a user gets: the wheel, installed, and what importing it costs."""

import ast
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

import gon_tf

ROOT = Path(__file__).parents[1]
INTERPRETER = [sys.executable, "-c"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy: setuptools writes into the folder, which others use at the same time."""
    folder = tmp_path_factory.mktemp("wheel")
    sources = folder / "sources"
    sources.mkdir()
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, sources)
    for name in ("gon_tf", "zoo"):
        shutil.copytree(ROOT / name, sources / name, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", folder, sources]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.mark.slow
@pytest.mark.xdist_group("wheel")  # built once
def test_wheel_installs_the_package_and_nothing_else(wheel, tmp_path):
    venv.create(tmp_path / "env", with_pip=False)
    (site,) = (tmp_path / "env").glob("lib/python*/site-packages")
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--target", site, wheel]
    subprocess.run(command, check=True, capture_output=True)
    installed = {path.name for path in site.iterdir()}
    assert {name for name in installed if not name.endswith(".dist-info")} <= {"gon_tf", "bin"}
    assert (site / "bin" / "gon-tf").is_file()
    for file in ("py.typed", "zoo/__init__.py", "zoo/registry.json", "cli/__init__.py"):
        assert (site / "gon_tf" / file).is_file()
    page = {path.name for path in (ROOT / "gon_tf" / "export" / "web").glob("*.*")}
    assert page <= {path.name for path in (site / "gon_tf" / "export" / "web").iterdir()}
    sources = {path.name for path in (ROOT / "gon_tf").rglob("*.py")}
    assert sources <= {path.name for path in (site / "gon_tf").rglob("*.py")}


@pytest.mark.slow
@pytest.mark.xdist_group("wheel")  # built once
def test_wheel_has_the_version_and_the_files_of_the_registry(wheel):
    from gon_tf import zoo

    assert wheel.name.startswith(f"gon_tf-{gon_tf.__version__}-")
    names = zipfile.ZipFile(wheel).namelist()
    for entry in zoo.entries():
        for file in entry.files:
            assert f"gon_tf/zoo/{entry.name}/{file}" in names


def test_importing_the_package_imports_no_framework():
    script = (
        "import sys, gon_tf, gon_tf.zoo\n"
        "heavy = {'tensorflow', 'keras', 'numpy', 'PIL', 'h5py'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or 0)"
    )
    subprocess.run([*INTERPRETER, script], check=True)


def test_public_names_are_there():
    script = (
        "import gon_tf\n"
        "for name in gon_tf.__all__:\n"
        "    assert getattr(gon_tf, name) is not None\n"
        "assert set(gon_tf.__all__) < set(dir(gon_tf))\n"
        "try:\n"
        "    gon_tf.nothing\n"
        "except AttributeError as error:\n"
        "    assert \"no attribute 'nothing'\" in str(error)\n"
        "else:\n"
        "    raise SystemExit('gon_tf.nothing exists')"
    )
    subprocess.run([*INTERPRETER, script], check=True, capture_output=True)


def test_type_checkers_see_the_public_names():
    tree = ast.parse((ROOT / "gon_tf" / "__init__.py").read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))  # TYPE_CHECKING, the first
    seen = {alias.asname: node.module for node in block.body for alias in node.names}
    assert seen == gon_tf._HOMES


@pytest.mark.slow
@pytest.mark.parametrize(
    "first", ["import gon_tf; gon_tf.ConvDecoder", "import gon_tf.losses", "import gon_tf.decoders"]
)
def test_any_name_may_come_first(first):
    subprocess.run([*INTERPRETER, f"{first}; gon_tf.GON"], check=True, capture_output=True)


def test_the_citation_names_the_version_that_is_installed():
    assert f"\nversion: {gon_tf.__version__}\n" in (ROOT / "CITATION.cff").read_text()


def test_the_changes_begin_with_what_is_not_released_and_name_the_version():
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[:2] == ["Unreleased", gon_tf.__version__]


def test_extras_that_anything_names_are_there():
    setup = ast.parse((ROOT / "setup.py").read_text())
    (extras,) = [
        {key.value for key in node.value.keys}
        for node in ast.walk(setup)
        if isinstance(node, ast.keyword) and node.arg == "extras_require"
    ]
    files = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
    for folder in ("gon_tf", "zoo", "examples"):
        files += (ROOT / folder).rglob("*.py")
    named = {
        extra
        for path in files
        for extra in re.findall(r"gon-tf\[([a-z]+)\]", path.read_text(encoding="utf-8"))
    }
    assert {"hub", "sklearn", "cluster", "tuner"} <= named <= extras

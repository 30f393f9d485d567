"""The house: imports run one way, no circle, the method is short, a help text costs no framework.

Imports are read from the syntax trees, those inside functions too: they are what hides a circle.
What only a type checker sees (`if TYPE_CHECKING:`) is left out.
"""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import gon_tf

ROOT = Path(__file__).parents[1]
PARTS = {"gon_tf": ROOT / "gon_tf", "gon_tf.zoo": ROOT / "zoo"}
# From the bottom to the top. A room may import what lies below it or beside it.
LAYERS = [
    ["gon_tf", "signals", "startup"],
    ["arguments", "files", "pictures"],
    ["origin", "losses", "latents", "metrics", "optimizers"],
    ["decoders"],
    ["zoo"],
    ["presets"],
    ["models", "anomaly", "convert", "exploration", "sampling"],
    ["export", "data", "callbacks"],
    ["training", "bench", "latent_files", "sklearn"],
    ["cli"],
    ["__main__"],
]
LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}


def modules():
    """{name: path} of all modules of the package, the zoo being one of its rooms."""
    return {
        ".".join([package, *path.relative_to(folder).with_suffix("").parts]).removesuffix(
            ".__init__"
        ): path
        for package, folder in PARTS.items()
        for path in folder.rglob("*.py")
    }


def checks_types_only(node):
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def statements(node):
    """All import statements below `node` that are carried out."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif checks_types_only(child):
            for branch in child.orelse:
                yield from statements(branch)
        else:
            yield from statements(child)


def imported(path, known):
    """The modules of the package that a file imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = set()
    for statement in statements(tree):
        if isinstance(statement, ast.Import):
            found |= {alias.name for alias in statement.names if alias.name in known}
            continue
        assert not statement.level, f"{path} imports by dots: write the whole name"
        if statement.module in known:
            for alias in statement.names:
                name = f"{statement.module}.{alias.name}"
                found.add(name if name in known else home(statement.module, alias.name))
    if "gon_tf" in found:
        found |= {
            home("gon_tf", node.attr)
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "gon_tf"
        }
    return found


def home(module, name):
    """The module that a name of `module` comes from: the package offers those of others."""
    if module == "gon_tf" and name in gon_tf._HOMES:
        module = gon_tf._HOMES[name]
        return f"gon_tf.{name}" if module == "gon_tf" else module
    return module


@pytest.fixture(scope="module")
def imports():
    """{module: the other modules of the package that it imports}."""
    known = modules()
    return {name: imported(path, known) - {name} for name, path in known.items()}


@pytest.fixture(scope="module")
def rooms(imports):
    """{room: the other rooms that its modules import}."""
    graph = {}
    for module, others in imports.items():
        graph.setdefault(room(module), set()).update(map(room, others))
    return {name: others - {name} for name, others in graph.items()}


def room(module):
    """The part of the house that a module lies in: the first name below the package."""
    return module.split(".")[1] if "." in module else module


def test_every_module_lies_in_a_known_room(rooms):
    assert set(rooms) <= set(LEVEL)


@pytest.mark.parametrize("graph", ["imports", "rooms"])
def test_no_circle(graph, request):
    try:
        TopologicalSorter(request.getfixturevalue(graph)).prepare()
    except CycleError as error:
        pytest.fail("Imports go round: " + " -> ".join(reversed(error.args[1])))


def test_imports_run_one_way(imports):
    wrong = [
        f"{module} imports {other}"
        for module, others in sorted(imports.items())
        for other in sorted(others)
        if LEVEL[room(module)] < LEVEL[room(other)]
    ]
    assert not wrong, "\n".join(wrong)


def test_the_method_is_short():
    lines = (ROOT / "gon_tf" / "origin.py").read_text(encoding="utf-8").count("\n")
    assert lines <= 200


def test_nothing_needs_a_module_that_some_systems_lack():
    """So that all commands start on Windows, too: they are imported on call, or not if missing."""
    unix = {"fcntl", "grp", "pwd", "resource", "termios"}
    for path in modules().values():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        guarded = {id(line) for node in ast.walk(tree) if is_guard(node) for line in node.body}
        for node in tree.body:
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module]
            assert id(node) in guarded or not unix.intersection(names), path


def is_guard(node: ast.AST) -> bool:
    """Whether a statement tries something that may fail for want of a module."""
    if not isinstance(node, ast.Try):
        return False
    caught = [handler.type for handler in node.handlers]
    return any(isinstance(kind, ast.Name) and kind.id == "ImportError" for kind in caught)


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["zoo", "list"]])
def test_help_and_the_list_of_models_import_no_framework(arguments):
    script = (
        "import sys\n"
        "from gon_tf.__main__ import main\n"
        f"sys.argv[1:] = {arguments}\n"
        "try:\n"
        "    main()\n"
        "except SystemExit as end:\n"
        "    assert not end.code\n"
        "sys.exit(', '.join({'tensorflow', 'keras', 'numpy'} & set(sys.modules)) or 0)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)

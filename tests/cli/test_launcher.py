import subprocess
import sys

import pytest

# The launcher without the help of an installed `gon_tf.zoo`.
UNINSTALLED = """
import runpy, sys
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in repr(finder)]
sys.argv = sys.argv[1:]
sys.path[0] = sys.argv[0].removesuffix("cli.py")
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.parametrize("options", [[], ["-c", UNINSTALLED]])
def test_launcher_works_from_any_folder(root, tmp_path, options):
    result = subprocess.run(
        [sys.executable, *options, root / "cli.py", "zoo", "list", "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith('{\n  "models": [')

import os
import subprocess
import sys

from gon_tf import picture_files


def test_pictures_by_suffix_sorted_and_nothing_that_systems_leave(tmp_path):
    wanted = ["a.JPG", "b.png", "sub/c.webp"]
    litter = [".hidden.png", ".git/d.png", "__MACOSX/._a.jpg", "__MACOSX/e.jpg", ".DS_Store"]
    for name in [*wanted, *litter, "notes.txt", "sub/Thumbs.db"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    assert picture_files.find(tmp_path) == [tmp_path / name for name in wanted]


def test_a_file_with_several_names_counts_once(tmp_path):
    (tmp_path / "b.png").touch()
    (tmp_path / "c.png").symlink_to(tmp_path / "b.png")
    os.link(tmp_path / "b.png", tmp_path / "a.png")
    (tmp_path / "dangling.png").symlink_to(tmp_path / "missing.png")
    (tmp_path / "d.png").touch()  # as empty as the others, but a file of its own
    assert picture_files.find(tmp_path) == [tmp_path / "a.png", tmp_path / "d.png"]


def test_needs_no_tensorflow():
    program = "import sys, gon_tf.picture_files; assert 'tensorflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)

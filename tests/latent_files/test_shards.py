"""Machines that begin at once, and shards as parts of a whole."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from gon_tf import files, latent_files
from gon_tf.latent_files import Latents
from gon_tf.latent_files.shards import Shards

DESCRIPTION = {"model": "abc", "data": {"images": 24}}


def batches(numbers, size):
    for start in range(0, len(numbers), size):
        part = np.asarray(numbers[start : start + size])
        yield Latents(np.ones((len(part), 4)) * part[:, None], part, np.full(len(part), ""), "abc")


@pytest.mark.parametrize("count", [1, 7, 24])
@pytest.mark.parametrize("machines", [1, 3])
@pytest.mark.parametrize(("size", "batch"), [(1, 4), (5, 2), (5, 64)])
def test_shards_partition_the_images(tmp_path, count, machines, size, batch):
    numbers = []
    for index in range(1, min(machines, count) + 1):
        shards = Shards(tmp_path, np.arange(index - 1, count, machines), (index, machines), size)
        missing = shards.missing(latent_dim=4)
        written = shards.write(missing, batches(shards.from_file(0), batch))
        assert written == len(shards.numbers)
        for path in shards.files:
            content = latent_files.read(path, latent_dim=4)
            assert 1 <= len(content) <= size
            assert (content.latents[:, 0] == content.numbers).all()
            numbers += content.numbers.tolist()
        assert shards.missing(latent_dim=4) == []
    assert sorted(numbers) == list(range(count))


def test_machines_that_begin_at_once(tmp_path):
    def work(index, folder):
        shards = Shards(folder, np.arange(index - 1, 24, 8), (index, 8), 2)
        shards.claim(DESCRIPTION)
        files.remove_temporary(folder)
        return shards.write(shards.missing(4), batches(shards.numbers, 3))

    for attempt in range(20):
        with ThreadPoolExecutor(8) as threads:
            folder = tmp_path / str(attempt)
            assert list(threads.map(work, range(1, 9), [folder] * 8)) == [3] * 8
        assert json.loads((folder / "latents.json").read_text())["machines"] == 8
        assert len(list(folder.iterdir())) == 1 + 8 * 2


def test_a_folder_of_something_else(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(FileExistsError, match="holds other files"):
        Shards(tmp_path, np.arange(24), (1, 1), 10).claim(DESCRIPTION)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_progress_report(tmp_path):
    shards, calls = Shards(tmp_path, np.arange(6), (1, 1), 4), []
    shards.write([0, 1], batches(range(6), 6), lambda *call: calls.append(call))
    assert calls == [(path, i + 1, 2) for i, path in enumerate(shards.files)]

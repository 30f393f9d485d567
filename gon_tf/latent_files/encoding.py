"""Images of a source, any number of them, to latents on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gon_tf import files
from gon_tf.latent_files.files import Latents, fingerprint, joined, write
from gon_tf.latent_files.shards import Shards
from gon_tf.latent_files.sources import DataSet, Pictures

if TYPE_CHECKING:
    import keras
    import numpy as np


def encode_to_file(model: keras.Model, source: Pictures | DataSet, path: Path) -> int:
    """Encode all images of a source into one `.npz` file, which appears when it is whole.

    Args:
        model: what encodes them.
        source: `Pictures` or `DataSet`.
        path: the file; `read` says what is in it.

    Returns:
        The number of images.

    Example:
        >>> model = gon_tf.load("mnist-conv")
        >>> count = encode_to_file(model, DataSet("mnist:test"), Path("latents.npz"))
    """
    parts = list(_encoded(model, source, source.share(1, 1)))
    content = joined(parts, like=parts[0])
    with files.replacing(path) as temporary:
        write(temporary, content)
    return len(content)


def encode_to_folder(
    model: keras.Model,
    source: Pictures | DataSet,
    folder: Path,
    *,
    shard: tuple[int, int] = (1, 1),
    shard_size: int = 10_000,
    on_file: Callable[[Path, int, int], None] | None = None,
) -> dict[str, int]:
    """Encode one machine's share of a source into `.npz` files of a folder, those that are missing.

    Args:
        model: what encodes them.
        source: `Pictures` or `DataSet`, the same on all machines.
        folder: the folder; it is made, or continued if it was begun by the same call.
        shard: this machine and their number, (I, N), 1 <= I <= N.
        shard_size: images in a file.
        on_file: is called with each file that was written, its number from 1 and their number.

    Returns:
        {"images": encoded now, "files": written now, "kept_files": that were there already}.

    Raises:
        FileExistsError: if the folder holds other files.
        ValueError: if the folder is being made from other images, by another model or in files of
            another size; if the share has no images, or none that can be read.

    Example:
        >>> encode_to_folder(model, DataSet("mnist:train"), Path("latents"), shard=(1, 4))
        {'images': ..., 'files': ..., 'kept_files': 0}
    """
    shards = Shards(folder, source.share(*shard), shard, shard_size)
    if not shards.files:
        raise ValueError(f"Shard {shard[0]}/{shard[1]} is empty: there are {source.count} images.")
    shards.claim({"model": fingerprint(model), "data": source.description})
    files.remove_temporary(folder)
    missing = shards.missing(model.latent_dim)
    images = 0
    if missing:
        latents = _encoded(model, source, shards.from_file(missing[0]))
        images = shards.write(missing, latents, on_file)
    kept = len(shards.files) - len(missing)
    return {"images": images, "files": len(missing), "kept_files": kept}


def _encoded(
    model: keras.Model, source: Pictures | DataSet, numbers: np.ndarray
) -> Iterator[Latents]:
    """The latents of some images of a source, batch by batch."""
    encoder = model.batch_encoder(len(numbers))  # one for all batches: it may take a fold
    name = fingerprint(model)
    for part, names, images in source.batches(numbers, model.image_shape):
        yield Latents(encoder(images), part, names, name)

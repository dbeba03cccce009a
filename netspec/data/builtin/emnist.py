"""EMNIST: sets of handwritten characters, read out of the one zip file that holds all of them."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any, BinaryIO, cast

from numpy.typing import NDArray

from netspec.data.arrays import idx
from netspec.data.builtin.published import Found, Published, PublishedFile, part
from netspec.data.types import Split
from netspec.diagnostics.diagnostic import DataError

__all__ = ["EMNIST", "EMNIST_DIGITS", "EMNIST_LETTERS"]

_URLS = (
    "https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip",
    "https://www.itl.nist.gov/iaui/vip/cs_links/EMNIST/gzip.zip",
)

# Size and SHA-256: TensorFlow Datasets 4.9.10, url_checksums/emnist.txt. torchvision pins the same file by MD5,
# 58c8d27c78d21e728a6bc7b3cc06412e.
_ARCHIVE = PublishedFile(
    "gzip.zip", _URLS, 561_753_746, "fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e"
)

_LARGEST = 2**28
"""Bytes of one packed file in the archive: all of it has twice as many."""


def _set(name: str, split: str, first: int = 0) -> Published:
    """Return one of the sets.

    Args:
        name: of the dataset.
        split: what its files are called.
        first: the label of the first class, as published.
    """

    def read(found: Found) -> tuple[Split, Split]:
        ((file, path),) = found
        with file.opened(path) as stream, zipfile.ZipFile(stream) as archive:
            train, test = (_part(archive, path, f"gzip/emnist-{split}-{which}") for which in ("train", "test"))
        return train, test

    def _part(archive: zipfile.ZipFile, path: Path, prefix: str) -> Split:
        images = _array(archive, path, f"{prefix}-images-idx3-ubyte.gz", 3)
        labels = _array(archive, path, f"{prefix}-labels-idx1-ubyte.gz", 1)
        # Rows and columns are swapped in the published files.
        return part(name, images.transpose(0, 2, 1)[:, None], labels.astype("int32") - first, path)

    return Published(name, "emnist", (_ARCHIVE,), read)


def _array(archive: zipfile.ZipFile, path: Path, name: str, dimensions: int) -> NDArray[Any]:
    """Return the array in one member, which is an IDX file of its own gzip."""
    try:
        info = archive.getinfo(name)
    except KeyError:
        raise DataError(f"{path} lacks {name}", "fetch the file again") from None
    if info.file_size > _LARGEST or info.flag_bits & 1:
        what = "encrypted" if info.flag_bits & 1 else f"{info.file_size:,} bytes"
        raise DataError(f"{path} holds a {name} that cannot be the published one: {what}", "fetch the file again")
    with archive.open(info) as member:
        return idx.read_stream(cast("BinaryIO", member), f"{path}: {name}", info.file_size, dimensions=dimensions)


EMNIST = _set("emnist", "balanced")
EMNIST_LETTERS = _set("emnist_letters", "letters", first=1)
EMNIST_DIGITS = _set("emnist_digits", "digits")

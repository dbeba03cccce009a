"""MNIST: finding its four files on this machine, or fetching them once, with their content pinned."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.data import idx
from netspec.data.download import download
from netspec.data.types import DownloadProgress, Split
from netspec.diagnostics.diagnostic import DataError, DatasetUnavailableError, listing
from netspec.system.files import kind_of
from netspec.system.places import cache_folder, data_folder

__all__ = ["MIRRORS", "fetch", "load", "locate"]

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://raw.githubusercontent.com/fgnt/mnist/master/",
)

_FIX = (
    "set NETSPEC_DATA to a folder that holds mnist/, run `netspec data fetch mnist` with a network, or "
    "write `data mnist else digits`"
)


@dataclass(frozen=True, slots=True)
class _File:
    """What is known of one file: dimensions, and size in bytes and SHA-256 of its unpacked content."""

    dimensions: int
    size: int
    sha256: str


_FILES = {
    idx.NAMES[0]: _File(3, 47_040_016, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
    idx.NAMES[1]: _File(1, 60_008, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
    idx.NAMES[2]: _File(3, 7_840_016, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
    idx.NAMES[3]: _File(1, 10_008, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
}


def load(progress: DownloadProgress | None = None) -> tuple[Split, Split]:
    """Return training and test part: (60000, 1, 28, 28) and (10000, 1, 28, 28) uint8.

    Raises:
        DatasetUnavailableError: it is not on this machine and cannot be had now.
        DataError: a file under NETSPEC_DATA is damaged, or may not be looked for there.
    """
    given = _given()
    if given:
        return _read(given)
    try:
        return _read(_cache())
    except DataError:
        return _read(fetch(progress))


def locate() -> Path | None:
    """Return the folder that holds the four files, NETSPEC_DATA before the cache; they are not read.

    Raises:
        DataError: they cannot be looked for there.
    """
    cache = _cache()
    return _given() or (cache if _holds_all(cache) else None)


def fetch(progress: DownloadProgress | None = None) -> Path:
    """Return the folder that holds the four files, downloading into the cache what is missing or damaged.

    Raises:
        DatasetUnavailableError: they cannot be had now.
        DataError: a file under NETSPEC_DATA is damaged, or may not be looked for: netspec never writes there.
    """
    given, cache = _given(), _cache()
    if given:
        _read(given)
        return given
    damage = _damage(cache)
    if not damage:
        return cache
    try:
        for name, file in _FILES.items():
            urls = [f"{mirror}{name}.gz" for mirror in MIRRORS]
            download(urls, cache / name, sha256=file.sha256, size=file.size, progress=progress)
    except DatasetUnavailableError as error:
        found = f"the copy of mnist is damaged ({damage})" if _holds_all(cache) else "mnist is not on this machine"
        raise DatasetUnavailableError(
            f"{found}{_nearly()} and could not be downloaded: {error.message}", _FIX
        ) from error
    return cache


def _cache() -> Path:
    return cache_folder() / "mnist"


def _places() -> list[Path]:
    root = data_folder()
    return [root / "mnist", root] if root else []


def _given() -> Path | None:
    return next(filter(_holds_all, _places()), None)


def _holds_all(folder: Path) -> bool:
    return all(idx.find(folder, name) for name in _FILES)


def _damage(folder: Path) -> str:
    """Return what is wrong with the files in a folder; empty where all of them are right."""
    try:
        _read(folder)
    except DataError as error:
        return error.message
    return ""


def _nearly() -> str:
    """Say what NETSPEC_DATA lacks, for those who believe that it is all there."""
    root = data_folder()
    if root is None:
        return ""
    if kind_of(root, DataError) != "folder":
        return f" (NETSPEC_DATA is {root}, which is not a folder)"
    best = max(_places(), key=lambda folder: len(_missing(folder)) < len(_FILES))
    return f" ({best} lacks {listing(_missing(best), 'and')})"


def _missing(folder: Path) -> list[str]:
    return [name for name in _FILES if not idx.find(folder, name)]


def _read(folder: Path) -> tuple[Split, Split]:
    arrays = [_read_file(folder, name, file) for name, file in _FILES.items()]
    return Split(arrays[0][:, None], arrays[1]), Split(arrays[2][:, None], arrays[3])


def _read_file(folder: Path, name: str, file: _File) -> NDArray[Any]:
    path = idx.find(folder, name)
    if path is None:  # it was there a moment ago
        raise DataError(f"{folder / name} is missing", _FIX)
    array = idx.read_idx(path, dimensions=file.dimensions, sha256=file.sha256)
    return array.astype(np.int32) if file.dimensions == 1 else array

"""Datasets as they were published: finding their files on this machine, or fetching them once, with content pinned."""

from __future__ import annotations

import hashlib
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from netspec.data.arrays import idx
from netspec.data.builtin.download import download
from netspec.data.types import DownloadProgress, Split
from netspec.diagnostics.diagnostic import DataError, DatasetUnavailableError, listing
from netspec.recipe.catalog import find
from netspec.system.files import kind_of, open_to_read
from netspec.system.places import cache_folder, data_folder

__all__ = ["Found", "Published", "PublishedFile", "part"]


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """One file of a dataset.

    Attributes:
        name: of the file, as it is kept.
        urls: where it can be downloaded from, tried in turn.
        size: in bytes, of what is pinned.
        sha256: of what is pinned, in hexadecimal.
        unpacked: whether that is what gzip unpacks, however the file was wrapped; else the file as it was published.
    """

    name: str
    urls: tuple[str, ...]
    size: int
    sha256: str
    unpacked: bool = False

    def find(self, folder: Path) -> Path | None:
        """Return where a folder keeps the file; None where it does not."""
        if self.unpacked:
            return idx.find(folder, self.name)
        path = folder / self.name
        return path if kind_of(path, DataError) == "file" else None

    @contextmanager
    def opened(self, path: Path) -> Iterator[BinaryIO]:
        """Open a file that is pinned as it was published; what is then found to be wrong in it is a DataError too."""
        again = f"remove it, and download it again from {self.urls[0]}"
        try:
            with open_to_read(path) as stream:
                if hashlib.file_digest(stream, "sha256").hexdigest() != self.sha256:  # type: ignore[arg-type]
                    raise DataError(
                        f"{path} does not have the content it should have (SHA-256 {self.sha256})",
                        again,
                    )
                stream.seek(0)
                yield stream
        except (EOFError, zlib.error, tarfile.TarError, zipfile.BadZipFile) as error:
            raise DataError(f"{path} is damaged: {error}", again) from error
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror or error}") from error


Found: TypeAlias = "Sequence[tuple[PublishedFile, Path]]"
"""The files of a dataset, with where they are."""


@dataclass(frozen=True, slots=True)
class Published:
    """A dataset whose files netspec finds, fetches and reads.

    Attributes:
        name: of the dataset, as in the catalog.
        folder: that its files lie in, under NETSPEC_DATA and in the cache; datasets of one archive share it.
        files: all of them, or what is wrong with them is said.
        read: returns training and test part of files that are there; raises DataError where they are damaged.
        loose: whether the files may also lie in NETSPEC_DATA itself.
        fallback: a bundled dataset that can stand in; none where that makes no sense.
    """

    name: str
    folder: str
    files: tuple[PublishedFile, ...]
    read: Callable[[Found], tuple[Split, Split]]
    loose: bool = False
    fallback: str = ""

    def load(self, progress: DownloadProgress | None = None) -> tuple[Split, Split]:
        """Return training and test part.

        Raises:
            DatasetUnavailableError: it is not on this machine and cannot be had now.
            DataError: a file under NETSPEC_DATA is damaged, or may not be looked for there.
        """
        given = self._given()
        if given:
            return self._read(given)
        try:
            return self._read(self._cache())
        except DataError:
            return self._read(self.fetch(progress))

    def locate(self) -> Path | None:
        """Return the folder that holds the files, NETSPEC_DATA before the cache; they are not read.

        Raises:
            DataError: they cannot be looked for there.
        """
        cache = self._cache()
        return self._given() or (cache if not self._missing(cache) else None)

    def fetch(self, progress: DownloadProgress | None = None) -> Path:
        """Return the folder that holds the files, downloading into the cache what is missing or damaged.

        Raises:
            DatasetUnavailableError: they cannot be had now.
            DataError: a file under NETSPEC_DATA is damaged, or may not be looked for: netspec never writes there.
        """
        given, cache = self._given(), self._cache()
        if given:
            self._read(given)
            return given
        damage = self._damage(cache)
        if not damage:
            return cache
        try:
            for file in self.files:
                target = cache / file.name
                download(
                    file.urls,
                    target,
                    sha256=file.sha256,
                    size=file.size,
                    progress=progress,
                    unpack=file.unpacked,
                )
        except DatasetUnavailableError as error:
            here = not self._missing(cache)
            found = f"the copy of {self.name} is damaged ({damage})" if here else f"{self.name} is not on this machine"
            raise DatasetUnavailableError(
                f"{found}{self._nearly()} and could not be downloaded: {error.message}", self._fix()
            ) from error
        return cache

    def _cache(self) -> Path:
        return cache_folder() / self.folder

    def _places(self) -> list[Path]:
        root = data_folder()
        return [root / self.folder, *([root] if self.loose else [])] if root else []

    def _given(self) -> Path | None:
        return next((folder for folder in self._places() if not self._missing(folder)), None)

    def _missing(self, folder: Path) -> list[str]:
        return [file.name for file in self.files if not file.find(folder)]

    def _read(self, folder: Path) -> tuple[Split, Split]:
        found = []
        for file in self.files:
            path = file.find(folder)
            if path is None:
                raise DataError(f"{folder / file.name} is missing", self._fix())
            found.append((file, path))
        return self.read(found)

    def _damage(self, folder: Path) -> str:
        """Return what is wrong with the files in a folder; empty where all of them are right."""
        try:
            self._read(folder)
        except DataError as error:
            return error.message
        return ""

    def _nearly(self) -> str:
        """Say what NETSPEC_DATA lacks, for those who believe that it is all there."""
        root = data_folder()
        if root is None:
            return ""
        if kind_of(root, DataError) != "folder":
            return f" (NETSPEC_DATA is {root}, which is not a folder)"
        best = max(self._places(), key=lambda folder: len(self._missing(folder)) < len(self.files))
        return f" ({best} lacks {listing(self._missing(best), 'and')})"

    def _fix(self) -> str:
        names = listing([file.name for file in self.files], "and")
        source = self.files[0].urls[0].rpartition("/")[0]
        ways = [
            f"put {names} from {source}/ into {self.folder}/ of the folder that NETSPEC_DATA names",
            f"run `netspec data fetch {self.name}` with a network",
        ]
        if self.fallback:
            ways.append(f"write `data {self.name} else {self.fallback}`")
        return f"{', '.join(ways[:-1])}, or {ways[-1]}"


def part(name: str, images: NDArray[Any], labels: NDArray[Any], path: Path) -> Split:
    """Return images and labels of a dataset that the catalog knows; raises DataError where they are not what it says.

    Args:
        name: of the dataset.
        images: (N, C, H, W).
        labels: (N,) numbers of classes, counted from 0.
        path: where they come from.
    """
    info = find(name)
    assert info is not None
    if images.dtype != np.uint8 or images.shape[1:] != info.shape or labels.shape != images.shape[:1]:
        said = f"{images.dtype} images {images.shape} and labels {labels.shape}"
        raise DataError(f"{path} holds {said}, which is not {name}", "fetch the file again")
    if not labels.size or labels.min() < 0 or labels.max() >= len(info.labels):
        raise DataError(f"{path} holds other labels than the {len(info.labels)} of {name}", "fetch the file again")
    return Split(np.ascontiguousarray(images), labels.astype(np.int32))

"""The files in a folder, a `.zip` or a `.tar`, alike: archives are read in place, and nothing of them is unpacked.

Archives come from anywhere. Names that lead outside of one, links, and files that are larger than they may be are never
followed or read; what was left out is said.
"""

from __future__ import annotations

import os
import tarfile
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import IO, TypeAlias

from netspec.diagnostics.diagnostic import DataError, plural
from netspec.sources.missing import missing_data
from netspec.system.files import kind_of, open_to_read

__all__ = ["MOST_BYTES", "Read", "Tree", "is_archive", "is_packed", "is_wanted", "most_held", "open_tree"]

MOST_BYTES = 200_000_000
"""Of one file: far more than a picture has."""

_MOST_FILES = 10_000_000
_IGNORED = {"thumbs.db", "desktop.ini", "__macosx"}
"""What systems leave behind in folders; what begins with a dot is hidden anyway."""

_TAR = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
_EXPANSION, _LITTLE = 100, 100_000_000
"""An archive may hold so many times its own size, and so much more: what holds more was made to fill a disk."""

Read: TypeAlias = Callable[[], bytes]
"""Reads one file; raises DataError where that cannot be done."""


def is_archive(name: str) -> bool:
    """Return whether a name is that of an archive."""
    return name.lower().endswith((".zip", *_TAR))


def is_packed(name: str) -> bool:
    """Return whether a name is that of an archive that can only be read from its beginning to its end."""
    return name.lower().endswith(_TAR[1:])


def most_held(size: int) -> int:
    """Return how many bytes an archive or a compressed file of so many may hold."""
    return _EXPANSION * size + _LITTLE


class Tree(ABC):
    """Files by their names, relative and with slashes; hidden ones, and what systems leave behind, are not there.

    Attributes:
        path: of the folder or archive.
        name: what messages call it.
        files: the names, sorted.
        folders: likewise, as far as an archive tells of them.
        notices: what was left out.
    """

    files: tuple[str, ...]
    folders: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    def __init__(self, path: Path, name: str) -> None:
        self.path, self.name = path, name

    def __enter__(self) -> Tree:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:  # noqa: B027 - a folder has nothing to close
        """Close what is open."""

    @abstractmethod
    def each(self, names: Sequence[str]) -> Iterator[tuple[int, Read]]:
        """Yield, for each of some files, its place among them and what reads it, in the order that is fastest.

        What reads a file may be called in any thread.
        """

    @abstractmethod
    def read(self, name: str) -> bytes:
        """Return what is in a file; may be called in any thread. Raises DataError where it cannot be read."""

    def in_order(self, names: Sequence[str]) -> list[str]:
        """Return names in the order in which they are read fastest."""
        return list(names)

    def shown(self, file: str) -> str:
        """Return what messages call a file."""
        return f"{self.name}/{file}"


def open_tree(path: Path, name: str) -> Tree:
    """Return the files of a folder or archive; to be closed.

    Raises:
        DataError: there is none, it is damaged, or not to be trusted.
    """
    kind = kind_of(path, DataError)
    if kind is None:
        raise missing_data(path, name, "name a folder of pictures or texts, or a .zip or .tar of them")
    if kind == "folder":
        return _Folder(path, name)
    if kind != "file" or not is_archive(path.name):
        raise DataError(f"{name} is neither a folder nor a .zip or .tar", "name a folder of pictures, or such a file")
    try:
        stream = open_to_read(path)
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"{name} cannot be read: {reason}", "give a file that can be read") from None
    try:
        with ExitStack() as opened:
            opened.callback(stream.close)
            tree = (_Zip if path.name.lower().endswith(".zip") else _Tar)(path, name, stream)
            opened.pop_all()
            return tree
    except DataError:
        raise
    except Exception as error:  # zipfile, tarfile and zlib raise whatever a damaged file leads them to
        raise DataError(f"{name} is damaged: {error}", "make the archive again") from None


def is_wanted(name: str) -> bool:
    """Return whether a file or folder of this name is neither hidden nor left behind by a system."""
    return not name.startswith(".") and name.lower() not in _IGNORED


class _Folder(Tree):
    """The files below a folder; links are followed to what lies in it too."""

    def __init__(self, path: Path, name: str) -> None:
        super().__init__(path, name)
        self._root = path.resolve()
        found: list[str] = []
        folders: list[str] = []
        self._outside = 0
        self._look(path, "", found, folders)
        self.files, self.folders = tuple(sorted(found)), tuple(sorted(folders))
        if self._outside:
            said = f"{name}: {plural(self._outside, 'link')} to folders, or out of the folder,"
            self.notices = (f"{said} {'is' if self._outside == 1 else 'are'} not followed",)

    def _look(self, folder: Path, before: str, found: list[str], folders: list[str]) -> None:
        try:
            with os.scandir(folder) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            where = before or self.name
            raise DataError(f"{where} cannot be read: {error.strerror}", "give a folder that can be read") from None
        for entry in listed:
            if not is_wanted(entry.name):
                continue
            if entry.is_symlink():
                if entry.is_file() and Path(entry.path).resolve().is_relative_to(self._root):
                    found.append(before + entry.name)
                else:
                    self._outside += 1
            elif entry.is_dir():
                folders.append(before + entry.name)
                self._look(Path(entry.path), f"{before}{entry.name}/", found, folders)
            elif entry.is_file():
                found.append(before + entry.name)
            if len(found) > _MOST_FILES:
                raise DataError(f"{self.name} has more than {_MOST_FILES:,} files", "name a folder with fewer")

    def each(self, names: Sequence[str]) -> Iterator[tuple[int, Read]]:
        for at, name in enumerate(names):
            yield at, lambda name=name: self.read(name)  # type: ignore[misc]

    def read(self, name: str) -> bytes:
        try:
            with open_to_read(self.path / name) as stream:
                content = stream.read(MOST_BYTES + 1)
        except OSError as error:
            raise DataError(f"{self.shown(name)} cannot be read: {error.strerror}", "make it readable") from None
        return _bounded(content, self.shown(name))


def _bounded(content: bytes, name: str) -> bytes:
    if len(content) > MOST_BYTES:
        raise DataError(f"{name} has more than {MOST_BYTES:,} bytes", "make it smaller first")
    return content


class _Archive(Tree):
    """The files in an archive."""

    def __init__(self, path: Path, name: str, stream: IO[bytes]) -> None:
        self._stream = stream
        super().__init__(path, name)
        self._links = 0

    def close(self) -> None:
        self._stream.close()

    def __del__(self) -> None:
        # Pictures that are read batch by batch need it until nobody has them any more.
        self.close()

    def _own(self, name: str) -> str | None:
        """Return the name of a file in the archive; None where it is not wanted. Raises DataError where it climbs."""
        plain = name.replace("\\", "/")
        parts = PurePosixPath(plain).parts
        if plain.startswith("/") or ".." in parts or (parts and parts[0].endswith(":")) or "\0" in plain:
            raise DataError(
                f"{self.name} has a file {name!r}, which leads out of the archive", "give an archive without such names"
            )
        return "/".join(parts) if parts and all(map(is_wanted, parts)) else None

    def _require_plausible(self, held: int, files: int) -> None:
        if files > _MOST_FILES:
            raise DataError(f"{self.name} has more than {_MOST_FILES:,} files", "make smaller archives")
        own = self.path.stat().st_size
        if held > most_held(own):
            raise DataError(
                f"{self.name} has {own:,} bytes and claims to hold {held:,}: no pictures or texts are packed like that",
                "give an archive of pictures or texts",
            )

    def _note_links(self) -> None:
        if self._links:
            said = f"{self.name}: {plural(self._links, 'link')}"
            self.notices = (f"{said} {'is' if self._links == 1 else 'are'} not followed",)


class _Zip(_Archive):
    def __init__(self, path: Path, name: str, stream: IO[bytes]) -> None:
        super().__init__(path, name, stream)
        self._zip = zipfile.ZipFile(self._stream)
        self._members: dict[str, zipfile.ZipInfo] = {}
        held, folders = 0, []
        for info in self._zip.infolist():
            own = self._own(info.filename)
            if own is None:
                continue
            if info.is_dir() or info.filename.endswith("\\"):
                folders.append(own)
                continue
            if (info.external_attr >> 16) & 0o170000 == 0o120000:
                self._links += 1
                continue
            if info.flag_bits & 1:
                raise DataError(f"{name} is encrypted: {info.filename}", "give an archive without a password")
            held += info.file_size
            self._members[own] = info
        self._require_plausible(held, len(self._members))
        self.files, self.folders = tuple(sorted(self._members)), tuple(sorted(folders))
        self._note_links()

    def each(self, names: Sequence[str]) -> Iterator[tuple[int, Read]]:
        for at, name in enumerate(names):
            yield at, lambda name=name: self.read(name)  # type: ignore[misc]

    def read(self, name: str) -> bytes:
        shown = self.shown(name)
        try:
            with self._zip.open(self._members[name]) as stream:
                return _bounded(stream.read(MOST_BYTES + 1), shown)
        except DataError:
            raise
        except Exception as error:  # whatever a damaged file leads to: zlib.error, BadZipFile, EOFError …
            raise DataError(f"{shown} is damaged: {error}", "make the archive again") from None


class _Tar(_Archive):
    def __init__(self, path: Path, name: str, stream: IO[bytes]) -> None:
        super().__init__(path, name, stream)
        self._reading = Lock()
        self._tar = tarfile.open(fileobj=self._stream, mode="r:*")  # noqa: SIM115 - closed by `close`
        self._members: dict[str, tarfile.TarInfo] = {}
        held, folders = 0, []
        while (info := self._tar.next()) is not None:
            own = self._own(info.name)
            held += max(0, info.size)
            # Before the next one is looked for: all that is between is unpacked for that.
            self._require_plausible(held, len(self._members))
            if own is None:
                continue
            if info.isdir():
                folders.append(own)
                continue
            if not info.isreg() or info.sparse is not None:
                self._links += 1
                continue
            self._members[own] = info
        self.files, self.folders = tuple(sorted(self._members)), tuple(sorted(folders))
        self._note_links()

    def each(self, names: Sequence[str]) -> Iterator[tuple[int, Read]]:
        # Packed as a whole it can only be read forward; each is read here, where no other thread does.
        order = sorted(range(len(names)), key=lambda at: self._members[names[at]].offset_data)
        for at in order:
            yield at, self._content(names[at])

    def in_order(self, names: Sequence[str]) -> list[str]:
        return sorted(names, key=lambda name: self._members[name].offset_data)

    def read(self, name: str) -> bytes:
        with self._reading:
            read = self._content(name)
        return read()

    def _content(self, name: str) -> Read:
        info, shown = self._members[name], self.shown(name)
        try:
            if info.size > MOST_BYTES:
                raise DataError(f"{shown} has {info.size:,} bytes", "make it smaller first")
            stream = self._tar.extractfile(info)
            content = stream.read() if stream else b""
            if len(content) != info.size:
                raise DataError(f"{shown} is cut off", "make the archive again")
        except DataError as error:
            return _raising(error)
        except Exception as error:  # whatever a damaged file leads to
            return _raising(DataError(f"{shown} is damaged: {error}", "make the archive again"))
        return lambda: content


def _raising(error: DataError) -> Read:
    def read() -> bytes:
        raise error

    return read

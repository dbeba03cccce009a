"""Files that are compressed: what is in one, as far as a table or a text could have been packed like that."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from netspec.diagnostics.diagnostic import DataError
from netspec.recipe.file_names import PACKED_ENDINGS, WORKBOOK_ENDINGS, unpacked_name
from netspec.sources.trees import most_held
from netspec.system.files import open_to_read
from netspec.system.memory import free_memory

__all__ = ["beginning", "decompressed", "is_compressed", "is_larger"]

_PIECE = 2**20

_BEGINS = {".gz": b"\x1f\x8b", ".bz2": b"BZh", ".xz": b"\xfd7zXZ\x00"}
"""The first bytes of a file of each kind."""


def is_compressed(name: str) -> bool:
    """Return whether a name is that of a compressed file."""
    return name.lower().endswith(PACKED_ENDINGS)


def decompressed(stream: BinaryIO, name: str, most: int) -> bytes:
    """Return what is in a compressed file.

    Args:
        stream: of the file.
        name: of it, for messages too; its end says how it is compressed.
        most: bytes that are read into memory at most.

    Raises:
        DataError: it is damaged, or holds more than that, or more than such a file holds.
    """
    size = os.fstat(stream.fileno()).st_size
    held, free = most_held(size), free_memory()
    found = bytearray()
    for piece in _pieces(stream, name):
        found += piece
        if len(found) > most:
            raise DataError(f"{name} holds more than {most / 2**30:.3g} GiB", "split it")
        if len(found) > held:
            message = f"{name} has {size:,} bytes and holds more than {held:,}: no tables or texts are packed like that"
            raise DataError(message, f"if you trust it, unpack it, and name {unpacked_name(name)}")
        if free is not None and 2 * len(found) > free:
            raise DataError(f"what is in {name} does not fit into memory", "split it")
    return bytes(found)


def is_larger(path: Path, most: int) -> bool:
    """Return whether a file has more bytes than so many, what is in it where it is compressed or a zip."""
    if path.stat().st_size > most:
        return True
    if path.name.lower().endswith((".zip", *WORKBOOK_ENDINGS)):
        return _says_more(path, most)
    if not is_compressed(path.name):
        return False
    held = 0
    try:
        with open_to_read(path) as stream:
            for piece in _pieces(stream, path.name):
                held += len(piece)
                if held > most:
                    return True
    except (OSError, DataError):
        pass  # what is wrong with it is said when it is read
    return False


def _says_more(path: Path, most: int) -> bool:
    """Return whether a zip says of one of its files that it is larger; what is wrong with it is said elsewhere."""
    from zipfile import BadZipFile, ZipFile  # noqa: PLC0415

    try:
        with open_to_read(path) as stream, ZipFile(stream) as archive:
            return any(info.file_size > most for info in archive.infolist())
    except (OSError, BadZipFile, ValueError, NotImplementedError):
        return False


def beginning(path: Path, most: int) -> bytes:
    """Return the first bytes of a file, of what is in it where it is compressed.

    Raises:
        DataError: it is damaged.
        OSError: it cannot be read.
    """
    with open_to_read(path) as stream:
        if not is_compressed(path.name):
            return stream.read(most)
        found = b""
        for piece in _pieces(stream, path.name):
            found += piece
            if len(found) >= most:
                break
        return found[:most]


def _pieces(stream: BinaryIO, name: str) -> Iterator[bytes]:
    """Yield what is in a compressed file, piece by piece; raises DataError where it is damaged."""
    ending = next(ending for ending in PACKED_ENDINGS if name.lower().endswith(ending))
    begins = stream.read(len(_BEGINS[ending]))
    stream.seek(0)
    if begins != _BEGINS[ending]:
        what = "is empty" if not begins else f"is no {ending} file, as its name says"
        raise DataError(f"{name} {what}", f"name it by what it is, such as {unpacked_name(name)}, or pack it again")
    try:
        with _opened(stream, ending) as unpacked:
            while piece := unpacked.read(_PIECE):
                yield piece
    except DataError:
        raise
    except Exception as error:  # gzip, bz2, lzma and zlib raise whatever a damaged file leads them to
        raise DataError(f"{name} is damaged: {error}", "pack it again, or copy it again") from None


def _opened(stream: BinaryIO, ending: str) -> BinaryIO:
    # What reads them is imported by those alone who have such a file.
    if ending == ".gz":
        from gzip import GzipFile  # noqa: PLC0415

        return GzipFile(fileobj=stream)  # type: ignore[return-value]
    if ending == ".bz2":
        from bz2 import BZ2File  # noqa: PLC0415

        return BZ2File(stream)  # type: ignore[return-value]
    from lzma import LZMAFile  # noqa: PLC0415

    return LZMAFile(stream)  # type: ignore[return-value]

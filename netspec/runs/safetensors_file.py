"""Arrays and texts in one safetensors file that carries a SHA-256 over every byte of it: whole or refused.

safetensors has no checksum of its own: nearly every flipped bit loads as another weight. The hash stands in the
metadata, and is taken with its own place blank. A reader trusts nothing: the header is read first, so that the caller
can refuse what it declares before a byte of the arrays is; then the size of the file must be what the header says, and
then the hash must be right.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from netspec.diagnostics.diagnostic import ModelFileError
from netspec.runs import safetensors_header as sealed_header
from netspec.runs.safetensors_header import Declared
from netspec.system.files import atomic_write, open_to_read

__all__ = ["DamagedError", "Declared", "FileKind", "damaged", "read", "stated", "write"]

_BLANK = "0" * 64


class DamagedError(ModelFileError):
    """A file is not what was written."""


@dataclass(frozen=True, slots=True)
class FileKind:
    """A kind of file.

    Attributes:
        name: what its metadata says under `format`.
        version: the newest version of it that is read, and the one that is written.
        noun: what it is called in messages: "netspec model".
        hint: where such files come from.
        remedy: what to do where one is damaged.
    """

    name: str
    version: int
    noun: str
    hint: str
    remedy: str


def write(
    path: Path,
    kind: FileKind,
    arrays: Mapping[str, NDArray[Any]],
    metadata: Mapping[str, str],
    announce: Callable[[str], None] | None = None,
) -> None:
    """Write a file atomically; the same arrays and texts give the same bytes.

    Args:
        path: the file.
        kind: what it is.
        arrays: by name.
        metadata: texts by name.
        announce: called with the hash that the file states, before it appears.

    Raises:
        OSError: when the folder cannot be written to.
        ModelFileError: when the arrays or texts are of a kind, or so many, that they could not be read again.
    """
    texts = {**metadata, "format": kind.name, "version": str(kind.version), "sha256": _BLANK}
    laid_out = {name: np.asarray(array, order="C") for name, array in sorted(arrays.items())}
    try:
        header, data = _ordered(safetensors.numpy.save(laid_out, texts))
        if len(header) > sealed_header.MAX_BYTES or sealed_header.texts(header) != texts:
            raise ValueError("there is too much metadata")
        sealed_header.declared(header)
    except (SafetensorError, ValueError, KeyError) as error:
        raise ModelFileError(f"{path} cannot be written, for it could not be read again: {error}") from None
    seal = _digest(header, _BLANK, data)
    if announce:
        announce(seal)
    sealed = header.replace(_mark(_BLANK), _mark(seal))
    atomic_write(path, b"".join((_length(header), sealed, data)))


def _ordered(file: bytes) -> tuple[bytes, memoryview]:
    """Return the header of a safetensors file in one order, and the data after it."""
    length = int.from_bytes(file[:8], "little")
    header = json.dumps(json.loads(file[8 : 8 + length]), sort_keys=True, separators=(",", ":")).encode()
    return header + b" " * (-len(header) % 8), memoryview(file)[8 + length :]


def _length(header: bytes) -> bytes:
    return len(header).to_bytes(8, "little")


def _mark(digest: str) -> bytes:
    """Return how a header states the hash; within a text it cannot occur, since quotation marks are escaped there."""
    return f'"sha256":"{digest}"'.encode()


def _digest(header: bytes, stated: str, data: memoryview) -> str:
    """Return the SHA-256 of a file whose header states this hash, taken with that blank."""
    found = hashlib.sha256(_length(header))
    found.update(header.replace(_mark(stated), _mark(_BLANK)))
    found.update(data)
    return found.hexdigest()


def read(
    path: Path, kind: FileKind, accept: Callable[[Mapping[str, str], Mapping[str, Declared]], None]
) -> tuple[dict[str, str], dict[str, NDArray[Any]]]:
    """Read and check a file.

    Args:
        path: the file.
        kind: what it must be.
        accept: called with the metadata and the declared arrays, before memory is allocated for these; raises
            where they are not what is wanted.

    Returns:
        The metadata, and the arrays by name.

    Raises:
        ModelFileError: when the file is missing, damaged, of another kind, or newer than this netspec; and what
            `accept` raises.
    """
    with _opened(path) as stream:
        header = _header(path, kind, stream)
        metadata = _metadata(path, kind, header)
        try:
            declared = sealed_header.declared(header)
        except ValueError:
            raise damaged(path, kind, "its header cannot be read") from None
        accept(metadata, declared)
        wanted = sealed_header.size(declared)
        _check_size(path, kind, os.fstat(stream.fileno()).st_size, 8 + len(header) + wanted)
        data = np.empty(wanted, np.uint8)
        if stream.readinto(data) != wanted:  # type: ignore[attr-defined]
            raise damaged(path, kind, "it became shorter while it was read")
        data.flags.writeable = False
    stated = metadata.get("sha256", "")
    if len(stated) != len(_BLANK) or _digest(header, stated, data.data) != stated:
        raise damaged(path, kind, "its contents do not match its SHA-256" if stated else "its hash is missing")
    try:
        return metadata, sealed_header.arrays(declared, data)
    except ValueError:
        raise damaged(path, kind, "it has an array of an impossible shape") from None


def stated(path: Path, kind: FileKind) -> str | None:
    """Return the hash that a file states, unchecked; None where it is no file of this kind."""
    try:
        with _opened(path) as stream:
            return _metadata(path, kind, _header(path, kind, stream)).get("sha256")
    except ModelFileError:
        return None


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading; what goes wrong while it is read is an error of ours."""
    try:
        with open_to_read(path) as stream:
            yield stream
    except FileNotFoundError:
        raise ModelFileError(f"{path}: there is no such file", "give a model file or a run folder") from None
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read: {error.strerror}", "give a file that can be read") from None
    except MemoryError:
        raise ModelFileError(f"{path} does not fit into the memory of this machine") from None


def _header(path: Path, kind: FileKind, stream: BinaryIO) -> bytes:
    """Return the header, whose length the first eight bytes state."""
    first = stream.read(8)
    if len(first) < 8:
        raise damaged(path, kind, f"it has only {len(first)} bytes")
    length = int.from_bytes(first, "little")
    header = stream.read(length) if length <= sealed_header.MAX_BYTES else b""
    if len(header) != length:
        raise damaged(path, kind, "it is cut short, or not a safetensors file")
    return header


def _metadata(path: Path, kind: FileKind, header: bytes) -> dict[str, str]:
    """Return the metadata, which must be that of a file of this kind and not too new."""
    try:
        metadata = sealed_header.texts(header)
    except ValueError:
        raise damaged(path, kind, "its header cannot be read") from None
    if metadata.get("format") != kind.name:
        raise ModelFileError(f"{path} is not a {kind.noun}", kind.hint)
    stated = metadata.get("version", "")
    # int() would take other alphabets' digits, blanks and underscores too.
    version = int(stated) if stated.isascii() and stated.isdecimal() and len(stated) < 10 else 0
    if version < 1 or str(version) != stated:
        raise damaged(path, kind, "it does not say which version of the format it has")
    if version > kind.version:
        raise ModelFileError(
            f"{path} has version {version} of the {kind.noun} format; this netspec reads up to {kind.version}",
            "update netspec",
        )
    return metadata


def _check_size(path: Path, kind: FileKind, size: int, wanted: int) -> None:
    """Refuse a file that is not as long as its header says, before memory is taken for what it holds."""
    if size != wanted:
        raise damaged(path, kind, f"it has {size:,} bytes, its header says {wanted:,}")


def damaged(path: Path, kind: FileKind, why: str) -> DamagedError:
    """Return the error of a file that is not what was written."""
    return DamagedError(f"{path} is damaged: {why}", kind.remedy)

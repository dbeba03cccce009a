"""Floor 6: arrays and texts in one safetensors file that carries a SHA-256 over every byte of it: whole or refused.

safetensors has no checksum of its own: nearly every flipped bit loads as another weight. The hash stands in the
metadata, and is taken with its own place blank. A reader trusts nothing: the header is read first, so that the caller
can refuse what it declares before a byte of the arrays is; then the size of the file must be what the header says, and
then the hash must be right.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from netspec.diagnostics import ModelFileError
from netspec.files import atomic_write

__all__ = ["Declared", "Kind", "damaged", "read", "write"]

_BLANK = "0" * 64
_MAX_HEADER = 2**25
"""Bytes: a spec has 1 MB at most, and 100,000 layers some 100 bytes a parameter."""


@dataclass(frozen=True, slots=True)
class Kind:
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


@dataclass(frozen=True, slots=True)
class Declared:
    """What the header says of an array."""

    dtype: str
    shape: tuple[int, ...]


def write(path: Path, kind: Kind, arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> None:
    """Write a file atomically; the same arrays and texts give the same bytes.

    Raises:
        OSError: when the folder cannot be written to.
        ModelFileError: when a text looks like the hash's own place.
    """
    texts = {**metadata, "format": kind.name, "version": str(kind.version), "sha256": _BLANK}
    laid_out = {name: np.ascontiguousarray(array) for name, array in sorted(arrays.items())}
    data = _ordered(safetensors.numpy.save(laid_out, texts))
    start = _only_place(data, _BLANK)
    if start is None:
        raise ModelFileError("the metadata cannot hold its own hash", "rename a label that looks like one")
    digest = hashlib.sha256(data).hexdigest().encode()
    atomic_write(path, b"".join((data[:start], digest, data[start + len(digest) :])))


def _ordered(data: bytes) -> bytes:
    """Return a safetensors file with its header in one order."""
    length = int.from_bytes(data[:8], "little")
    header = json.dumps(json.loads(data[8 : 8 + length]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + data[8 + length :]


def _only_place(data: bytes, digest: str) -> int | None:
    """Return where a hash stands in the header of a file; None unless it stands there once."""
    header = data[: 8 + int.from_bytes(data[:8], "little")]
    marker = f'"sha256":"{digest}"'.encode()
    return header.index(marker) + len('"sha256":"') if header.count(marker) == 1 else None


def read(
    path: Path, kind: Kind, accept: Callable[[Mapping[str, str], Mapping[str, Declared]], None]
) -> tuple[dict[str, str], dict[str, NDArray[Any]]]:
    """Read and check a file.

    Args:
        path: the file.
        kind: what it must be.
        accept: told the metadata and the arrays that the header declares, before memory is taken for these; raises
            where they are not what is wanted.

    Returns:
        The metadata, and the arrays by name.

    Raises:
        ModelFileError: when the file is missing, damaged, of another kind, or newer than this netspec; and what
            `accept` raises.
    """
    try:
        with path.open("rb") as stream:
            head = _head(path, kind, stream)
            metadata, declared = _parsed(path, kind, head)
            accept(metadata, declared)
            _check_size(path, kind, declared, len(head), os.fstat(stream.fileno()).st_size)
            data = head + stream.read(_size(declared))
    except FileNotFoundError:
        raise ModelFileError(f"{path}: there is no such file", "give a model file or a run folder") from None
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read: {error.strerror}") from None
    _check_hash(path, kind, data, metadata.get("sha256", ""))
    return metadata, _arrays(path, kind, data, declared)


def _head(path: Path, kind: Kind, stream: BinaryIO) -> bytes:
    """Return the length and the header, as bytes."""
    start = stream.read(8)
    if len(start) < 8:
        raise damaged(path, kind, f"it has only {len(start)} bytes")
    length = int.from_bytes(start, "little")
    header = stream.read(length) if length <= _MAX_HEADER else b""
    if len(header) != length:
        raise damaged(path, kind, "it is cut short, or not a safetensors file")
    return start + header


def _parsed(path: Path, kind: Kind, head: bytes) -> tuple[dict[str, str], dict[str, Declared]]:
    """Return what the header says, which must be one of this kind and not too new."""
    try:
        header = json.loads(head[8:])
        metadata = header.pop("__metadata__", {})
    except (ValueError, AttributeError, TypeError, RecursionError):
        raise damaged(path, kind, "its header cannot be read") from None
    if not isinstance(metadata, dict) or metadata.get("format") != kind.name:
        raise ModelFileError(f"{path} is not a {kind.noun}", kind.hint)
    version = str(metadata.get("version", ""))
    if not (version.isascii() and version.isdecimal()) or len(version) > 9 or int(version) > kind.version:
        raise ModelFileError(
            f"{path} has {kind.noun} format {version[:9] or '?'}; this netspec reads up to {kind.version}",
            "update netspec",
        )
    try:
        declared = {name: _declared(entry) for name, entry in header.items()}
    except (ValueError, TypeError, KeyError, AttributeError):
        raise damaged(path, kind, "its header cannot be read") from None
    return {str(k): str(v) for k, v in metadata.items()}, declared


def _declared(entry: Any) -> Declared:
    shape = tuple(entry["shape"])
    if not all(type(extent) is int and extent >= 0 for extent in shape) or entry["dtype"] not in _BYTES:
        raise ValueError
    return Declared(entry["dtype"], shape)


_BYTES = {"BOOL": 1, "U8": 1, "I8": 1, "I16": 2, "U16": 2, "F16": 2, "I32": 4, "U32": 4, "F32": 4, "I64": 8, "F64": 8}
"""Bytes of a value, by safetensors' names of types."""


def _check_size(path: Path, kind: Kind, declared: Mapping[str, Declared], head: int, size: int) -> None:
    """Refuse a file that is not as long as its header says, before memory is taken for what it holds."""
    wanted = head + _size(declared)
    if size != wanted:
        raise damaged(path, kind, f"it has {size:,} bytes, its header says {wanted:,}")


def _size(declared: Mapping[str, Declared]) -> int:
    return sum(prod(d.shape) * _BYTES[d.dtype] for d in declared.values())


def _check_hash(path: Path, kind: Kind, data: bytes, stated: str) -> None:
    start = _only_place(data, stated) if len(stated) == 64 else None
    if start is None:
        raise damaged(path, kind, "its hash is missing")
    found = hashlib.sha256(data[:start])
    found.update(_BLANK.encode())
    found.update(memoryview(data)[start + 64 :])
    if found.hexdigest() != stated:
        raise damaged(path, kind, "its contents do not match its SHA-256")


def _arrays(path: Path, kind: Kind, data: bytes, declared: Mapping[str, Declared]) -> dict[str, NDArray[Any]]:
    try:
        arrays = dict(safetensors.numpy.load(data))
    except (SafetensorError, KeyError, ValueError) as error:
        raise damaged(path, kind, str(error)) from None
    if {name: array.shape for name, array in arrays.items()} != {name: d.shape for name, d in declared.items()}:
        # A header that names an array twice is read in one way here, and in another by safetensors.
        raise damaged(path, kind, "its header contradicts itself")
    return arrays


def damaged(path: Path, kind: Kind, why: str) -> ModelFileError:
    """Return the error of a file that is not what was written."""
    return ModelFileError(f"{path} is damaged: {why}", kind.remedy)

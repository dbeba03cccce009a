"""What a file of trained weights declares: the names, types and shapes of its arrays, read without NumPy."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

from netspec.diagnostics.diagnostic import ModelFileError
from netspec.diagnostics.visible import visible
from netspec.system.files import open_to_read

__all__ = ["FLOATS", "StoredArray", "WeightsHeader", "match", "read_header"]

MAX_BYTES = 2**24
"""Of a header at most, as in a model file."""

_MOST_ARRAYS = 100_000

FLOATS = {"F16": 2, "BF16": 2, "F32": 4, "F64": 8}
"""Types whose numbers can be weights, and their bytes."""

_BYTES = {**FLOATS, "BOOL": 1, "U8": 1, "I8": 1, "I16": 2, "U16": 2, "I32": 4, "U32": 4, "I64": 8, "U64": 8}
_BYTES |= {"F8_E4M3": 1, "F8_E5M2": 1}


@dataclass(frozen=True, slots=True)
class StoredArray:
    """An array as the header declares it: its type, its shape, and where its bytes begin behind the header."""

    dtype: str
    shape: tuple[int, ...]
    start: int

    @property
    def bytes(self) -> int:
        """How many bytes it has."""
        return prod(self.shape) * _BYTES[self.dtype]


@dataclass(frozen=True, slots=True)
class WeightsHeader:
    """The header of a safetensors file: its metadata, its arrays by name, and where their bytes begin."""

    metadata: Mapping[str, str]
    arrays: Mapping[str, StoredArray]
    begin: int

    @property
    def format(self) -> str:
        """What the file says it is: `netspec` for a model file of ours."""
        return self.metadata.get("format", "")


@dataclass(frozen=True, slots=True)
class Match:
    """Which arrays of a file fit a network, by name and shape.

    Attributes:
        taken: of the same name and shape.
        fresh: of the same name and another shape: that of the network and that of the file.
        missing: in the network alone.
        unused: in the file alone.
    """

    taken: tuple[str, ...] = ()
    fresh: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()


def match(wanted: Mapping[str, tuple[int, ...]], found: Mapping[str, tuple[int, ...]]) -> Match:
    """Return which of the arrays that are found, by their shapes, are those that are wanted."""
    return Match(
        taken=tuple(name for name, shape in wanted.items() if found.get(name) == shape),
        fresh={n: (shape, found[n]) for n, shape in wanted.items() if n in found and found[n] != shape},
        missing=tuple(name for name in wanted if name not in found),
        unused=tuple(name for name in found if name not in wanted),
    )


def read_header(path: Path) -> WeightsHeader:
    """Return what a safetensors file declares.

    Raises:
        ModelFileError: when it is none, or is damaged.
    """
    try:
        with open_to_read(path) as stream:
            size = os.fstat(stream.fileno()).st_size
            length = int.from_bytes(stream.read(8), "little")
            text = stream.read(length) if size >= 10 and length <= min(MAX_BYTES, size - 8) else b""
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read: {error.strerror}", "give a file that can be read") from None
    if not text.startswith(b"{"):
        raise ModelFileError(f"{path} is no safetensors file", _other_kind(path))
    try:
        # Parsed, millions of empty lists would take a hundred times their bytes.
        if text.count(b"[") > 3 * _MOST_ARRAYS or text.count(b"{") > 2 * _MOST_ARRAYS:
            raise ValueError
        stated = json.loads(text, object_pairs_hook=_each_once)
        metadata = stated.pop("__metadata__", {})
        if not all(isinstance(value, str) for value in metadata.values()) or len(stated) > _MOST_ARRAYS:
            raise ValueError
        arrays = {name: _array(entry) for name, entry in stated.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ModelFileError(f"{path} is damaged: its header cannot be read", _AGAIN) from None
    if size != 8 + length + max((a.start + a.bytes for a in arrays.values()), default=0):
        raise ModelFileError(f"{path} is damaged: it is not as long as its header says", _AGAIN)
    return WeightsHeader(metadata, arrays, 8 + length)


_AGAIN = "copy it again from where it was whole"


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    known = dict(pairs)
    if len(known) < len(pairs):
        raise ValueError("a key comes twice")
    return known


def _array(entry: Mapping[str, Any]) -> StoredArray:
    """Return an array of the header; raises ValueError where its place is not as large as it is."""
    dtype, shape, (first, last) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
    whole = all(type(n) is int and 0 <= n < 2**63 for n in (*shape, first, last))
    if not whole or len(shape) > 32 or first > last:
        raise ValueError
    found = StoredArray(dtype, shape, first)
    if found.bytes != last - first:
        raise ValueError
    return found


def _other_kind(path: Path) -> str:
    """Return what to give in place of a file of another kind."""
    if path.suffix == ".net":
        return f"train it first: netspec train {visible(str(path))}"
    return "give a run folder, a model file that netspec wrote, or a .safetensors file with the names of the network"

"""The types and shapes of an HDF5 file: numbers as NumPy has them, and texts."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["MAX_TEXT", "Type", "shape_of", "type_of"]

MAX_TEXT = 100_000_000


@dataclass(frozen=True, slots=True)
class Type:
    """A type of values: a type of NumPy, or texts of a fixed size, or texts that lie in a heap."""

    kind: str
    size: int
    numpy: np.dtype[Any] | None = None


def shape_of(data: bytes) -> tuple[int, ...] | None:
    """Return the shape that a message says; None for nothing at all."""
    version, rank, _, kind = struct.unpack_from("<BBBB", data)
    if version not in {1, 2} or rank > 32:
        raise struct.error("a shape is none")
    if version == 2 and kind == 2:
        return None
    return struct.unpack_from(f"<{rank}Q", data[8 if version == 1 else 4 :])


def type_of(data: bytes) -> Type:
    """Return the type that a message says; its kind is empty for one that is not read."""
    first, bits, size = struct.unpack_from("<BBxxI", data)
    kind, order = first & 15, ">" if bits & 1 else "<"
    if kind == 0 and size in {1, 2, 4, 8}:
        return Type("number", size, np.dtype(f"{order}{'i' if bits & 8 else 'u'}{size}"))
    usual = {2: (10, 5, 0, 10), 4: (23, 8, 0, 23), 8: (52, 11, 0, 52)}.get(size)
    if kind == 1 and usual == struct.unpack_from("<BBBB", data[12:]):
        return Type("number", size, np.dtype(f"{order}f{size}"))
    if kind == 3 and 0 < size <= MAX_TEXT:
        return Type("text", size)
    if kind == 9 and bits & 15 == 1 and size == 16:
        return Type("heap", size)
    return Type("", size)

"""The header of a sealed file, read by one strict grammar in memory that its length bounds.

A header is JSON, but not any JSON: ASCII, no blanks, the metadata once, and of each array its place, its type and its
shape, in this order. A general JSON parser would have to be configured for keys that come twice, with numbers such
as NaN, and with a megabyte of brackets, which takes thirty megabytes of memory once parsed; here they do not match.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["MAX_BYTES", "Declared", "arrays", "declared", "size", "texts"]

MAX_BYTES = 2**24
"""A spec has 1 MB at most, and as many layers as fit into one some 100 bytes an array."""

_MOST_ARRAYS = 100_000

_TYPES = {
    "BOOL": "?",
    "U8": "u1",
    "I8": "i1",
    "I16": "<i2",
    "U16": "<u2",
    "F16": "<f2",
    "I32": "<i4",
    "U32": "<u4",
    "F32": "<f4",
    "I64": "<i8",
    "U64": "<u8",
    "F64": "<f8",
}
"""NumPy's names of types, by those of safetensors."""

_STRING = rb'"[^"\\\x00-\x1f\x7f-\xff]*+(?:\\.[^"\\\x00-\x1f\x7f-\xff]*+)*+"'
_NUMBER = rb"(?:0|[1-9]\d{0,17})"
# A quotation mark within a string has a backslash before it, so this is not found inside of one.
_TEXTS = re.compile(rb'(?<=[{,])"__metadata__":(\{(?:%s:%s(?:,(?=")|(?=\}))){0,64}+\})' % (_STRING, _STRING))
_ARRAY = re.compile(
    rb'(%s):\{"data_offsets":\[(%s),(%s)\],"dtype":"([A-Z0-9]{1,8})","shape":\[((?:%s(?:,%s){0,31}+)?)\]\}'
    % (_STRING, _NUMBER, _NUMBER, _NUMBER, _NUMBER)
)


@dataclass(frozen=True, slots=True)
class Declared:
    """What the header says of an array."""

    dtype: str
    shape: tuple[int, ...]

    @property
    def bytes(self) -> int:
        """How many bytes it has."""
        return prod(self.shape) * np.dtype(_TYPES[self.dtype]).itemsize


def texts(header: bytes) -> dict[str, str]:
    """Return the metadata of a header, empty where there is none; no more than 64 texts are some.

    Raises:
        ValueError: when a text cannot be decoded, or one comes twice.
    """
    found = _TEXTS.search(header)
    return json.loads(found[1], object_pairs_hook=_each_once) if found else {}


def _each_once(pairs: list[tuple[str, str]]) -> dict[str, str]:
    known = dict(pairs)
    if len(known) < len(pairs):
        raise ValueError("a key comes twice")
    return known


def declared(header: bytes) -> dict[str, Declared]:
    """Return what a header declares, the arrays in the order in which they lie in the file.

    Raises:
        ValueError: when the header is not of the one form, or the arrays overlap, leave gaps, or are not as large as
            their places.
    """
    found: dict[str, tuple[int, int, Declared]] = {}
    metadata = 0
    for match in _entries(header):
        if match.re is _TEXTS:
            metadata += 1
        else:
            name, first, last, array = _array(match)
            if name in found or name == "__metadata__" or len(found) >= _MOST_ARRAYS:
                raise ValueError("a name comes twice, or there are too many")
            found[name] = (first, last, array)
    if metadata > 1:
        raise ValueError("the metadata comes twice")
    return _in_order(found)


def _entries(header: bytes) -> Iterator[re.Match[bytes]]:
    """Yield the entries of a header: metadata and arrays."""
    at = 1 if header.startswith(b"{") else len(header)
    while match := _ARRAY.match(header, at) or _TEXTS.match(header, at):
        yield match
        at = match.end()
        if not header.startswith(b',"', at):
            break
        at += 1
    if header[at:].rstrip(b" ") != b"}":
        raise ValueError("an entry is not of the one form")


def _array(match: re.Match[bytes]) -> tuple[str, int, int, Declared]:
    """Return the name of an array, where it begins and ends in the data, and what it is."""
    dtype = match[4].decode()
    if dtype not in _TYPES:
        raise ValueError(f"{dtype} is no known type")
    shape = tuple(map(int, match[5].split(b","))) if match[5] else ()
    return json.loads(match[1]), int(match[2]), int(match[3]), Declared(dtype, shape)


def _in_order(found: dict[str, tuple[int, int, Declared]]) -> dict[str, Declared]:
    end, ordered = 0, {}
    for name, (first, last, array) in sorted(found.items(), key=lambda item: item[1][:2]):
        if first != end or last - first != array.bytes:
            raise ValueError("the arrays do not lie one after the other")
        end, ordered[name] = last, array
    return ordered


def size(declared: dict[str, Declared]) -> int:
    """Return how many bytes the arrays have in all."""
    return sum(array.bytes for array in declared.values())


def arrays(declared: dict[str, Declared], data: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
    """Return the arrays of a file as views of its data, which has as many bytes as they have in all.

    Raises:
        ValueError: when NumPy has no array of such a shape, such as (0, 10¹⁷, 10¹⁷).
    """
    found, start = {}, 0
    for name, array in declared.items():
        found[name] = data[start : start + array.bytes].view(_TYPES[array.dtype]).reshape(array.shape)
        start += array.bytes
    return found

"""How many fields an ONNX file has, counted before it is parsed: two bytes can become a hundred in memory."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["MAX_FIELDS", "count_fields"]

MAX_FIELDS = 2_000_000
"""More than any network has, its nodes, their names and attributes, its weights and their sizes together."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

_PLAIN: Mapping[int, str] = {}
_INNER: Mapping[str, Mapping[int, str]] = {
    "Model": {7: "Graph", 8: "Plain", 14: "Plain", 20: "Training", 25: "Function", 26: "Plain"},
    "Graph": {
        1: "Node",
        5: "Tensor",
        11: "Value",
        12: "Value",
        13: "Value",
        14: "Annotation",
        15: "Sparse",
        16: "Plain",
    },
    "Node": {5: "Attribute", 9: "Plain", 10: "Device"},
    "Attribute": {
        5: "Tensor",
        6: "Graph",
        10: "Tensor",
        11: "Graph",
        14: "Type",
        15: "Type",
        22: "Sparse",
        23: "Sparse",
    },
    "Tensor": {3: "Plain", 13: "Plain", 16: "Plain"},
    "Sparse": {1: "Tensor", 2: "Tensor"},
    "Value": {2: "Type", 4: "Plain"},
    "Type": {1: "TensorType", 4: "Element", 5: "Map", 8: "TensorType", 9: "Element"},
    "Element": {1: "Type"},
    "Map": {2: "Type"},
    "TensorType": {2: "Shape"},
    "Shape": {1: "Plain"},
    "Annotation": {2: "Plain"},
    "Training": {1: "Graph", 2: "Graph", 3: "Plain", 4: "Plain"},
    "Function": {7: "Node", 9: "Plain", 11: "Attribute", 12: "Value", 14: "Plain"},
    "Device": {2: "Sharding"},
    "Sharding": {3: "Plain", 4: "Dimension"},
    "Dimension": {2: "Plain"},
}
"""The messages that are parsed within each, by the number of their field in onnx.proto."""


def count_fields(data: bytes) -> int | None:
    """Return how many fields a file has, counted up to `MAX_FIELDS` and one; None where it is no protocol buffer."""
    left = [(0, len(data), "Model")]
    count = 0
    try:
        while left:
            at, end, kind = left.pop()
            inner = _INNER.get(kind, _PLAIN)
            while at < end:
                count += 1
                if count > MAX_FIELDS:
                    return count
                key, at = _varint(data, at)
                wire = key & 7
                if wire == _BYTES:
                    size, at = _varint(data, at)
                    if size > end - at:
                        return None
                    if size and key >> 3 in inner:
                        left.append((at + size, end, kind))
                        end, kind = at + size, inner[key >> 3]
                        inner = _INNER.get(kind, _PLAIN)
                    else:
                        at += size
                elif wire == _VARINT:
                    _, at = _varint(data, at)
                elif wire in {_FIXED32, _FIXED64}:
                    at += 4 if wire == _FIXED32 else 8
                else:
                    return None
            if at > end:
                return None
    except IndexError:
        return None
    return count


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return a whole number of at most ten bytes, and where it ends; raises IndexError where there is none."""
    first = data[at]
    if first < 128:
        return first, at + 1
    value, shift = first & 127, 7
    while shift < 70:
        at += 1
        byte = data[at]
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at + 1
        shift += 7
    raise IndexError

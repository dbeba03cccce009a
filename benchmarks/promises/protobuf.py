"""Protocol buffers byte by byte, for files of Caffe and ONNX that may say what no program would write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["attribute", "field", "graph", "model", "node", "number", "tensor", "value", "varint"]

_KINDS = {"f": 1, "i": 7}
_TENSOR, _GRAPH, _INTS, _INT = 4, 5, 7, 2


def varint(given: int) -> bytes:
    """Return a whole number."""
    made = bytearray()
    given &= 2**64 - 1
    while given > 127:
        made.append(given & 127 | 128)
        given >>= 7
    return bytes([*made, given])


def field(index: int, content: bytes | str) -> bytes:
    """Return a field of so many bytes."""
    data = content.encode() if isinstance(content, str) else content
    return varint(index << 3 | 2) + varint(len(data)) + data


def number(index: int, given: int) -> bytes:
    """Return a field that is a whole number."""
    return varint(index << 3) + varint(given)


# --- ONNX ----------------------------------------------------------------------------------------------------------


def tensor(
    name: str, array: Any, sizes: Sequence[int] | None = None, outside: Mapping[str, str] | None = None
) -> bytes:
    """Return a tensor; `sizes` can be a lie, and `outside` says where the numbers lie in another file."""
    array = np.asarray(array)
    array = array.astype("<i8" if array.dtype.kind in "iub" else "<f4")
    made = b"".join(number(1, n) for n in (array.shape if sizes is None else sizes))
    made += number(2, _KINDS[array.dtype.kind]) + field(8, name)
    if outside is None:
        return made + field(9, array.tobytes())
    return made + b"".join(field(13, field(1, k) + field(2, v)) for k, v in outside.items()) + number(14, 1)


def attribute(name: str, given: int | Sequence[int] | bytes, kind: int = _GRAPH) -> bytes:
    """Return an attribute: a whole number, several, or a graph or a tensor as bytes."""
    if isinstance(given, bytes):
        return field(1, name) + field(5 if kind == _TENSOR else 6, given) + number(20, kind)
    if isinstance(given, int):
        return field(1, name) + number(3, given) + number(20, _INT)
    return field(1, name) + b"".join(number(8, n) for n in given) + number(20, _INTS)


def node(kind: str, inputs: str, outputs: str, *attributes: bytes) -> bytes:
    """Return a node; the names are words."""
    made = b"".join(field(1, name) for name in inputs.split()) + b"".join(field(2, name) for name in outputs.split())
    return made + field(4, kind) + b"".join(field(5, each) for each in attributes)


def value(name: str, *sizes: int) -> bytes:
    """Return what is said of an input or an output: floats of some sizes."""
    shape = b"".join(field(1, number(1, n) if n else field(2, "N")) for n in sizes)
    return field(1, name) + field(2, field(1, number(1, 1) + (field(2, shape) if sizes else b"")))


def graph(nodes: Sequence[bytes], tensors: Sequence[bytes], inputs: Sequence[bytes], outputs: Sequence[bytes]) -> bytes:
    """Return a graph."""
    parts = {1: nodes, 5: tensors, 11: inputs, 12: outputs}
    return field(2, "net") + b"".join(field(index, each) for index, some in parts.items() for each in some)


def model(content: bytes, opset: int = 17) -> bytes:
    """Return a whole file of a graph."""
    return number(1, 8) + field(8, field(1, "") + number(2, opset)) + field(7, content)

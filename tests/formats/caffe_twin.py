"""Caffe in a few lines of NumPy, and a writer of its files: what imports are compared with.

A network is a list of layers as dicts: type, name, bottom, top, what else its text says, and its blobs.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def layer(kind: str, name: str, bottom: str, top: str, text: str = "", *blobs: Array) -> dict[str, Any]:
    """Return one layer; bottoms and tops are words."""
    return {"type": kind, "name": name, "bottom": bottom.split(), "top": top.split(), "text": text, "blobs": blobs}


# --- files ------------------------------------------------------------------------------------------------------------


def prototxt(net: Sequence[dict[str, Any]], name: str = "twin") -> str:
    """Return the text of a network."""
    lines = [f'name: "{name}"']
    for each in net:
        words = [f'name: "{each["name"]}" type: "{each["type"]}"']
        words += [f'bottom: "{b}"' for b in each["bottom"]] + [f'top: "{t}"' for t in each["top"]]
        lines.append(f"layer {{ {' '.join(words)} {each['text']} }}")
    return "\n".join(lines) + "\n"


def varint(value: int) -> bytes:
    """Return a whole number as protocol buffers have it."""
    made = bytearray()
    while True:
        value, low = value >> 7, value & 0x7F
        made.append(low | (0x80 if value else 0))
        if not value:
            return bytes(made)


def framed(number: int, content: bytes) -> bytes:
    """Return a field of so many bytes."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def blob(array: Array, *, legacy: bool = False) -> bytes:
    """Return a BlobProto, with a shape or with the four numbers of before."""
    data = framed(5, np.ascontiguousarray(array, "<f4").tobytes())
    if legacy:
        sizes = (1,) * (4 - array.ndim) + array.shape
        return b"".join(varint(i << 3) + varint(n) for i, n in enumerate(sizes, 1)) + data
    return data + framed(7, framed(1, b"".join(map(varint, array.shape))))


def caffemodel(net: Sequence[dict[str, Any]], *, legacy: bool = False, scale: float | None = None) -> bytes:
    """Return the weights of a network; with a data layer where a scale is given."""
    made = framed(1, b"twin")
    if scale is not None:
        part = varint(1 << 3 | 5) + struct.pack("<f", scale)
        made += framed(100, framed(1, b"data") + framed(2, b"Data") + framed(4, b"data") + framed(100, part))
    for each in net:
        blobs = [blob(b, legacy=legacy) for b in each["blobs"]]
        if legacy:
            made += framed(2, framed(4, each["name"].encode()) + b"".join(framed(6, b) for b in blobs))
        else:
            head = framed(1, each["name"].encode()) + framed(2, each["type"].encode())
            made += framed(100, head + b"".join(framed(7, b) for b in blobs))
    return made


# --- what the layers do -----------------------------------------------------------------------------------------------


def conv(
    x: Array, kernel: Array, bias: Array | None, stride: int, pad: int, groups: int = 1, dilation: int = 1
) -> Array:
    """Return a convolution, tap by tap."""
    n, channels, height, width = x.shape
    out, _, rows, columns = kernel.shape
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    high = (height + 2 * pad - dilation * (rows - 1) - 1) // stride + 1
    wide = (width + 2 * pad - dilation * (columns - 1) - 1) // stride + 1
    y = np.zeros((n, out, high, wide))
    per, each = out // groups, channels // groups
    for g in range(groups):
        part = x[:, g * each : (g + 1) * each]
        for i in range(rows):
            for j in range(columns):
                top, left = i * dilation, j * dilation
                seen = part[:, :, top : top + high * stride : stride, left : left + wide * stride : stride]
                seen = seen[:, :, :high, :wide]
                y[:, g * per : (g + 1) * per] += np.einsum(
                    "nchw,oc->nohw", seen, kernel[g * per : (g + 1) * per, :, i, j]
                )
    return y if bias is None else y + bias[:, None, None]


def pool(x: Array, size: int, stride: int, pad: int, mode: str) -> Array:
    """Return a pooling as Caffe's loops do it: rounded up, windows cut off at the border."""
    n, channels, height, width = x.shape

    def count(length: int) -> int:
        windows = ceil((length + 2 * pad - size) / stride) + 1
        return windows - (pad > 0 and (windows - 1) * stride >= length + pad)

    y = np.zeros((n, channels, count(height), count(width)))
    for i in range(y.shape[2]):
        for j in range(y.shape[3]):
            top, left = i * stride - pad, j * stride - pad
            bottom, right = min(top + size, height + pad), min(left + size, width + pad)
            area = (bottom - top) * (right - left)
            seen = x[:, :, max(top, 0) : min(bottom, height), max(left, 0) : min(right, width)]
            y[:, :, i, j] = seen.max((2, 3)) if mode == "MAX" else seen.sum((2, 3)) / area
    return y


def lrn(x: Array, size: int, alpha: float, beta: float) -> Array:
    """Return local response normalization across channels."""
    y = np.zeros_like(x)
    for c in range(x.shape[1]):
        near = x[:, max(c - size // 2, 0) : c + size // 2 + 1]
        y[:, c] = x[:, c] / (1 + alpha / size * (near**2).sum(1)) ** beta
    return y


def softmax(x: Array) -> Array:
    """Return a softmax along the channels."""
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)

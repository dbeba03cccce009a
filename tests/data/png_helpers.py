"""PNG files of every depth and kind, byte by byte: what Pillow does not write must be read all the same."""

from __future__ import annotations

import struct
import zlib

import numpy as np

GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6

_PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
"""First column and row, and steps to the next, of each pass of an interlaced PNG (Adam7)."""


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(
    samples: np.ndarray,
    depth: int,
    kind: int,
    *,
    transparent: bytes = b"",
    palette: bytes = b"",
    interlaced: bool = False,
) -> bytes:
    """Return the PNG of (H, W, channels) whole numbers below 2**depth."""
    parts = [samples[y::dy, x::dx] for x, y, dx, dy in _PASSES] if interlaced else [samples]
    data = b"".join(b"\0" + _packed(row, depth) for part in parts if part.size for row in part)
    height, width = samples.shape[:2]
    chunks = [chunk(b"IHDR", struct.pack(">2I5B", width, height, depth, kind, 0, 0, int(interlaced)))]
    chunks += [chunk(b"PLTE", palette)] if palette else []
    chunks += [chunk(b"tRNS", transparent)] if transparent else []
    return b"\x89PNG\r\n\x1a\n" + b"".join([*chunks, chunk(b"IDAT", zlib.compress(data)), chunk(b"IEND", b"")])


def _packed(row: np.ndarray, depth: int) -> bytes:
    values = row.reshape(-1)
    if depth >= 8:
        return values.astype(">u2" if depth == 16 else np.uint8).tobytes()
    bits = (values[:, None] >> np.arange(depth - 1, -1, -1)) & 1
    return np.packbits(bits.astype(np.uint8)).tobytes()

"""The size of a picture from the first bytes of its file, without decoding it."""

from __future__ import annotations

import struct

__all__ = ["Header", "header_of"]

Header = tuple[int, int, int]
"""Channels (1 or 3), height and width."""

_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
"""Markers of a JPEG file behind which its size stands."""


def header_of(content: bytes) -> Header | None:
    """Return what a PNG, JPEG, GIF or BMP file says of its size; None for other files, and where that is not clear."""
    try:
        if content.startswith(b"\x89PNG\r\n\x1a\n"):
            width, height = struct.unpack(">II", content[16:24])
            return (1 if content[25] in (0, 4) else 3, height, width) if width and height else None
        if content.startswith(b"\xff\xd8"):
            return _jpeg(content)
        if content.startswith(b"GIF8"):
            width, height = struct.unpack("<HH", content[6:10])
            return 3, height, width
        if content.startswith(b"BM"):
            width, height = struct.unpack("<ii", content[18:26])
            return 3, abs(height), width
    except (struct.error, IndexError):
        pass
    return None


def _jpeg(content: bytes) -> Header | None:
    at = 2
    while at + 4 <= len(content) and content[at] == 0xFF:
        marker, length = content[at + 1], int.from_bytes(content[at + 2 : at + 4], "big")
        if marker == 0xE1 and b"Exif" in content[at : at + 12]:
            return None  # it may be turned
        if marker in _FRAMES:
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return 1 if content[at + 9] == 1 else 3, height, width
        at += 2 + length
    return None

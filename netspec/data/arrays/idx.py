"""Reading IDX files, the format of MNIST, raw or gzip-wrapped, without believing what their headers claim."""

from __future__ import annotations

import gzip
import hashlib
import math
import zlib
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from netspec.diagnostics.diagnostic import DataError, plural
from netspec.recipe.array_facts import shape_text
from netspec.recipe.data_headers import IDX_NAMES as NAMES
from netspec.recipe.data_headers import find_idx as find
from netspec.system.files import open_to_read

__all__ = ["NAMES", "find", "read_idx", "read_stream"]

_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_LARGEST = 4 * 2**30  # bytes of values in one file
_DEFLATE = 1040  # deflate packs at most 1,032 bytes into one; a header that claims more is wrong
_CHUNK = 2**20


def read_idx(path: Path, *, dimensions: int | None = None, sha256: str | None = None) -> NDArray[Any]:
    """Return the array in an IDX file.

    Args:
        path: the file; whether it is gzip-wrapped is seen from its first bytes, not from its name.
        dimensions: how many the array should have; any number when None.
        sha256: of the unpacked file, in hexadecimal, when it is known.

    Raises:
        DataError: it is missing, is no IDX file, is cut short, goes on after its end, or has another content.
    """
    try:
        with open_to_read(path) as raw:
            return read_stream(raw, path, path.stat().st_size, dimensions=dimensions, sha256=sha256)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error


def read_stream(
    raw: BinaryIO, path: Path | str, size: int, *, dimensions: int | None = None, sha256: str | None = None
) -> NDArray[Any]:
    """Return the array in an open IDX file.

    Args:
        raw: the file at its beginning; it can be rewound.
        path: what messages call it.
        size: of it in bytes.
        dimensions: as for `read_idx`.
        sha256: as for `read_idx`.

    Raises:
        DataError: as `read_idx`.
        OSError: it cannot be read.
    """
    packed = raw.read(2) == b"\x1f\x8b"
    raw.seek(0)
    if not packed:
        return _read(raw, path, size, dimensions, sha256)
    try:
        with gzip.GzipFile(fileobj=raw) as unpacked:
            return _read(cast("BinaryIO", unpacked), path, size * _DEFLATE, dimensions, sha256)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is a damaged gzip file: {error}", "fetch the file again") from error


def _read(stream: BinaryIO, path: Path | str, most: int, dimensions: int | None, sha256: str | None) -> NDArray[Any]:
    """Read an unpacked IDX stream that can hold at most `most` bytes."""
    dtype, shape, header = _header(stream, path, dimensions)
    needed = math.prod(shape) * dtype.itemsize
    if needed > min(most, _LARGEST):
        raise DataError(f"{path} claims {shape_text(shape)} values, more than it can hold", "fetch the file again")
    values = _at_most(stream, needed + 1)
    if len(values) != needed:
        found = f"holds only {len(values):,}" if len(values) < needed else "goes on after them"
        raise DataError(
            f"{path} should hold {plural(needed, 'byte')} of values ({shape_text(shape)}), but {found}",
            "fetch the file again",
        )
    if sha256 and _sha256(header, values) != sha256:
        raise DataError(f"{path} does not have the content it should have (SHA-256 {sha256})", "fetch the file again")
    return np.frombuffer(values, dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def _header(stream: BinaryIO, path: Path | str, dimensions: int | None) -> tuple[np.dtype[Any], tuple[int, ...], bytes]:
    """Return the type and shape that the first bytes state, and those bytes."""
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _TYPES or magic[3] == 0:
        raise DataError(
            f"{path} is not an IDX file: it begins with {magic.hex(' ') or 'nothing'}",
            "an IDX file begins with 00 00, its type (08 for bytes) and its number of dimensions",
        )
    if dimensions not in (None, magic[3]):
        raise DataError(
            f"{path} has {plural(magic[3], 'dimension')}, but should have {dimensions}",
            "images have 3 dimensions (count, height, width), labels 1",
        )
    sizes = stream.read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise DataError(f"{path} ends within its header", "fetch the file again")
    shape = tuple(int(n) for n in np.frombuffer(sizes, ">u4"))
    return np.dtype(_TYPES[magic[2]]), shape, magic + sizes


def _at_most(stream: BinaryIO, count: int) -> bytearray:
    """Read up to `count` bytes, piece by piece: memory grows with what is there, not with what is claimed."""
    found = bytearray()
    while len(found) < count and (piece := stream.read(min(count - len(found), _CHUNK))):
        found += piece
    return found


def _sha256(*parts: bytes | bytearray) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()

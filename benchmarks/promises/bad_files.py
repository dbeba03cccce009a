"""Pictures and arrays that are not what they should be, in the ways that files are in practice."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from PIL import Image

from netspec.data.arrays import idx
from netspec.data.arrays.arrays import KEYS

__all__ = ["Write", "archives", "arrays", "folders", "good_picture", "pictures"]

Write: TypeAlias = Callable[[Path], object]
"""Puts a bad file, or folder, at a path."""

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "ICO")


def _content(data: bytes) -> Write:
    return lambda path: path.write_bytes(data)


def _anything() -> Iterator[tuple[str, Write]]:
    """What is no file of any kind that is read."""
    yield "nothing", lambda path: None
    yield "an empty file", _content(b"")
    yield "a folder", lambda path: path.mkdir()
    yield "a link to itself", lambda path: path.symlink_to(path)
    yield "a text", _content(b"hello, world\n" * 10)
    yield "zeros", _content(bytes(5000))
    yield "a pickle", _content(pickle.dumps([1, 2, 3]))
    if hasattr(os, "mkfifo"):
        yield "a pipe", os.mkfifo


# --- pictures ------------------------------------------------------------------------------------------------------


def good_picture(kind: str) -> bytes:
    """Return a picture of noise, in one of `FORMATS`."""
    pixels = np.random.default_rng(0).integers(0, 256, (48, 48), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


def pictures() -> Iterator[tuple[str, Write]]:
    """Yield what is wrong with a picture, and how it is written."""
    yield from _anything()
    for kind in FORMATS:
        whole = good_picture(kind)
        for part in (0.01, 0.1, 0.5):
            yield f"{part:.0%} of a {kind}", _content(whole[: int(part * len(whole))])
    for size in ((8_001, 8_000), (20_000, 20_000), (2**31 - 1, 2**31 - 1), (0, 5)):
        yield f"a PNG of {size[0]}x{size[1]} pixels", _content(_png(*size))
    yield (
        "a GIF of 65,535x65,535 pixels",
        _content(b"GIF89a\xff\xff\xff\xff\x00\x00\x00,\0\0\0\0\xff\xff\xff\xff\0\x08\0;"),
    )
    yield "an icon with a huge picture in it", _content(_icon(_png(12_000, 12_000)))
    yield "floating-point pixels", _saved(np.full((8, 8), 0.5, np.float32), "TIFF")
    yield "32-bit pixels", _saved(np.full((8, 8), 2**20, np.int32), "TIFF")
    yield "PostScript, which is a program", _content(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n")


def _png(width: int, height: int) -> bytes:
    """Return a PNG file that says to have this size, and has no pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def _icon(inner: bytes) -> bytes:
    return struct.pack("<3H", 0, 1, 1) + struct.pack("<4B2H2I", 16, 16, 0, 0, 1, 32, len(inner), 22) + inner


def _saved(pixels: np.ndarray, kind: str) -> Write:
    return lambda path: Image.fromarray(pixels).save(path, kind)


# --- arrays --------------------------------------------------------------------------------------------------------


def _npy(array: Any, **changed: str) -> bytes:
    """Return a `.npy` file; `changed` are parts of its header, old and new."""
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    data = stream.getvalue()
    for old, new in changed.items():
        assert old.encode() in data
        data = data.replace(old.encode(), new.encode().ljust(len(old)), 1)
    return data


def arrays() -> Iterator[tuple[str, Write]]:
    """Yield what is wrong with a `.npy` file of examples of 1x4x3, and how it is written."""
    yield from _anything()
    whole = _npy(np.zeros((5, 1, 4, 3), np.uint8))
    for cut in (5, 50, 100, len(whole) - 1):
        yield f"the first {cut} bytes", _content(whole[:cut])
    given: dict[str, Any] = {
        "another shape": np.zeros((5, 1, 4, 4), np.uint8),
        "channels last": np.zeros((5, 4, 3, 2), np.uint8),
        "a number": np.float32(1),
        "no examples": np.zeros((0, 1, 4, 3), np.float32),
        "NaN": np.full((5, 1, 4, 3), np.nan, np.float32),
        "infinity": np.full((5, 1, 4, 3), np.inf, np.float32),
        "too large for 32 bits": np.full((5, 1, 4, 3), 1e300),
        "whole numbers that are no bytes": np.full((5, 1, 4, 3), -300, np.int64),
        "complex numbers": np.zeros((5, 1, 4, 3), complex),
        "texts": np.full((5, 1, 4, 3), "a"),
        "dates": np.zeros((5, 1, 4, 3), "datetime64[s]"),
        "objects": np.full((5, 1, 4, 3), None),
        "records": np.zeros((5, 1, 4, 3), [("a", "f4"), ("b", "f4")]),
    }
    for what, array in given.items():
        yield what, _content(_npy(array))
    place = "(5, 1, 4, 3), }" + " " * 30
    shapes = {"10¹⁵ examples": "(1000000000000000, 1, 4, 3)", "code": "(exit(), 1, 4)", "a list": "[5, 1, 4, 3]"}
    for what, shape in shapes.items():
        yield f"a header of {what}", _content(_npy(np.zeros((5, 1, 4, 3), np.uint8), **{place: shape + ", }"}))
    yield "a header of more examples than there are", _content(_npy(np.zeros((5, 1, 4, 3)), **{"(5, ": "(9, "}))


def _good(**changed: Any) -> dict[str, Any]:
    x = np.arange(6 * 12, dtype=np.uint8).reshape(6, 1, 4, 3)
    y = np.array([0, 1, 2, 0, 1, 2])
    return {"x_train": x, "y_train": y, "x_test": x[:2], "y_test": y[:2], **changed}


def archives() -> Iterator[tuple[str, Write]]:
    """Yield what is wrong with a `.npz` dataset, and how it is written."""
    yield from _anything()
    good = _good()
    x, y = good["x_train"], good["y_train"]
    given: dict[str, dict[str, Any]] = {
        "an array too few": {k: v for k, v in good.items() if k != "y_test"},
        "NaN": _good(x_train=np.full(x.shape, np.nan), x_test=np.zeros((2, 1, 4, 3))),
        "other types in training and test": _good(x_test=x[:2] / 255),
        "other shapes in training and test": _good(x_test=x[:2, :, :3]),
        "labels too few": _good(y_train=y[:5]),
        "negative labels": _good(y_train=y - 1),
        "huge labels": _good(y_train=y * 10**9),
        "half labels": _good(y_train=y + 0.5),
        "NaN for labels": _good(y_train=y * np.nan),
        "one-hot labels": _good(y_train=np.eye(3)[y]),
        "texts for labels": _good(y_train=np.array(list("abcabc"))),
        "objects": _good(x_train=np.full((6, 1, 4, 3), None)),
        "five axes": _good(x_train=x[None]),
        "no examples": _good(x_test=x[:0], y_test=y[:0]),
    }
    for what, held in given.items():
        yield what, partial(_save_npz, held)
    for what, member in {
        "an array said to be larger than it is": _npy(x, **{"(6, ": "(9, "}),
        "an array said to be smaller than it is": _npy(x, **{"(6, ": "(5, "}),
        "a member that is no array": b"text",
        "a bomb": _npy(x) + bytes(50_000_000),
    }.items():
        yield what, _content(_zip(zipfile.ZIP_DEFLATED, member))
    yield "another packing", _content(_zip(zipfile.ZIP_BZIP2, _npy(x)))
    whole = _zip(zipfile.ZIP_DEFLATED, _npy(x))
    for part in (0.1, 0.5, 0.99):
        yield f"{part:.0%} of it", _content(whole[: int(part * len(whole))])


def _save_npz(held: dict[str, Any], path: Path) -> None:
    with path.open("wb") as stream:
        np.savez(stream, **held)


def _zip(packing: int, x_train: bytes) -> bytes:
    stream, good = io.BytesIO(), _good()
    with zipfile.ZipFile(stream, "w", packing) as archive:
        for key in KEYS:
            archive.writestr(f"{key}.npy", x_train if key == "x_train" else _npy(good[key]))
    return stream.getvalue()


# --- folders of IDX files ------------------------------------------------------------------------------------------


def _idx(array: np.ndarray, code: int = 8) -> bytes:
    return struct.pack(f">4B{array.ndim}I", 0, 0, code, array.ndim, *array.shape) + array.tobytes()


def folders() -> Iterator[tuple[str, Write]]:
    """Yield what is wrong with a folder of four IDX files, and how it is written."""
    images, labels = np.zeros((6, 4, 3), np.uint8), np.zeros(6, np.uint8)
    good = _idx(images)
    first = {
        "missing": None,
        "empty": b"",
        "a text": b"hello, world",
        "of no known type": good[:2] + b"\x07" + good[3:],
        "of 10²⁸ images": good[:4] + b"\xff" * 12 + good[16:],
        "cut in its header": good[:9],
        "cut": good[:-1],
        "too long": good + b"x",
        "labels": _idx(labels),
        "of fewer images than labels": _idx(images[:5]),
        "of images of NaN": _idx(np.full((6, 4, 3), np.nan, ">f4"), 0x0D),
        "cut, and packed": gzip.compress(good)[:-5],
        "packed, with a wrong checksum": gzip.compress(good)[:-8] + bytes(8),
        "packed, and said to be huge": gzip.compress(good[:4] + b"\xff" * 12 + bytes(1000)),
    }
    for what, content in first.items():
        yield f"the first file {what}", _folder(content, _idx(labels))
    yield "labels of 70,000 classes", _folder(good, _idx(np.full(6, 70_000, ">i4"), 0x0C))
    yield "negative labels", _folder(good, _idx(np.full(6, -1, "i1"), 0x09))
    yield "no folder", lambda path: None
    yield "an empty folder", lambda path: path.mkdir()


def _folder(images: bytes | None, labels: bytes) -> Write:
    test = (_idx(np.zeros((2, 4, 3), np.uint8)), _idx(np.zeros(2, np.uint8)))

    def write(path: Path) -> None:
        path.mkdir()
        for name, content in zip(idx.NAMES, (images, labels, *test), strict=True):
            if content is not None:
                (path / name).write_bytes(content)

    return write

"""Model files made to do harm: to run code, to take the memory or time of the machine, or to be read in two ways."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from netspec.runs.safetensors_header import MAX_BYTES

__all__ = ["HOLE", "Write", "corpus"]

Write: TypeAlias = Callable[[Path], None]
"""Puts a hostile file at a path."""

SPEC = "input 4; fc 2 softmax"
HOLE = 2**36
"""Bytes of a file that is all hole: 64 GiB, which take no room on the disk."""

_BLANK = "0" * 64
_SAID = {"format": "netspec", "version": "1", "name": "m", "spec": SPEC, "labels": "[]", "training": "{}"}
_WHOLE = {"fc_1/bias": [2], "fc_1/kernel": [2, 4]}
_MEGABYTES = MAX_BYTES - 4096
"""Nearly as long as a header may be."""


def corpus() -> Iterator[tuple[str, Write]]:
    """Yield what is hostile about a file, and how it is written."""
    yield from _other_formats()
    yield from _lengths()
    yield from _huge_headers()
    yield from _headers()
    yield from _metadata()
    yield from _specs()
    yield from _arrays()
    yield from _no_files()


# --- how files are made --------------------------------------------------------------------------------------------


def _content(data: bytes) -> Write:
    def write(path: Path) -> None:
        path.write_bytes(data)

    return write


def _sealed(header: bytes, data: bytes = bytes(40)) -> Write:
    """A file with this header and a hash that is right, as an attacker would write it."""
    whole = len(header).to_bytes(8, "little") + header + data
    return _content(whole.replace(_BLANK.encode(), hashlib.sha256(whole).hexdigest().encode(), 1))


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _entries(shapes: Mapping[str, list[int]]) -> dict[str, Any]:
    entries, end = {}, 0
    for name, shape in sorted(shapes.items()):
        size = 4
        for extent in shape:
            size *= extent
        entries[name] = {"dtype": "F32", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    return entries


def _header(shapes: Mapping[str, list[int]] = _WHOLE, **said: Any) -> bytes:
    """A header of this model, with other metadata; what is None is left out."""
    metadata = {k: v for k, v in {**_SAID, "sha256": _BLANK, **said}.items() if v is not None}
    return _json({**_entries(shapes), "__metadata__": metadata})


# --- what they are -------------------------------------------------------------------------------------------------


class _Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return (os._exit, (66,))


def _other_formats() -> Iterator[tuple[str, Write]]:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("model/data.pkl", pickle.dumps(_Evil()))
        file.writestr("config.json", '{"class_name": "Lambda"}')
    yield "a pickle that ends the process", _content(pickle.dumps(_Evil()))
    yield "a zip as of PyTorch and Keras, with such a pickle", _content(archive.getvalue())
    yield "an HDF5 file", _content(b"\x89HDF\r\n\x1a\n" + bytes(2000))
    yield "an ONNX file", _content(b"\x08\x07\x12\x07pytorch" + bytes(2000))
    yield "a NumPy file", _content(b"\x93NUMPY\x01\x00\x76\x00{'descr': '|O', 'shape': (1,)}" + bytes(100))
    yield "a gzip file", _content(gzip.compress(bytes(1_000_000)))
    yield "a script", _content(b"#!/bin/sh\nkill $PPID\n" + b"#" * 100)
    yield "zeros", _content(bytes(10_000))
    yield "nothing", _content(b"")


def _lengths() -> Iterator[tuple[str, Write]]:
    for length in (2**64 - 1, 2**63, 2**63 - 1, 2**40, MAX_BYTES + 1, MAX_BYTES, 1_000, 1):
        yield f"a header said to have {length:,} bytes", _content(length.to_bytes(8, "little") + b"{}")


def _huge_headers() -> Iterator[tuple[str, Write]]:
    start = b'{"__metadata__":' + _json({**_SAID, "sha256": _BLANK}) + b","
    for what, piece in {
        "empty lists": b"[],",
        "lists within lists": b"[",
        "objects within objects": b'{"a":',
        "short texts": b'"ab",',
        "numbers": b"1,",
    }.items():
        filled = start + b'"a":[' + piece * (_MEGABYTES // len(piece))
        yield f"a header of 16 MiB of {what}", _sealed(filled)
    empty = b'"%d":{"data_offsets":[0,0],"dtype":"F32","shape":[0]},'
    count = _MEGABYTES // 61
    arrays = b"".join(empty % (10_000_000 + i) for i in range(count))
    yield f"a header of {count:,} arrays without values", _sealed(start + arrays[:-1] + b"}")
    texts = b",".join(b'"%d":""' % i for i in range(_MEGABYTES // 12))
    yield "a header of millions of texts", _sealed(start[:-2] + b"," + texts + b"}}")
    yield "a spec of 16 MiB", _sealed(_header(spec="#" * (_MEGABYTES - 1000)))


def _headers() -> Iterator[tuple[str, Write]]:
    whole = _header()
    kernel = b'"fc_1/kernel":{"data_offsets":[8,40],"dtype":"F32","shape":[2,4]}'
    assert kernel in whole
    changes = {
        "an array twice": kernel + b"," + kernel,
        "an array twice, of other shapes": kernel.replace(b"[2,4]", b"[4,2]") + b"," + kernel,
        "a key twice": kernel[:-1] + b',"shape":[4,2]}',
        "NaN for an extent": kernel.replace(b"[2,4]", b"[NaN,4]"),
        "an infinite extent": kernel.replace(b"[2,4]", b"[Infinity,4]"),
        "negative extents": kernel.replace(b"[2,4]", b"[-2,-4]"),
        "extents that are true and false": kernel.replace(b"[2,4]", b"[true,4]"),
        "extents whose product is beyond 64 bits": kernel.replace(b"[2,4]", b"[4294967296,4294967298]"),
        "an extent of 5,000 digits": kernel.replace(b"[2,4]", b"[" + b"9" * 5000 + b"]"),
        "a million axes": kernel.replace(b"[2,4]", b"[" + b"1," * 1_000_000 + b"8]"),
        "offsets beyond the file": kernel.replace(b"[8,40]", b"[1099511627776,1099511627808]"),
        "offsets the wrong way round": kernel.replace(b"[8,40]", b"[40,8]"),
        "offsets over another array": kernel.replace(b"[8,40]", b"[0,32]"),
        "offsets that leave a gap": kernel.replace(b"[8,40]", b"[12,44]"),
        "negative offsets": kernel.replace(b"[8,40]", b"[-32,0]"),
        "a type of objects": kernel.replace(b'"F32"', b'"O"'),
        "a type that is a list": kernel.replace(b'"F32"', b'["F32"]'),
        "100,000 brackets": kernel.replace(b"[2,4]", b"[" * 100_000),
        "a name with a path in it": kernel.replace(b"fc_1/kernel", b"../../../../etc/passwd"),
        "a name of control characters": kernel.replace(b"fc_1/kernel", rb"\u001b[2J\u0000\u202e"),
    }
    for what, change in changes.items():
        yield what, _sealed(whole.replace(kernel, change))
    for encoding in ("utf-16", "utf-16-le", "utf-32", "utf-8-sig"):
        yield f"a header in {encoding}", _sealed(whole.decode().encode(encoding))
    yield "a second header after the first", _sealed(whole + whole)
    yield "metadata twice", _sealed(whole[:-1] + b',"__metadata__":' + _json({**_SAID, "version": "2"}) + b"}")


def _metadata() -> Iterator[tuple[str, Write]]:
    for version in ("3", "999999999", "9" * 5000, "0", "-1", "01", " 1", "1.0", "1e0", "٢", "²", "", "one", None):
        yield f"version {version!s:.12}", _sealed(_header(version=version))
    values: dict[str, Any] = {"a number": 1, "null": None, "a list": ["netspec"], "an object": {}}
    for what, value in values.items():
        metadata = _json({**_SAID, "sha256": _BLANK, "spec": value})
        yield (
            f"a spec that is {what}",
            _sealed(_json({**_entries(_WHOLE), "__metadata__": 0}).replace(b"0", metadata, 1)),
        )
    for name in ("", "x" * 201, "x" * 1_000_000, None):
        yield f"a name of {len(name or '')} characters", _sealed(_header(name=name))
    for labels in ("", "7", "null", "{}", "[1]", '[["a"]]', "[" * 100_000, '"ab"', None):
        yield f"labels {labels!s:.12}", _sealed(_header(labels=labels))
    for training in ("", "7", "[]", '[["a", 1]]', "NaN", "9" * 5000, '{"a":' * 100_000, None):
        yield f"training {training!s:.12}", _sealed(_header(training=training))
    for digest in ("", "0" * 63, "1" * 64, "A" * 64, "0" * 65, None):
        yield f"hash {digest!s:.12}", _sealed(_header(sha256=digest))


def _specs() -> Iterator[tuple[str, Write]]:
    specs = {
        "no text": "",
        "10¹² parameters": "input 1000000; fc 1000000; fc 2 softmax",
        "10¹⁷ outputs": f"input 4; fc {10**17}; fc 2 softmax",
        "a number of 5,000 digits": f"input 4; fc {'9' * 5000}; fc 2 softmax",
        "repetitions of repetitions": "input 4\n" + "repeat 1000 { " * 8 + "fc 4" + " }" * 8 + "\nfc 2 softmax",
        "10,000 braces": "input 4; " + "{" * 10_000,
        "10,000 parentheses": "input 4; fc " + "(" * 10_000 + "2" + ")" * 10_000,
        "another file": 'include "/etc/passwd"\ninput 4; fc 2 softmax',
        "another file of the folder": 'include "other.net"\ninput 4; fc 2 softmax',
        "a block that uses itself": "block a { a }; input 4; a; fc 2 softmax",
        "blocks that double": "\n".join(f"block b{i + 1} {{ b{i}; b{i} }}" for i in range(1, 40)) + "\ninput 4; b40",
        "powers of powers": "let a = 99999999; let b = (a*a*a*a*a*a*a*a*a*a); input 4; fc b",
        "code": "input 4; fc __import__('os').system('true')",
        "control characters": "input 4; fc 2 softmax \x1b[2J\x00",
        "text turned around": "input 4; fc 2 \u202examtfos",
        "two megabytes": SPEC + "\n#" + " " * 2_000_000,
        "200,000 mistakes": "input 4;" + " x;" * 200_000,
        "other shapes than the arrays": "input 4; fc 3 softmax",
        "half a character": "input 4; fc 2 softmax # \ud800",
    }
    for what, spec in specs.items():
        yield f"a spec of {what}", _sealed(_header(spec=spec))


def _arrays() -> Iterator[tuple[str, Write]]:
    yield "an array too few", _sealed(_header({"fc_1/bias": [2]}), bytes(8))
    yield "an array too many", _sealed(_header({**_WHOLE, "x": [1]}), bytes(44))
    yield "10,000 arrays too many", _sealed(_header({**_WHOLE, **{f"x{i}": [1] for i in range(10_000)}}), bytes(40_040))
    yield "another shape of as many values", _sealed(_header({**_WHOLE, "fc_1/kernel": [4, 2]}))
    yield "values too few", _sealed(_header(), bytes(39))
    yield "values too many", _sealed(_header(), bytes(41))
    yield (
        "arrays of a spec of 10⁹ values, without the values",
        _sealed(_header({"fc_1/bias": [1000], "fc_1/kernel": [1000, 10**6]}, spec="input 1000000; fc 1000 softmax")),
    )
    yield "64 GiB of hole that the spec does not want", _hole(_header({**_WHOLE, "x": [HOLE // 4]}))
    wide = HOLE // 4 // 40_000
    yield (
        "64 GiB of hole that the spec wants",
        _hole(_header({"fc_1/bias": [40_000], "fc_1/kernel": [40_000, wide]}, spec=f"input {wide}; fc 40000 softmax")),
    )


def _hole(header: bytes) -> Write:
    def write(path: Path) -> None:
        with path.open("wb") as stream:
            stream.write(len(header).to_bytes(8, "little") + header)
            stream.truncate(8 + len(header) + 40 + HOLE)

    return write


def _no_files() -> Iterator[tuple[str, Write]]:
    yield "a folder", lambda path: path.mkdir()
    yield "a link to itself", lambda path: path.symlink_to(path)
    yield "a link to nowhere", lambda path: path.symlink_to(path.with_name("nowhere"))
    if hasattr(os, "mkfifo"):
        yield "a pipe that nobody writes to", os.mkfifo
        for device in ("/dev/zero", "/dev/tty", "/dev/stdin"):
            if Path(device).exists():
                yield f"a link to {device}", lambda path, device=device: path.symlink_to(device)  # type: ignore[misc]

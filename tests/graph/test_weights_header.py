"""The header of a file of weights: what is read of it, and that nothing made up gets through."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from netspec.diagnostics.diagnostic import ModelFileError
from netspec.recipe.weights_header import match, read_header

GOOD = {"a/kernel": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}


def write(path: Path, header: Any, data: int = 24) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"\0" * data)
    return path


def test_what_is_declared(tmp_path: Path) -> None:
    header = read_header(write(tmp_path / "a", {"__metadata__": {"format": "pt"}, **GOOD}))
    assert header.format == "pt"
    assert header.arrays["a/kernel"].shape == (2, 3)


@pytest.mark.parametrize(
    ("header", "data"),
    [
        ({"a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 20]}}, 20),
        ({"a": {"dtype": "F32", "shape": [-2, -3], "data_offsets": [0, 24]}}, 24),
        ({"a": {"dtype": "F32", "shape": [2.0, 3], "data_offsets": [0, 24]}}, 24),
        ({"a": {"dtype": "F99", "shape": [2, 3], "data_offsets": [0, 24]}}, 24),
        ({"a": {"dtype": "F32", "shape": [2, 3]}}, 24),
        ({"a": {"dtype": ["F32"], "shape": [2, 3], "data_offsets": [0, 24]}}, 24),
        ({"a": {"dtype": "F32", "shape": 6, "data_offsets": [0, 24]}}, 24),
        ({"a": 3}, 0),
        ({"__metadata__": 3}, 0),
        ({"__metadata__": {"format": 3}}, 0),
        (GOOD, 20),
        (GOOD, 25),
        (b'{"a":1,"a":2}', 0),
        (b'{"a":' + b"[" * 100_000 + b"}", 0),
        (b'{"a":[' + b"[]," * 400_000 + b"[]]}", 0),
        (b"{" + b" " * 20, 0),
        (b'{"\xff": 1}', 0),
        (b"[1]", 0),
        (b"", 0),
    ],
)
def test_what_is_made_up_is_refused(tmp_path: Path, header: Any, data: int) -> None:
    file = write(tmp_path / "a.safetensors", header, data)
    with pytest.raises(ModelFileError) as error:
        read_header(file)
    assert error.value.fix


def test_a_length_beyond_the_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.safetensors"
    for data in (b"", b"\xff" * 8, struct.pack("<Q", 2**40) + b"{}", b"text"):
        file.write_bytes(data)
        with pytest.raises(ModelFileError):
            read_header(file)


def test_match_is_by_name_and_shape() -> None:
    found = match({"a": (2,), "b": (3,), "c": (4,)}, {"a": (2,), "b": (5,), "d": (4,)})
    assert found.taken == ("a",)
    assert found.fresh == {"b": ((3,), (5,))}
    assert found.missing == ("c",)
    assert found.unused == ("d",)

import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data_helpers import names_its_file

from netspec.data.arrays.examples import read_examples
from netspec.diagnostics.diagnostic import DataError


@pytest.mark.parametrize(
    ("given", "shape", "count"),
    [
        ((5, 1, 4, 3), (1, 4, 3), 5),
        ((5, 4, 3), (1, 4, 3), 5),
        ((1, 4, 3), (1, 4, 3), 1),
        ((4, 3), (1, 4, 3), 1),
        ((5, 3, 4, 3), (3, 4, 3), 5),
        ((3, 4, 3), (3, 4, 3), 1),
        ((5, 12), (12,), 5),
        ((12,), (12,), 1),
        ((5, 1, 4, 3), (12,), 5),
    ],
)
@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
def test_shapes(tmp_path: Path, given: tuple[int, ...], shape: tuple[int, ...], count: int, dtype: type) -> None:
    path = tmp_path / "some.npy"
    values = np.arange(np.prod(given)).reshape(given).astype(dtype)
    np.save(path, values)
    examples = read_examples(path, shape)
    assert examples.shape == (count, *shape)
    assert examples.dtype == (np.uint8 if dtype is np.uint8 else np.float32)
    np.testing.assert_array_equal(examples.ravel(), values.ravel())


BAD: dict[str, tuple[Any, str]] = {
    "shape": (np.zeros((5, 7, 7)), "holds an array of 5x7x7, but the network takes 1x4x3"),
    "channels": (np.zeros((5, 3, 4, 3)), "5x3x4x3"),
    "number": (np.float32(3), "a single number"),
    "none": (np.zeros((0, 4, 3)), "is empty"),
    "nan": (np.full((4, 3), np.nan), "is nan"),
    "integers": (np.full((4, 3), 1000), "whole numbers .int64. of 1000 to 1000: as pixels they are bytes"),
    "records": (np.zeros((4, 3), [("a", "f4")]), "not numbers"),
    "text": (np.full((4, 3), "a"), "not numbers"),
    "objects": (np.full((4, 3), None), "cannot be read as a .npy file"),
}


@pytest.mark.parametrize(("array", "said"), BAD.values(), ids=BAD)
def test_bad_arrays(tmp_path: Path, array: Any, said: str) -> None:
    path = tmp_path / "some.npy"
    np.save(path, array)
    with pytest.raises(DataError, match=said) as caught:
        read_examples(path, (1, 4, 3))
    assert str(path) in caught.value.message


def test_a_number_alone_is_no_vector_of_one(tmp_path: Path) -> None:
    np.save(tmp_path / "zero.npy", np.float32(0.3))
    with pytest.raises(DataError, match="holds an array of a single number, but the network takes 1"):
        read_examples(tmp_path / "zero.npy", (1,))


def test_bad_files(tmp_path: Path) -> None:
    path = tmp_path / "some.npy"
    with pytest.raises(DataError, match="does not exist"):
        read_examples(path, (1, 4, 3))
    with pytest.raises(DataError, match="is a folder"):
        read_examples(tmp_path, (1, 4, 3))
    np.save(path, np.zeros((5, 4, 3)))
    cut = path.read_bytes()[:-1]
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (9999999999999, 4, 3), }".ljust(117) + b"\n"
    huge = b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header
    for content in (b"", b"text", b"PK\3\4 and so on", cut, cut[:20], huge):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"cannot be read as a \.npy file"):
            read_examples(path, (1, 4, 3))


def test_a_name_too_long(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be opened: File name too long"):
        read_examples(tmp_path / ("b" * 300 + ".npy"), (1, 4, 3))


def test_more_than_fits_into_memory(tmp_path: Path) -> None:
    path = tmp_path / "some.npy"
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (68719476736, 1, 8, 8), }".ljust(117) + b"\n"
    with path.open("wb") as stream:  # of 4 TiB, of which nothing is on the disk
        stream.write(b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header)
        stream.truncate(stream.tell() + 2**42)
    with pytest.raises(DataError, match="does not fit into memory") as caught:
        read_examples(path, (1, 8, 8))
    assert caught.value.fix


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.npy")
        with pytest.raises(DataError, match="is not a file"):
            read_examples(tmp_path / "pipe.npy", (1, 4, 3))


def test_no_flipped_byte_of_the_header_is_a_traceback(tmp_path: Path) -> None:
    path = tmp_path / "some.npy"
    np.save(path, np.zeros((5, 4, 3)))
    content = path.read_bytes()
    for place in range(128):
        for flip in (0x01, 0x10, 0x80):
            path.write_bytes(content[:place] + bytes([content[place] ^ flip]) + content[place + 1 :])
            assert names_its_file(lambda: read_examples(path, (1, 4, 3)), path)

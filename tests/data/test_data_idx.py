import gzip
import hashlib
import struct
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from data_helpers import names_its_file
from hypothesis import given
from hypothesis import strategies as st

from netspec.data.arrays import idx
from netspec.data.arrays.idx import read_idx
from netspec.diagnostics.diagnostic import DataError

VALUES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
GOOD = struct.pack(">4B3I", 0, 0, 8, 3, 2, 3, 4) + VALUES.tobytes()


def write(folder: Path, content: bytes) -> Path:
    path = folder / "some-idx"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("wrap", [bytes, gzip.compress], ids=["raw", "gzip"])
def test_a_good_file(tmp_path: Path, wrap: object) -> None:
    path = write(tmp_path, wrap(GOOD))  # type: ignore[operator]
    array = read_idx(path, dimensions=3, sha256=hashlib.sha256(GOOD).hexdigest())
    assert array.dtype == np.uint8
    np.testing.assert_array_equal(array, VALUES)


@pytest.mark.parametrize(
    ("code", "dtype"), [(8, ">u1"), (9, ">i1"), (11, ">i2"), (12, ">i4"), (13, ">f4"), (14, ">f8")]
)
def test_every_type(tmp_path: Path, code: int, dtype: str) -> None:
    values = np.array([0, 1, 100], dtype)
    array = read_idx(write(tmp_path, struct.pack(">4BI", 0, 0, code, 1, 3) + values.tobytes()))
    np.testing.assert_array_equal(array, values)
    assert array.dtype == np.dtype(dtype).newbyteorder("=")


def head(*shape: int) -> bytes:
    return struct.pack(f">4B{len(shape)}I", 0, 0, 8, len(shape), *shape)


BAD = {
    "empty": (b"", "begins with nothing"),
    "text": (b"hello, world", "begins with 68 65 6c 6c"),
    "unknown type": (b"\0\0\x07" + GOOD[3:], "not an IDX file"),
    "no dimensions": (b"\0\0\x08\0" + GOOD[4:], "not an IDX file"),
    "labels for images": (head(2) + b"ab", "has 1 dimension, but should have 3"),
    "header cut": (GOOD[:9], "ends within its header"),
    "values cut": (
        GOOD[:-1],
        r"should hold 24 bytes of values \(2x3x4\), but holds only 23|more than it can",
    ),
    "trailing": (GOOD + b"x", "goes on after them"),
    "huge": (head(2**32 - 1, 2**32 - 1, 2**32 - 1), "claims .* more than it can hold"),
    "other content": (GOOD[:-1] + b"x", "does not have the content"),
}


@pytest.mark.parametrize("wrap", [bytes, gzip.compress], ids=["raw", "gzip"])
@pytest.mark.parametrize(("content", "said"), BAD.values(), ids=BAD)
def test_a_bad_file_is_named(tmp_path: Path, content: bytes, said: str, wrap: object) -> None:
    path = write(tmp_path, wrap(content))  # type: ignore[operator]
    with pytest.raises(DataError, match=said) as caught:
        read_idx(path, dimensions=3, sha256=hashlib.sha256(GOOD).hexdigest())
    assert str(path) in caught.value.message


@pytest.mark.parametrize("cut", [3, 12, 20, -1, -8], ids=str)
def test_a_cut_gzip_file(tmp_path: Path, cut: int) -> None:
    path = write(tmp_path, gzip.compress(GOOD)[:cut])
    with pytest.raises(DataError, match="damaged gzip file"):
        read_idx(path)


def test_missing_and_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        read_idx(tmp_path / "none")
    with pytest.raises(DataError, match="cannot be read"):
        read_idx(tmp_path)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("flips")


@pytest.mark.parametrize("wrap", [bytes, gzip.compress], ids=["raw", "gzip"])
def test_no_flipped_bit_goes_unseen(scratch: Path, wrap: object) -> None:
    content = wrap(GOOD)  # type: ignore[operator]
    for bit in range(8 * len(content)):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        try:
            array = read_idx(write(scratch, bytes(flipped)), sha256=hashlib.sha256(GOOD).hexdigest())
        except DataError:
            continue
        np.testing.assert_array_equal(array, VALUES)  # bits of a gzip header that mean nothing, such as its date


@given(st.binary(max_size=64))
def test_any_bytes_give_an_array_or_a_data_error(scratch: Path, content: bytes) -> None:
    for start in (b"", b"\0\0\x08\x02", b"\x1f\x8b\x08\x00"):
        path = write(scratch, start + content)
        assert names_its_file(partial(read_idx, path), path)


@pytest.mark.parametrize(
    "spelling",
    [
        "train-images-idx3-ubyte",
        "train-images-idx3-ubyte.gz",
        "train-images.idx3-ubyte",
        "train-images.idx3-ubyte.gz",
    ],
)
def test_spellings(tmp_path: Path, spelling: str) -> None:
    assert idx.find(tmp_path, idx.NAMES[0]) is None
    (tmp_path / spelling).touch()
    assert idx.find(tmp_path, idx.NAMES[0]) == tmp_path / spelling

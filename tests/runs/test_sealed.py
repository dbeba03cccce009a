"""A sealed file has one form: what is written is read again, and every other form of a header is refused."""

from __future__ import annotations

import hashlib
import json
import tracemalloc
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st

from netspec.diagnostics.diagnostic import ModelFileError
from netspec.runs import safetensors_file as sealed
from netspec.runs import safetensors_header as sealed_header
from netspec.runs.safetensors_file import Declared, FileKind

KIND = FileKind("things", 2, "thing", "made here", "make it again")
BLANK = b"0" * 64
METADATA = b'"__metadata__":{"format":"things","sha256":"' + BLANK + b'","version":"2"}'
ONE = b'"a":{"data_offsets":[0,8],"dtype":"F32","shape":[2]}'
TWO = b'"b":{"data_offsets":[8,9],"dtype":"U8","shape":[1]}'


def accept_all(metadata: Mapping[str, str], declared: Mapping[str, Declared]) -> None:
    """Refuse nothing."""


def read(path: Path, accept: Any = accept_all) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    return sealed.read(path, KIND, accept)


def put(folder: Path, header: bytes, data: bytes = bytes(9), length: int | None = None) -> Path:
    """Write a file with this header and a hash that is right."""
    whole = (len(header) if length is None else length).to_bytes(8, "little") + header + data
    path = folder / "file"
    path.write_bytes(whole.replace(BLANK, hashlib.sha256(whole).hexdigest().encode(), 1))
    return path


def refused(path: Path) -> str:
    with pytest.raises(ModelFileError) as caught:
        read(path)
    assert str(path) in caught.value.message
    return caught.value.message


# --- there and back -----------------------------------------------------------------------------------------------

dtypes = st.sampled_from(["?", "u1", "i1", "<i2", "<u2", "<f2", "<i4", "<u4", "<f4", "<i8", "<u8", "<f8"])
shapes = st.lists(st.integers(0, 4), max_size=4).map(tuple)
# Any text but halves of characters, which no file can hold.
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@st.composite
def anything(draw: st.DrawFn) -> np.ndarray:
    dtype, shape = np.dtype(draw(dtypes)), draw(shapes)
    size = int(np.prod(shape)) * dtype.itemsize
    return np.frombuffer(draw(st.binary(min_size=size, max_size=size)), dtype).reshape(shape)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sealed")


@given(
    st.dictionaries(words.filter(lambda w: w != "__metadata__"), anything(), max_size=5),
    st.dictionaries(words, words, max_size=5),
)
def test_whatever_is_written_is_read_again(scratch: Path, arrays: dict[str, np.ndarray], texts: dict[str, str]) -> None:
    path = scratch / "any"
    sealed.write(path, KIND, arrays, texts)
    metadata, found = read(path)
    own = {"format": "things", "version": "2", "sha256": metadata["sha256"]}
    assert metadata == {**texts, **own}
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        assert found[name].tobytes() == array.tobytes()
        assert not found[name].flags.writeable


@given(st.dictionaries(words.filter(lambda w: w != "__metadata__"), anything(), min_size=1, max_size=4))
def test_the_library_reads_the_same(scratch: Path, arrays: dict[str, np.ndarray]) -> None:
    """An independent reader of the format sees what ours sees."""
    path = scratch / "theirs"
    sealed.write(path, KIND, arrays, {"note": "ä"})
    theirs, ours = safetensors.numpy.load_file(path), read(path)[1]
    assert theirs.keys() == ours.keys()
    assert all(theirs[name].tobytes() == ours[name].tobytes() for name in ours)


@pytest.mark.parametrize("extra", range(9))
def test_the_bytes_of_a_file(tmp_path: Path, extra: int) -> None:
    """The library writes the texts in any order; a file is in that of their names, and its arrays begin at 8 bytes."""
    arrays = {"b": np.arange(3, dtype="u1"), "a": np.arange(2, dtype="<f4")}
    texts = {"zeta": "z" * extra, "note": "ä", "alpha": '"'}
    header = (
        rb'{"__metadata__":{"alpha":"\"","format":"things","note":"\u00e4","sha256":"' + BLANK + b'","version":"2",'
        b'"zeta":"' + b"z" * extra + b'"},"a":{"data_offsets":[0,8],"dtype":"F32","shape":[2]},'
        b'"b":{"data_offsets":[8,11],"dtype":"U8","shape":[3]}}'
    )
    while len(header) % 8:
        header += b" "
    expected = put(tmp_path, header, arrays["a"].tobytes() + arrays["b"].tobytes()).read_bytes()
    for order in (arrays, dict(reversed(arrays.items()))):
        sealed.write(tmp_path / "ours", KIND, order, texts)
        assert (tmp_path / "ours").read_bytes() == expected


def test_an_older_version_is_read(tmp_path: Path) -> None:
    older = METADATA.replace(b'"version":"2"', b'"version":"1"')
    assert read(put(tmp_path, b"{" + older + b"," + ONE + b"}", bytes(8)))[0]["version"] == "1"


@pytest.mark.parametrize(
    "array", [np.zeros(2, complex), np.array(["a"]), np.array([None]), np.zeros((1,) * 33)], ids=lambda a: str(a.dtype)
)
def test_what_could_not_be_read_is_not_written(tmp_path: Path, array: np.ndarray) -> None:
    with pytest.raises(ModelFileError, match="cannot be written"):
        sealed.write(tmp_path / "file", KIND, {"a": array}, {})
    assert not list(tmp_path.iterdir())


def test_too_many_texts_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="too much metadata"):
        sealed.write(tmp_path / "file", KIND, {}, {str(i): "" for i in range(70)})


# --- headers of other forms ---------------------------------------------------------------------------------------


def test_the_one_form_is_read(tmp_path: Path) -> None:
    for header in (
        b"{" + METADATA + b"," + ONE + b"," + TWO + b"}",
        b"{" + TWO + b"," + ONE + b"," + METADATA + b"}   ",
    ):
        metadata, arrays = read(put(tmp_path, header))
        assert metadata["version"] == "2"
        assert {name: (array.dtype, array.shape) for name, array in arrays.items()} == {
            "a": (np.dtype("<f4"), (2,)),
            "b": (np.dtype("u1"), (1,)),
        }


def entry(offsets: str = "[0,8]", dtype: str = "F32", shape: str = "[2]") -> bytes:
    return f'"a":{{"data_offsets":{offsets},"dtype":"{dtype}","shape":{shape}}}'.encode()


OTHER = {
    "an array twice": ONE + b"," + ONE,
    "an array twice, spelled in two ways": ONE + b"," + ONE.replace(b'"a"', rb'"\u0061"').replace(b"[0,8]", b"[8,16]"),
    "metadata twice": METADATA + b"," + ONE,
    "no comma": ONE + TWO,
    "two commas": ONE + b",," + TWO,
    "a comma at the end": ONE + b",",
    "blanks": entry(shape="[2 ]"),
    "another order": b'"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}',
    "a key too many": entry()[:-1] + b',"x":1}',
    "a key twice": entry()[:-1] + b',"shape":[3]}',
    "a key missing": b'"a":{"data_offsets":[0,8],"dtype":"F32"}',
    "NaN": entry(shape="[NaN]"),
    "a negative extent": entry(shape="[-2]"),
    "two negative extents": entry(shape="[-1,-2]"),
    "a fraction": entry(shape="[2.0]"),
    "an exponent": entry(shape="[2e0]"),
    "a leading zero": entry(shape="[02]"),
    "true": entry(shape="[true,2]"),
    "null": entry(shape="null"),
    "a text": entry(shape='["2"]'),
    "an array within": entry(shape="[[2]]"),
    "other digits": '"a":{"data_offsets":[0,8],"dtype":"F32","shape":[٢]}'.encode(),
    "a huge number": entry(shape=f"[{'9' * 5000}]"),
    "a product beyond 64 bits": entry(shape="[4294967296,4294967296]"),
    "a product that wraps to the right one": entry(shape="[9223372036854775809,2]"),
    "nothing by very much": entry("[0,0]", shape="[0,99999999999999999,99999999999999999]"),
    "an array called as the metadata": ONE.replace(b'"a"', b'"__metadata__"'),
    "many axes": entry(shape="[" + ",".join("1" * 1000) + "]"),
    "an unknown type": entry(dtype="Q99"),
    "a type of Python": entry(dtype="O"),
    "a gap before it": entry("[8,16]"),
    "an end before its beginning": entry("[8,0]"),
    "too short a place": entry("[0,4]"),
    "one place for two": ONE + b"," + ONE.replace(b'"a"', b'"c"'),
    "overlapping": ONE + b"," + ONE.replace(b'"a"', b'"c"').replace(b"[0,8]", b"[4,12]"),
    "a list": b'"a":[1]',
    "no array": b'"a":1',
    "deep": b'"a":' + b"[" * 100_000,
    "deep objects": b'"a":' + b'{"a":' * 100_000,
    "an open string": b'"a',
    "a control character": b'"a\x01' + ONE[2:],
    "bytes beyond ASCII": b'"\xc3\xa4' + ONE[2:],
    "an escape that is none": rb'"\q' + ONE[2:],
}


@pytest.mark.parametrize("more", OTHER.values(), ids=OTHER)
def test_another_form_is_refused(tmp_path: Path, more: bytes) -> None:
    assert "damaged" in refused(put(tmp_path, b"{" + METADATA + b"," + more + b"}", bytes(16)))


@pytest.mark.parametrize("end", [b"", b"}}", b"}x", b"}\n", b"}\0", b"} {}", b"]"])
def test_an_end_of_another_form_is_refused(tmp_path: Path, end: bytes) -> None:
    refused(put(tmp_path, b"{" + METADATA + b"," + ONE + end, bytes(8)))


TEXTS = {
    "a number": b'"x":1',
    "null": b'"x":null',
    "a list": b'"x":["1"]',
    "an object": b'"x":{"format":"things"}',
    "a key twice": b'"version":"1"',
    "too many": b",".join(b'"%d":""' % i for i in range(80)),
    "blanks": b' "x":"1"',
}


@pytest.mark.parametrize("more", TEXTS.values(), ids=TEXTS)
def test_metadata_of_another_form_is_refused(tmp_path: Path, more: bytes) -> None:
    refused(put(tmp_path, b"{" + METADATA[:-1] + b"," + more + b"}," + ONE + b"}", bytes(8)))


def test_metadata_within_a_name_or_a_text_is_none(tmp_path: Path) -> None:
    inner = json.dumps((b"{" + METADATA + b"}").decode())
    for header in (
        b'{"__metadata__":{"note":' + inner.encode() + b"}," + ONE + b"}",
        b"{" + ONE.replace(b'"a"', inner.encode()) + b"}",
    ):
        assert "is not a thing" in refused(put(tmp_path, header, bytes(8)))


def test_other_encodings_are_refused(tmp_path: Path) -> None:
    header = "{" + METADATA.decode() + "," + ONE.decode() + "}"
    for encoding in ("utf-16", "utf-16-le", "utf-32", "utf-8-sig"):
        refused(put(tmp_path, header.encode(encoding), bytes(8)))


def test_any_change_of_a_header_is_refused(tmp_path: Path) -> None:
    """Each byte of the header in turn, the hash made right: it is read as other facts, or refused; never a crash."""
    header = b"{" + METADATA + b"," + ONE + b"," + TWO + b"}"
    for at in range(len(header)):
        for byte in b'"{}[],:\\0a\x00\xff':
            path = put(tmp_path, header[:at] + bytes([byte]) + header[at + 1 :])
            try:
                _, arrays = read(path)
            except ModelFileError:
                continue
            assert sum(array.nbytes for array in arrays.values()) == 9


# --- nothing is taken on trust ------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [100_000, 100_001])
def test_so_many_arrays_and_no_more(tmp_path: Path, count: int) -> None:
    more = b",".join(b'"%d":{"data_offsets":[0,0],"dtype":"U8","shape":[0]}' % i for i in range(count))
    path = put(tmp_path, b"{" + METADATA + b"," + more + b"}", b"")
    if count > 100_000:
        refused(path)
    else:
        assert len(read(path)[1]) == count


def test_what_is_declared_is_refused_before_memory_is_taken(tmp_path: Path) -> None:
    """A file that is as long as it says, all of it a hole: nothing of it is read once the caller refuses it."""
    size = 2**36
    path = put(tmp_path, b"{" + METADATA + b"," + entry(f"[0,{size}]", shape=f"[{size // 4}]") + b"}", b"")
    with path.open("r+b") as stream:
        stream.truncate(path.stat().st_size + size)

    def accept(metadata: Mapping[str, str], declared: Mapping[str, Declared]) -> None:
        assert declared == {"a": Declared("F32", (size // 4,))}
        raise ModelFileError("that is not wanted")

    tracemalloc.start()
    try:
        with pytest.raises(ModelFileError, match="not wanted"):
            read(path, accept)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_size_that_is_not_the_declared_one_takes_no_memory(tmp_path: Path) -> None:
    header = b"{" + METADATA + b"," + entry(f"[0,{2**50}]", shape=f"[{2**48}]") + b"}"
    assert "its header says" in refused(put(tmp_path, header, bytes(64)))


def test_a_length_that_is_not_there_takes_no_memory(tmp_path: Path) -> None:
    for length in (2**64 - 1, 2**63, 2**40, sealed_header.MAX_BYTES + 1, sealed_header.MAX_BYTES):
        assert "cut short" in refused(put(tmp_path, b"{}", b"", length))


@pytest.mark.parametrize(
    "piece", [b"[],", b'{"":[]},', b'"ab",', b'"a":{},', b'"__metadata__":{"a":"b"},', b"1,"], ids=repr
)
def test_a_header_of_megabytes_takes_little_more_than_its_length(tmp_path: Path, piece: bytes) -> None:
    """Parsed as JSON it would take thirty times as much."""
    size = 2**22
    header = b"{" + METADATA + b"," + b'"a":[' + piece * (size // len(piece)) + b"]}"
    path = put(tmp_path, header, b"")
    tracemalloc.start()
    try:
        refused(path)
        assert tracemalloc.get_traced_memory()[1] < 4 * len(header)
    finally:
        tracemalloc.stop()


def test_other_kinds_of_files_are_not_this_kind(tmp_path: Path) -> None:
    sealed.write(tmp_path / "other", FileKind("others", 2, "other", "", ""), {}, {})
    assert "is not a thing" in refused(tmp_path / "other")

"""The reader of HDF5, against files of all the forms that h5py writes."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from netspec.formats.keras.reader.hdf5 import Group, opened
from netspec.formats.keras.reader.hdf5_records import Records
from netspec.formats.reading import ModelImportError

h5py = pytest.importorskip("h5py", reason="h5py is not installed: pip install h5py")

RNG = np.random.default_rng(0)
NUMBERS = RNG.normal(0, 1, (7, 5, 3)).astype(np.float32)


def written(fill: Callable[[Any], None], **options: Any) -> Group:
    """Return the root of a file that h5py writes."""
    stream = io.BytesIO()
    with h5py.File(stream, "w", **options) as file:
        fill(file)
    return opened(stream.getvalue(), "a.h5")


@pytest.mark.parametrize("libver", ["earliest", "v108", "v110", "latest"])
@pytest.mark.parametrize(
    "array",
    [
        NUMBERS,
        NUMBERS.astype(np.float64),
        NUMBERS.astype(np.float16),
        NUMBERS.astype(">f4"),
        np.arange(6, dtype=np.int64).reshape(2, 3),
        np.float32(2.5),
        np.zeros((0, 4), np.float32),
        np.arange(5, dtype=np.uint8),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_arrays(array: np.ndarray[Any, Any], libver: str) -> None:
    found = written(lambda file: file.create_dataset("a/b/c", data=array), libver=libver).array("a/b/c")
    assert found.shape == array.shape
    assert found.dtype.kind == array.dtype.kind
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize(
    "packing",
    [
        {"chunks": (3, 2, 2)},
        {"chunks": (2, 5, 3), "compression": "gzip"},
        {"chunks": (4, 3, 1), "compression": "gzip", "shuffle": True, "fletcher32": True},
        {"chunks": (1, 1, 1)},
        {"chunks": (7, 5, 3), "maxshape": (None, 5, 3)},
    ],
    ids=str,
)
def test_chunks(packing: dict[str, Any]) -> None:
    found = written(lambda file: file.create_dataset("x", data=NUMBERS, **packing)).array("x")
    np.testing.assert_array_equal(found, NUMBERS)


def test_another_packing_is_refused() -> None:
    group = written(lambda file: file.create_dataset("x", data=NUMBERS, compression="lzf"))
    with pytest.raises(ModelImportError, match="packed in a way that is not read"):
        group.array("x")


def test_many_groups_and_long_lists() -> None:
    names = [f"layer_{i:05}_{'x' * 20}" for i in range(300)]

    def fill(file: Any) -> None:
        for i, name in enumerate(names):
            file.create_group(name).create_dataset("k", data=np.float32([i]))
        file.attrs["model_config"] = "é" * 200_000
        file.attrs["short"] = np.bytes_(b"plain")
        for i in range(3):
            file.attrs[f"names{i}"] = [name.encode() for name in names[100 * i : 100 * (i + 1)]]
        file.attrs["words"] = ["a", "bcd"]
        file.attrs["none"] = []

    root = written(fill)
    assert root.text("model_config") == "é" * 200_000
    assert root.text("short") == "plain"
    assert root.text("other") is None
    assert root.texts("names") == names
    assert root.texts("words") == ["a", "bcd"]
    assert root.texts("none") == []
    assert sorted(root.names()) == names
    assert [int(root.array(f"{name}/k")[0]) for name in names] == list(range(300))
    assert root.group("layer_00000") is None
    assert not root.has_array(names[0])


def test_newer_forms_are_refused_by_name() -> None:
    def many(file: Any) -> None:
        for i in range(20):
            file.create_group(f"g{i}")

    with pytest.raises(ModelImportError, match="a form that is not read: a group with a heap of links"):
        written(many, libver="latest").names()


def test_many_names_of_one_array_do_not_multiply_it() -> None:
    def fill(file: Any) -> None:
        file["a0"] = np.zeros(500_000, np.float32)
        for i in range(1, 10):
            file[f"a{i}"] = file["a0"]

    root = written(fill)
    assert root.array("a0").size == root.array("a1").size == 500_000
    with pytest.raises(ModelImportError, match="many names for the same numbers or texts"):
        [root.array(f"a{i}") for i in range(10)]


def test_many_references_to_one_text_do_not_multiply_it() -> None:
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file.attrs.create("names", ["Z" * 1_000_000] + ["x"] * 20, dtype=h5py.string_dtype())
    data = stream.getvalue()
    assert opened(data, "a.h5").texts("names") == ["Z" * 1_000_000] + ["x"] * 20
    at = next(i for i in range(len(data)) if data[i : i + 4] == struct.pack("<I", 1_000_000) and data[i + 16] == 1)
    data = data[:at] + data[at : at + 16] * 21 + data[at + 16 * 21 :]
    with pytest.raises(ModelImportError, match="many names for the same numbers or texts"):
        opened(data, "a.h5").texts("names")


def test_each_attribute_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(file: Any) -> None:
        for i in range(200):
            file.attrs[f"names{i}"] = [f"n{i}".encode()]

    root = written(fill)
    looks = 0
    unpacked = Records.unpacked

    def counted(self: Records, form: str, data: bytes) -> tuple[int, ...]:
        nonlocal looks
        looks += 1
        return unpacked(self, form, data)

    monkeypatch.setattr(Records, "unpacked", counted)
    assert root.texts("names") == [f"n{i}" for i in range(200)]
    assert looks < 1000

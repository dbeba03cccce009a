import os
import pickle
import struct
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data_helpers import names_its_file

import netspec as ns
from netspec.data.arrays import idx
from netspec.data.arrays.arrays import KEYS, from_arrays, read_idx_folder, read_npz
from netspec.data.labels import check_labels
from netspec.diagnostics.diagnostic import DataError
from netspec.graph.trace import trace

X = np.arange(6 * 4 * 5, dtype=np.uint8).reshape(6, 1, 4, 5)
Y = np.array([0, 1, 2, 0, 1, 2])


def test_images_vectors_and_one_channel() -> None:
    assert from_arrays(X, Y, X[:2], Y[:2]).shape == (1, 4, 5)
    assert from_arrays(X[:, 0], Y, X[:2, 0], Y[:2]).shape == (1, 4, 5)
    assert from_arrays(X.reshape(6, -1), Y, X[:2].reshape(2, -1), Y[:2]).shape == (20,)
    assert from_arrays(X, Y, X[:2], Y[:2], shape=(20,)).train.images.shape == (6, 20)


def test_types_and_names() -> None:
    dataset = from_arrays(X / 255.0, Y[:, None].astype(float), X[:2] / 255.0, [0, 1], labels=["a", "b", "c"])
    assert dataset.train.images.dtype == np.float32
    assert dataset.train.labels.dtype == np.int32
    assert dataset.labels == ("a", "b", "c")
    assert from_arrays(X, Y, X, Y).labels == ("0", "1", "2")
    assert from_arrays(X, Y, X, Y).train.images.dtype == np.uint8


def test_the_callers_array_stays_writable() -> None:
    x = X.copy()
    dataset = from_arrays(x, Y, x, Y)
    x[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        dataset.train.images[0] = 1


def test_the_fingerprint_sees_every_array_but_not_the_layout() -> None:
    base = from_arrays(X, Y, X, Y).sha256
    assert from_arrays(np.asfortranarray(X), Y.astype(np.uint8), X, Y).sha256 == base
    assert from_arrays(X, Y, X, Y[::-1]).sha256 != base
    assert from_arrays(X ^ 1, Y, X, Y).sha256 != base


NAN = (X / 255.0).copy()
NAN[3, 0, 1, 2] = np.nan


class Sparse:
    def toarray(self) -> Any:
        raise AssertionError


NAMES = ["a", "b", "c", "a", "b", "c"]

BAD: dict[str, tuple[dict[str, Any], str]] = {
    "ragged": ({"x_train": [[1, 2], [3]]}, "x_train is not a rectangular array"),
    "text": ({"x_train": np.array([["a"]] * 6)}, "x_train has the type <U1, which is not numbers"),
    "objects": ({"x_train": np.array([[None]] * 6)}, "x_train has the type object"),
    "complex": ({"x_train": X + 1j}, "x_train has the type complex128"),
    "integers": ({"x_train": X.astype(np.int64)}, "x_train has the type int64"),
    "one dimension": ({"x_train": X.ravel()}, r"x_train has the shape \(120,\)"),
    "six dimensions": ({"x_train": X[None, None]}, r"x_train has the shape \(1, 1, 6, 1, 4, 5\)"),
    "empty": ({"x_test": X[:0], "y_test": Y[:0]}, "x_test is empty"),
    "nan": ({"x_train": NAN}, r"x_train\[3, 0, 1, 2\] is nan"),
    "inf": ({"x_train": np.where(np.isnan(NAN), np.inf, NAN)}, "is inf"),
    "too large for float32": ({"x_train": np.where(np.isnan(NAN), 1e300, NAN)}, "is inf"),
    "lengths": ({"y_train": Y[:5]}, "y_train has 5 labels for 6 examples"),
    "one-hot": ({"y_train": np.eye(3)[Y]}, r"y_train must have the shape \(N,\), not \(6, 3\)"),
    "scalar": ({"y_train": 3}, r"y_train must have the shape \(N,\), not \(\)"),
    "half a label": ({"y_train": Y + 0.5}, r"y_train\[0\] is 0.5, which is not a whole number"),
    "nan label": ({"y_train": np.where(Y == 2, np.nan, Y)}, r"y_train\[2\] is nan"),
    "negative": ({"y_train": Y - 1}, r"y_train\[0\] is -1"),
    "absurd": ({"y_test": Y * 10**9}, r"y_test\[1\] is 1000000000"),
    "beyond the names": ({"y_test": Y + 1, "labels": ("a", "b", "c")}, r"y_test\[2\] is 3, .* 0 to 2"),
    "names and numbers": ({"y_train": NAMES}, "y_train has names of classes, but y_test has none"),
    "numbers and names": ({"y_test": NAMES}, "y_test has names of classes, but y_train has none"),
    "a name more": (
        {"y_train": NAMES, "y_test": ["a", "d", "b", "d", "e", "d"]},
        r"y_test\[1\] is 'd', a class that y_train does not have; y_test has it 3 times; and 1 more such class\n",
    ),
    "a name in other letters": ({"y_train": NAMES, "y_test": ["A", *NAMES[1:]]}, r"y_test\[0\] is 'A', .* it once\n"),
    "a name beyond the labels": ({"y_train": NAMES, "y_test": NAMES, "labels": ["a", "b"]}, "that class_names does"),
    "names in rows": ({"y_train": np.array([NAMES, NAMES]).T, "y_test": NAMES}, r"texts of the shape \(6, 2\)"),
    "few names": ({"y_train": NAMES[:5], "y_test": NAMES}, "y_train has 5 labels for 6 examples"),
    "an empty name": ({"y_train": ["a", "", *NAMES[2:]], "y_test": NAMES}, r"y_train\[1\] is an empty text"),
    "a missing name": ({"y_train": ["a", None, *NAMES[2:]], "y_test": NAMES}, r"y_train\[1\] is None: an example"),
    "a number among names": (
        {"y_train": np.array(["a", 7, *NAMES[2:]], object), "y_test": NAMES},
        r"y_train\[1\] is of the type int, but others of y_train are texts",
    ),
    "bytes of Latin-1": ({"y_train": np.array([b"\xe9"] * 6), "y_test": NAMES}, "texts that are no UTF-8"),
    "x for validation alone": ({"x_val": X}, "x_val is given without y_val"),
    "y for validation alone": ({"y_val": Y}, "y_val is given without x_val"),
    "validation of another shape": ({"x_val": X[..., :4], "y_val": Y}, "x_val 1x4x4 ones"),
    "another name for validation": (
        {"y_train": NAMES, "y_test": NAMES, "x_val": X, "y_val": ["z"] * 6},
        r"y_val\[0\] is 'z', a class that y_train does not have; y_val has it 6 times\n",
    ),
    "numbers as objects": ({"y_train": Y.astype(object)}, "y_train has the type object"),
    "none among them": ({"y_train": [0, 1, None, 0, 1, 2]}, r"y_train\[2\] is None: an example without a label"),
    "complex labels": ({"y_train": Y + 1j}, "y_train has the type complex128"),
    "dates": ({"y_train": Y.astype("M8[D]")}, r"y_train has the type datetime64\[D\]"),
    "spans": ({"x_train": X.astype("m8[D]")}, r"x_train has the type timedelta64\[D\]"),
    "fields": ({"y_train": np.zeros(6, "i4,f4")}, "y_train has the type"),
    "bool examples": ({"x_train": X > 3}, "x_train has the type bool"),
    "masked": ({"x_train": np.ma.masked_equal(X, 3)}, "x_train has masked values"),
    "nothing": ({"x_train": None}, "x_train is of the type NoneType, which is no array"),
    "no array": ({"y_train": {}}, "y_train is of the type dict, which is no array"),
    "sparse": ({"x_train": Sparse()}, "x_train is of the type Sparse, which is no array"),
    "several classes": ({"y_train": np.eye(3)[Y] + np.eye(3)[Y - 1]}, r"row 0 has 2 ones.*\(multi-label\)"),
    "no class": ({"y_train": np.eye(3, dtype=int)[Y] * (Y < 2)[:, None]}, r"row 2 has 0 ones.*\(multi-label\)"),
    "shares": ({"y_train": np.full((6, 3), 1 / 3)}, r"shares of classes \(soft labels\)"),
    "several numbers": ({"y_train": np.arange(12.0).reshape(6, 2)}, r"numbers to be predicted \(regression\)"),
    "a number": ({"y_train": Y[:, None] + 0.25}, r"y_train\[0\] is 0.25, .*\(regression\)"),
    "turned": ({"y_train": Y[None]}, r"y_train must have the shape \(N,\), not \(1, 6\)"),
    "positions": ({"y_train": np.zeros((6, 4, 5), int)}, r"not \(6, 4, 5\)"),
    "another order": ({"y_train": X, "x_test": Y, "y_test": Y}, "y_train has examples, and x_test labels"),
    "other shape": ({"x_test": X[..., :4]}, "x_train holds 1x4x5 examples, x_test 1x4x4 ones"),
    "other type": ({"x_test": X / 255.0}, "x_train is uint8, x_test is float32"),
    "not the network's": ({"shape": (1, 28, 28)}, "holds examples of 1x4x5, but the network takes 1x28x28"),
    "not as long": ({"shape": (21,)}, "1x4x5, but the network takes 21"),
}


@pytest.mark.parametrize(("change", "said"), BAD.values(), ids=BAD)
def test_each_mistake_is_one_error(change: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        from_arrays(**{"x_train": X, "y_train": Y, "x_test": X, "y_test": Y, **change})
    assert caught.value.fix


def advice(**change: Any) -> str:
    with pytest.raises(DataError) as caught:
        from_arrays(**{"x_train": X, "y_train": Y, "x_test": X, "y_test": Y, **change})
    return caught.value.fix


class Series:
    """A column of a table, which NumPy is given as an array of objects."""

    def __array__(self, *_: Any, **__: Any) -> Any:
        return np.array(["b", "a", "b", "c", "a", "b"], object)


@pytest.mark.parametrize("kind", ["list", "U", "S", "object", "series", "column"])
def test_names_of_classes_are_numbered_as_they_sort(kind: str) -> None:
    names = ["b", "a", "b", "c", "a", "b"]
    given: dict[str, Any] = {
        "list": names,
        "series": Series(),
        "column": np.array(names)[:, None],
        "U": np.array(names, "<U5"),
        "S": np.array(names, "S5"),
        "object": np.array(names, object),
    }
    dataset = from_arrays(X, given[kind], X[:2], ["c", "a"], x_val=X[:1], y_val=["b"])
    assert dataset.train.labels.tolist() == [1, 0, 1, 2, 0, 1]
    assert dataset.test.labels.tolist() == [2, 0]
    assert dataset.validation is not None
    assert dataset.validation.labels.tolist() == [1]
    assert dataset.labels == ("a", "b", "c")


def test_whole_numbers_sort_as_numbers_and_given_names_in_their_order() -> None:
    assert from_arrays(X, [*"9871", "10", "10"], X[:1], ["9"]).labels == ("1", "7", "8", "9", "10")
    assert from_arrays(X, [*"9871", "10", "x"], X[:1], ["9"]).labels == ("1", "10", "7", "8", "9", "x")
    given = from_arrays(X, NAMES, X[:1], ["c"], labels=["c", "d", "b", "a"])
    assert (given.labels, given.test.labels.tolist()) == (("c", "d", "b", "a"), [0])


def test_the_line_that_numbers_classes_does() -> None:
    """The fix is run as it stands, for labels of which the test set has one more."""
    scope = {"np": np, "y_train": np.array([-2, -5, -2, 7, -5, -2]), "y_test": np.array([9, -5])}
    fix = advice(y_train=scope["y_train"]).removeprefix("number the classes 0, 1, 2 and so on: ").partition("; numb")[0]
    exec(fix, scope)
    dataset = from_arrays(X, scope["y_train"], X[:2], scope["y_test"])  # type: ignore[arg-type]
    assert dataset.train.labels.tolist() == [1, 0, 1, 2, 0, 1]
    assert dataset.test.labels.tolist() == [3, 0]
    assert len(scope["names"]) == 4


def test_only_one_hot_rows_are_classes_by_their_largest() -> None:
    assert advice(y_train=np.eye(3)[Y]) == "give y_train.argmax(axis=1)"
    assert from_arrays(X, np.eye(3)[Y].argmax(axis=1), X, Y).train.labels.tolist() == Y.tolist()
    for rows in (np.eye(3)[Y] + np.eye(3)[Y - 1], np.full((6, 3), 1 / 3), np.arange(18.0).reshape(6, 3)):
        assert "argmax" not in advice(y_train=rows)
        assert "number the classes" not in advice(y_train=rows)
    assert "number the classes" not in advice(y_train=Y + 0.5)
    assert advice(y_train=Y.astype(object)) == "give y_train.astype('int64')"
    assert advice(x_train=X > 3) == "for values used as they are, give x_train.astype('float32')"


def test_what_becomes_of_labels_beyond_the_outputs() -> None:
    """Years and prices are no classes; numbers with gaps, or from 1, are renumbered."""
    net = trace(ns.parse("input 2; fc 3 softmax"))
    x = np.zeros((200, 2))

    def fix(labels: Any) -> str:
        with pytest.raises(DataError) as caught:
            check_labels(net, from_arrays(x, labels, x[:5], labels[:5]))
        return caught.value.fix

    n = np.arange(200)
    for many in (1800 + n, n * 300, (n * 7919) % 60_000):
        assert "regression" in fix(many)
        assert "outputs" not in fix(many)
    assert fix(n % 5) == "labels count from 0; let the network end in 5 outputs"
    assert fix(n % 3 + 1) == "labels count from 0: give y_train - 1"
    for other in (n % 3 * 10, n % 4 + 7):
        assert "np.unique" in fix(other)
    assert "regression" in advice(x_train=x, y_train=n * 1000, x_test=x, y_test=n)


def test_class_names_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"
    np.savez(path, **arrays(), class_names=["a", "b", "c", "d"])
    assert read_npz(path).labels == ("a", "b", "c", "d")
    np.savez(path, **arrays(), class_names=["a", "b"])
    with pytest.raises(DataError, match=r"y_train\[2\] is 2, but with 2 classes"):
        read_npz(path)
    # What else may go by that name is left alone, and said.
    for other in (np.arange(3), np.array([["a"]]), np.array(["a", None, 3], object)):
        np.savez(path, **arrays(), class_names=other)
        dataset = read_npz(path)
        assert (dataset.labels, len(dataset.notices)) == (("0", "1", "2"), 1)


def test_channels_last_are_brought_to_the_front_and_flat_images_get_advice() -> None:
    last = np.arange(6 * 4 * 5 * 3, dtype=np.uint8).reshape(6, 4, 5, 3)
    found = from_arrays(last, Y, last, Y, shape=(3, 4, 5))
    np.testing.assert_array_equal(found.train.images, last.transpose(0, 3, 1, 2))
    assert found.notices == ("x_train: channels stand last (4x5x3), and are brought to the front",)
    flat = np.zeros((6, 20), np.uint8)
    with pytest.raises(DataError, match=r"x\.reshape\(-1, 1, 4, 5\)"):
        from_arrays(flat, Y, flat, Y, shape=(1, 4, 5))


def test_a_network_with_too_few_outputs() -> None:
    two, three = (trace(ns.parse(f"input 1x4x5\nfc {n} softmax")) for n in (2, 3))
    dataset = from_arrays(X, Y, X, Y)
    check_labels(three, dataset)
    with pytest.raises(DataError, match=r"a label 2 \(training example 2, .*only 2 outputs") as caught:
        check_labels(two, dataset)
    assert "3 outputs" in (caught.value.fix or "")
    with pytest.raises(DataError, match=r"a label 2 \(test example 1, "):
        check_labels(two, from_arrays(X[:2], [0, 1], X[:2], [0, 2]))


def test_two_classes_of_the_same_name() -> None:
    with pytest.raises(DataError, match="two classes have the same name, 'a'"):
        from_arrays(X, Y, X, Y, labels=["a", "b", "a"])


@pytest.mark.parametrize("labels", [[0, 1, 2], [None, "a", "b"], np.arange(3), [["a"], ["b"], ["c"]], 3, np.array(3)])
def test_class_names_that_are_no_texts(labels: Any) -> None:
    with pytest.raises(DataError, match="labels") as caught:
        from_arrays(X, Y, X, Y, labels=labels)
    assert caught.value.fix


def test_class_names_in_an_array() -> None:
    names = from_arrays(X, Y, X, Y, labels=np.array(list("abc"))).labels  # type: ignore[arg-type]
    assert names == ("a", "b", "c")
    assert {type(name) for name in names} == {str}


def arrays(**change: Any) -> dict[str, Any]:
    return {"x_train": X, "y_train": Y, "x_test": X[:2], "y_test": Y[:2], **change}


def test_a_npz_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"
    for save in (np.savez, np.savez_compressed):
        save(path, **arrays())
        dataset = read_npz(path)
        assert (dataset.name, len(dataset.train), len(dataset.test)) == (str(path), 6, 2)


def test_bad_npz_files_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mine.npz"

    def refused(said: str) -> None:
        with pytest.raises(DataError, match=said) as caught:
            read_npz(path)
        assert str(path) in caught.value.message

    refused("does not exist")
    for content in (b"", b"not a zip file", pickle.dumps([1, 2])):
        path.write_bytes(content)
        refused("cannot be read as a .npz file")
    np.savez(path, x_train=X, other=Y)
    refused("lacks y_train; it holds other and x_train")
    np.savez(path, **arrays(x_train=np.array([{}], object)))
    refused("x_train.npy holds Python objects, which would run code when read")
    np.savez(path, **arrays(y_train=Y[:3]))
    refused("y_train has 3 labels for 6 examples")
    np.savez(path, **arrays())
    path.write_bytes(path.read_bytes()[:-200])
    refused("cannot be read as a .npz file")
    np.savez_compressed(path, **arrays())
    monkeypatch.setattr("netspec.data.arrays.npz._LARGEST", 100)
    refused("would unpack to")


def test_no_flipped_byte_of_a_npz_file_is_a_traceback(tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"
    np.savez_compressed(path, **arrays())
    content = path.read_bytes()
    for place in range(0, len(content), 3):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :])
        assert names_its_file(lambda: read_npz(path), path)


def npy(shape: str, descr: str = "|u1", values: bytes = b"") -> bytes:
    """Return a `.npy` file with a header of one's own making."""
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(117) + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + values


def packed(path: Path, packing: int = zipfile.ZIP_STORED, **members: bytes) -> Path:
    """Write a `.npz` file of these members; those of a whole dataset unless given."""
    whole = {"x_train": npy("(2, 3)", values=bytes(6)), "y_train": npy("(2,)", values=bytes(2))}
    whole |= {"x_test": whole["x_train"], "y_test": whole["y_train"]}
    with zipfile.ZipFile(path, "w", packing) as archive:
        for key in KEYS:
            archive.writestr(f"{key}.npy", members.get(key, whole[key]))
    return path


CLAIMS = {
    "more than there is": (
        npy("(99999999999999,)"),
        "claims 99999999999999 values of uint8, but holds 0 bytes of them",
    ),
    "less than there is": (npy("(2, 3)", values=bytes(7)), r"claims 2x3 values of uint8, but holds 7 bytes"),
    "a product beyond 64 bits": (npy("(4294967296, 4294967296)"), "claims 4294967296x4294967296"),
    "a negative extent": (npy("(-1, -6)", values=bytes(6)), r"cannot be read as a \.npz file"),
    "objects": (npy("(1,)", "|O", b"cos\nsystem\n"), "holds Python objects"),
    "objects in a record": (npy("(1,)", "|O8"), r"holds Python objects|cannot be read as a \.npz file"),
    "a header that is code": (npy("__import__('os').abort()"), r"cannot be read as a \.npz file"),
    "a header that is deep": (npy("(" * 2_000), r"cannot be read as a \.npz file"),
    "no array": (b"text", r"cannot be read as a \.npz file"),
    "nothing": (b"", r"cannot be read as a \.npz file"),
}


@pytest.mark.parametrize(("member", "said"), CLAIMS.values(), ids=CLAIMS)
def test_a_npz_member_that_is_not_what_it_claims(tmp_path: Path, member: bytes, said: str) -> None:
    path = tmp_path / "mine.npz"
    assert len(read_npz(packed(path)).train) == 2
    with pytest.raises(DataError, match=said) as caught:
        read_npz(packed(path, x_train=member))
    assert str(path) in caught.value.message


def test_a_directory_that_claims_more_than_deflate_can_pack(tmp_path: Path) -> None:
    path = packed(tmp_path / "mine.npz", zipfile.ZIP_DEFLATED)
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\1\2") + 24
    data[at : at + 4] = (2**31).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(DataError, match="packed in a way"):
        read_npz(path)


def test_other_packings_and_names_that_come_twice(tmp_path: Path) -> None:
    path = packed(tmp_path / "mine.npz", zipfile.ZIP_LZMA)
    with pytest.raises(DataError, match="packed in a way"):
        read_npz(path)
    with zipfile.ZipFile(packed(path), "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("y_train.npy", npy("(2,)", values=b"\1\1"))
    with pytest.raises(DataError, match="holds y_train more than once"):
        read_npz(path)


def test_a_bomb_takes_no_memory(tmp_path: Path) -> None:
    """Ten megabytes of zeros in ten kilobytes, declared as another shape: not unpacked."""
    path = packed(tmp_path / "mine.npz", zipfile.ZIP_DEFLATED, x_train=npy("(3,)", values=bytes(10_000_000)))
    assert path.stat().st_size < 20_000
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="claims 3 values"):
            read_npz(path)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_npz_that_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(DataError, match="is not a file"):
        read_npz(tmp_path / "folder.npz")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.npz")
        with pytest.raises(DataError, match="is not a file"):
            read_npz(tmp_path / "pipe.npz")


def test_labels_of_idx_files_beyond_all_sense(tmp_path: Path) -> None:
    for name, array in zip(idx.NAMES, (X[:, 0], Y, X[:2, 0], Y[:2]), strict=True):
        write_idx(tmp_path, name, array)
    values = np.array([70_000] * 6, ">i4")
    (tmp_path / idx.NAMES[1]).write_bytes(struct.pack(">4BI", 0, 0, 0x0C, 1, 6) + values.tobytes())
    with pytest.raises(DataError, match=r"y_train\[0\] is 70000"):
        read_idx_folder(tmp_path)


def write_idx(folder: Path, name: str, array: np.ndarray) -> None:
    header = struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    (folder / name).write_bytes(header + array.astype(np.uint8).tobytes())


def test_a_folder_of_idx_files(tmp_path: Path) -> None:
    contents = zip(idx.NAMES, (X[:, 0], Y, X[:2, 0], Y[:2]), strict=True)
    with pytest.raises(DataError, match="does not exist"):
        read_idx_folder(tmp_path / "none")
    for name, array in contents:
        with pytest.raises(DataError, match=f"lacks {name}"):
            read_idx_folder(tmp_path)
        write_idx(tmp_path, name, array)
    dataset = read_idx_folder(tmp_path)
    assert dataset.shape == (1, 4, 5)
    assert dataset.sha256 == from_arrays(**arrays()).sha256
    write_idx(tmp_path, idx.NAMES[1], Y[:4])
    with pytest.raises(DataError, match="y_train has 4 labels for 6 examples"):
        read_idx_folder(tmp_path)

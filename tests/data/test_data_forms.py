"""Arrays in the forms that people have: without a test part, channels or time in another place, whole numbers."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec as ns
from netspec.compiler import analyze
from netspec.data.for_network import load_data
from netspec.diagnostics.diagnostic import DataError, Source
from netspec.recipe.array_layout import input_of, layout_of
from netspec.recipe.array_names import ArrayNames

RNG = np.random.default_rng(3)
X = RNG.normal(size=(50, 4)).astype("f4")
Y = np.arange(50) % 3
PICTURES = RNG.integers(0, 256, (50, 5, 6, 3)).astype("u1")
NET = ns.parse("input 4; fc 3 softmax")
PICTURE_NET = ns.parse("input 3x5x6; globalpool; fc 3 softmax")
STEPS_NET = ns.parse("input 2x7; gru 3 last; fc 1; train { loss mse }")


def header(shape: str, descr: str) -> bytes:
    """Return the header of a `.npy` file that claims a shape and a type."""
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


def shares(data: Any, text: str = "input 4; fc 3 softmax", settings: str = "") -> Any:
    return load_data(ns.parse(f'{text}; data "x.npz" {{ {settings} }}'), data)


def test_a_test_part_is_drawn_by_a_hash_of_each_example() -> None:
    found = load_data(NET, (X, Y))
    assert found.notices == ("arrays has no test part: 20 % of its examples are drawn for the test",)
    several = ns.parse("input 4 as a; fc 3 softmax as p; from a; fc 3 softmax as q; output p; output q")
    named = load_data(several, {"a": X, "y_p": Y, "y_q": Y})
    # A model that has not learned from it is looked at with all of it.
    assert (found.cut, named.cut, load_data(NET, (X, Y, X, Y)).cut) == (True, True, False)
    more = load_data(NET, (np.concatenate([X, X[:9] + 1]), np.concatenate([Y, Y[:9]])))
    test = {row.tobytes() for row in found.test.images}
    assert test == {row.tobytes() for row in more.test.images} & {row.tobytes() for row in X}
    twice = load_data(NET, (np.concatenate([X, X]), np.concatenate([Y, Y])))
    sides = [{row.tobytes() for row in part.images} for part in (twice.train, twice.test)]
    assert not sides[0] & sides[1]


def test_shares_and_numbers() -> None:
    found = shares({"X": X, "y": Y}, settings="test 7; validation 5")
    assert (len(found.train), len(found.test), found.notices) == (43, 7, ())
    found = shares({"X": X, "y": Y}, settings="test 50%; validation 20%")
    assert found.validation is not None
    assert len(found.train) + len(found.test) + len(found.validation) == 50
    with pytest.raises(DataError, match="`test 50` of 50 examples in arrays leaves none to learn from"):
        shares({"X": X, "y": Y}, settings="test 50")


def test_each_class_keeps_an_example_to_learn_from() -> None:
    rare = np.where(np.arange(50) == 17, 2, Y % 2)
    found = shares({"X": X, "y": rare}, settings="test 49")
    assert set(found.train.labels.tolist()) == {0, 1, 2}


def test_the_last_examples_are_not_of_one_class() -> None:
    ordered = np.sort(Y)
    found = shares({"X": X, "y": ordered}, settings="validation 12")
    assert len(set(found.train.labels[-12:].tolist())) == 3


@pytest.mark.parametrize(
    ("net", "x", "dtype", "said"),
    [
        (PICTURE_NET, PICTURES, np.uint8, "x: channels stand last (5x6x3), and are brought to the front"),
        (PICTURE_NET, PICTURES.transpose(0, 3, 1, 2), np.uint8, ""),
        (PICTURE_NET, PICTURES.astype(">i8"), np.uint8, "x is whole numbers (>i8) of 0 to 255: they are read as bytes"),
        (PICTURE_NET, PICTURES.astype("f8"), np.float32, "x has floats of 0 to 255, which are used as they are"),
        (PICTURE_NET, PICTURES.transpose(0, 3, 1, 2) > 99, np.float32, ""),
        (PICTURE_NET, np.asfortranarray(PICTURES.transpose(0, 3, 1, 2) / 255.0), np.float32, ""),
        (NET, X.astype("f2"), np.float32, ""),
        (NET, (X * 9).astype("i8"), np.float32, "x is whole numbers (int64): they are used as they are"),
    ],
)
def test_types_and_axes(net: ns.Network, x: Any, dtype: Any, said: str) -> None:
    found = load_data(net, (x, Y))
    assert (found.shape, found.train.images.dtype) == (net.input, dtype)
    assert any(said in notice for notice in found.notices) if said else len(found.notices) == 1


def test_volumes_stand_with_their_channel_first_last_or_alone() -> None:
    net = ns.parse("input 1x3x4x5; fc 3 softmax", name="volumes")
    alone = RNG.integers(0, 255, (50, 3, 4, 5)).astype("u1")
    for x in (alone, alone[:, None], alone[..., None]):
        found = load_data(net, (x, Y, x, Y))
        assert found.shape == (1, 3, 4, 5)
        np.testing.assert_array_equal(np.asarray(found.train.images).reshape(-1, 3, 4, 5), alone)


def test_values_stay_where_they_belong() -> None:
    last = load_data(PICTURE_NET, (PICTURES, Y, PICTURES, Y))
    np.testing.assert_array_equal(last.train.images, PICTURES.transpose(0, 3, 1, 2))
    steps = RNG.normal(size=(50, 7, 2)).astype("f4")
    found = load_data(STEPS_NET, (steps, steps[:, 0, 0], steps, steps[:, 0, 0]))
    np.testing.assert_array_equal(found.train.images, steps.transpose(0, 2, 1))
    assert found.train.labels.dtype == np.float32


@pytest.mark.parametrize(
    ("y", "labels", "said"),
    [
        (np.array(["b", "a", "c"])[Y], ("a", "b", "c"), ""),
        (np.eye(3)[Y], ("0", "1", "2"), "y has one-hot rows: they are read as classes 0 to 2"),
        (Y[:, None].astype("u1"), ("0", "1", "2"), ""),
        (Y.astype(float), ("0", "1", "2"), "y has whole numbers as floats: they are read as classes"),
        (Y + 1, ("1", "2", "3"), "the labels of y are taken for the names of the classes"),
    ],
)
def test_labels(y: Any, labels: tuple[str, ...], said: str) -> None:
    found = load_data(NET, (X, y))
    assert (found.labels, found.train.labels.ndim) == (labels, 1)
    assert any(said in notice for notice in found.notices) if said else len(found.notices) == 1


def test_several_inputs_and_targets_by_name(tmp_path: Path) -> None:
    net = ns.parse(
        "input 4 as facts; input 3x5x6 as photo; from photo; globalpool as p; from facts; concat p; "
        'fc 3 softmax as kind; fc 1 as age; output kind; output age loss=mse; data "f.npz" { test 10 }'
    )
    arrays: dict[str, Any] = {"X_facts": X, "photo": PICTURES, "y_kind": np.array(["u", "v", "w"])[Y], "age": X[:, 0]}
    np.savez(tmp_path / "f.npz", **arrays)
    for found in (load_data(net, base=tmp_path), load_data(net, arrays)):
        assert (len(found.test), found.target_labels) == (10, {"kind": ("u", "v", "w")})
        assert found.train.images["photo"].shape[1:] == (3, 5, 6)
    for part in ("train", "test"):
        arrays |= {f"y_{part}_age": X[:, 0], f"{part}_facts": X, f"photo_{part}": PICTURES, f"kind_{part}": Y}
    named = {key: array for key, array in arrays.items() if "train" in key or "test" in key}
    assert len(load_data(net, named).train) == 50


def test_a_folder_of_arrays_is_as_a_file_of_them(tmp_path: Path) -> None:
    names = np.array(["b", "a", "c"])[Y]
    np.savez(tmp_path / "both.npz", X=X, species=names)
    (tmp_path / "both").mkdir()
    np.save(tmp_path / "both" / "X.npy", np.asfortranarray(X))
    np.save(tmp_path / "both" / "species.npy", names)
    (tmp_path / "outside.npy").write_bytes((tmp_path / "both" / "species.npy").read_bytes())
    for data in ("both.npz", "both/X.npy"):
        text = f'data "{data}" {{ target species }}\nfc classes softmax'
        network = analyze(Source("t.net", text, tmp_path), files=True).network
        assert network is not None
        found = load_data(network, base=tmp_path)
        assert (network.input, found.labels) == ((4,), ("a", "b", "c"))
    (tmp_path / "both" / "species.npy").unlink()
    (tmp_path / "both" / "species.npy").symlink_to(tmp_path / "outside.npy")
    with pytest.raises(DataError, match="has no array species; it holds X"):
        load_data(network, base=tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "cannot be read as a .npy file"),
        (b"no array", "cannot be read as a .npy file"),
        (header("(4000000000, 4)", "<f4"), "cannot be read as a .npy file"),
        (header("(-5, 4)", "<f4"), "cannot be read as a .npy file"),
        (header("(5, 4)", "|O") + pickle.dumps([1]), "holds Python objects, which would run code when read"),
    ],
)
def test_a_file_of_an_array_that_lies(tmp_path: Path, content: bytes, said: str) -> None:
    np.save(tmp_path / "y.npy", Y)
    (tmp_path / "X.npy").write_bytes(content)
    with pytest.raises(DataError, match=said) as caught:
        load_data(NET, tmp_path / "X.npy")
    assert caught.value.fix
    text = 'data "X.npy"\ninput 4; fc 3 softmax'
    found = analyze(Source("t.net", text, tmp_path), files=True).diagnostics
    assert [d.code for d in found] in (["E0314"], [])


def test_layouts() -> None:
    assert layout_of((3, 3, 3), (3, 3, 3)) is not None
    assert not layout_of((3, 3, 3), (3, 3, 3)).moves  # type: ignore[union-attr]
    assert layout_of((5, 5), (5, 5)).said == "examples of 5x5 are read as features x length"  # type: ignore[union-attr]
    assert layout_of((7, 6), (3, 7, 6)) is None
    assert layout_of((), (1,)) is not None
    assert layout_of((9,), (1, 9)) is not None
    assert input_of("x", (8, 9, 3), "u") == ((3, 8, 9), None)
    assert input_of("x", (1, 28, 28), "f") == ((1, 28, 28), None)
    assert input_of("x", (8, 9), "u") == ((1, 8, 9), None)
    for shape, kind in (((8, 9), "f"), ((4, 9, 3), "u"), ((16, 16, 8), "f"), ((9,), "i"), ((2, 2, 2, 2), "f")):
        found, unclear = input_of("x", shape, kind)
        assert (found, unclear is not None) == (None, True)


def test_which_arrays_are_meant() -> None:
    names = ArrayNames.of(["input"], ["kind"])
    for there, x, y in (
        (["X", "y"], "X", "y"),
        (["data", "target", "target_names"], "data", "target"),
        (["x_train", "X", "y_train", "y"], "x_train", "y_train"),
        (["Xtrain", "YTrain"], "Xtrain", "YTrain"),
        (["train_images", "train_labels"], "train_images", "train_labels"),
        (["features", "y_kind"], "features", "y_kind"),
    ):
        keys, missing = names.chosen(there)
        assert (keys["input", "train"], keys["kind", "train"], missing) == (x, y, [])
    assert names.chosen(["X"])[1] == ["y"]
    assert names.chosen(["x_train", "y_train", "x_test"])[1] == ["y_test"]
    assert names.chosen(["x_train", "y_train", "x_tset", "y_tset"])[1] == ["x_test", "y_test"]


def test_what_is_not_read_is_said(tmp_path: Path) -> None:
    np.savez(tmp_path / "f.npz", data=X, images=PICTURES, target=Y)
    found = load_data(NET, tmp_path / "f.npz")
    assert "data is read, and not images; the spec may say which: `columns`, `target`" in found.notices[0]


def test_frames_of_pandas_and_polars_are_as_columns() -> None:
    columns = {"size": [*map(float, range(30))], "kind": ["a", "b", "c"] * 10, "on": [True, False] * 15}
    net = ns.parse('data "people" { target kind }\ninput 2\nfc 3 softmax')
    expected = load_data(net, columns).sha256  # type: ignore[arg-type]
    for library in ("pandas", "polars"):
        frame = pytest.importorskip(library).DataFrame(columns)
        assert load_data(net, frame).sha256 == expected


class _Lazy:
    """As a LazyFrame of Polars is."""

    columns = ("a",)

    def collect(self) -> None: ...

    def collect_schema(self) -> None: ...

    def __getitem__(self, name: str) -> Any:
        raise TypeError


def test_a_frame_whose_rows_are_not_there_is_one_error() -> None:
    net = ns.parse('data "people" { target kind }\ninput 2\nfc 3 softmax')
    with pytest.raises(DataError, match=r"LazyFrame.*\n  fix: give frame\.collect\(\)"):
        load_data(net, _Lazy())

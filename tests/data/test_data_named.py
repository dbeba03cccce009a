"""Arrays by name for networks of several inputs or targets, in memory and in `.npz` files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ir.several_networks import arrays, node, output, siamese

import netspec as ns
from netspec.data.for_network import load_data
from netspec.ir.network import Network

NET = siamese()
ALL = arrays(6, 4)
VAL = {f"{key.removesuffix('_test')}_val": array for key, array in ALL.items() if key.endswith("_test")}


def test_they_become_splits_by_name() -> None:
    data = load_data(NET, ALL)
    assert (len(data.train), len(data.test)) == (6, 4)
    assert {name: array.shape for name, array in data.train.images.items()} == dict.fromkeys(
        ("left", "right"), (6, 1, 8, 8)
    )
    assert {name: array.dtype.name for name, array in data.test.labels.items()} == {"kind": "int32", "years": "float32"}
    assert "left 1x8x8" in repr(data)
    again = load_data(NET, data)
    assert again.sha256 == data.sha256 == load_data(NET, {k: ALL[k] for k in reversed(ALL)}).sha256
    assert load_data(NET, {**ALL, "years_test": ALL["years_test"] + 1}).sha256 != data.sha256


def test_a_file_of_them_is_the_same(tmp_path: Path) -> None:
    np.savez(tmp_path / "pairs.npz", **ALL, more=np.ones(3))  # type: ignore[arg-type]
    assert load_data(NET, tmp_path / "pairs.npz").sha256 == load_data(NET, ALL).sha256
    named = NET.model_copy(update={"data": ns.parse('input 4\nfc 2\ndata "pairs.npz"').data})
    assert load_data(named, base=tmp_path).sha256 == load_data(NET, ALL).sha256


def test_channels_and_rows_are_brought_to_their_shapes() -> None:
    data = load_data(NET, {**ALL, "left_train": ALL["left_train"][:, 0], "years_train": ALL["years_train"][:, 0]})
    assert data.sha256 == load_data(NET, ALL).sha256


def test_whole_numbers_of_an_output_that_is_no_class_are_numbers() -> None:
    years = {"years_train": np.arange(20, 26), "years_test": np.arange(4)}
    data = load_data(NET, {**ALL, **years})
    np.testing.assert_array_equal(data.train.labels["years"], np.arange(20, 26, dtype=np.float32)[:, None])


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"left_train": None}, "data lacks left_train"),
        ({"kind_test": None}, "data lacks kind_test"),
        ({"lefft_train": ALL["left_train"]}, "'lefft_train' that the network has no use for"),
        ({"right_train": ALL["right_train"][:5]}, "left_train has 6 examples, right_train 5"),
        ({"years_train": ALL["years_train"][:5]}, "years_train 5"),
        ({"right_train": ALL["right_train"][:, :, :7]}, "7"),
        ({"right_test": np.full((4, 8, 8), np.nan)}, r"right_test\[0, 0, 0\] is nan"),
        ({"kind_train": np.full(6, 3)}, r"kind_train\[0\] is 3"),
        ({"kind_train": np.full(6, 0.5)}, r"kind_train"),
        ({"kind_train": np.array(list("abcabc"))}, "kind_train has names of classes, but kind_test has none"),
        ({"kind_train": list("abcabc"), "kind_test": list("abbd")}, r"kind_test\[3\] is 'd', a class that kind_train"),
        ({"kind_train": list("ababab"), "kind_test": list("abba")}, "3 outputs, but the target kind has 2 classes"),
        ({"kind_train": list("abcdab"), "kind_test": list("abba")}, "3 outputs, but the target kind has 4 classes"),
        ({"years_train": list("abcdab"), "years_test": list("abba")}, "1 output, but the target years has 4 classes"),
        ({"left_val": ALL["left_test"]}, "data lacks right_val"),
        ({**VAL, "kind_val": None}, "data lacks kind_val"),
        ({**VAL, "right_val": ALL["right_test"][:3]}, "left_val has 4 examples, right_val 3"),
        ({**VAL, "kind_val": list("abca")}, "kind_val has names of classes, but kind_train has none"),
        ({"years_test": np.full((4, 1), np.inf)}, r"years_test\[0, 0\] is inf"),
        ({"years_test": np.ones((4, 2))}, r"years_test must have the shape \(N,\)"),
        ({"left_test": np.ones((4, 1, 8, 8), np.uint8)}, "left_test"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_does_not_fit_is_named(changed: dict[str, Any], said: str) -> None:
    data = {key: array for key, array in {**ALL, **changed}.items() if array is not None}
    with pytest.raises(ns.DataError, match=said):
        load_data(NET, data)


def test_names_of_classes_are_those_of_their_target() -> None:
    names = np.array(["b", "a", "c"])
    kinds = {key: names[ALL[key]] for key in ("kind_train", "kind_test")}
    data = load_data(NET, {**ALL, **kinds})
    assert (data.labels, data.target_labels) == ((), {"kind": ("a", "b", "c")})
    np.testing.assert_array_equal(np.array(["a", "b", "c"])[data.test.labels["kind"]], kinds["kind_test"])
    # What a model has learned stays, whatever the training part of other data has.
    known = load_data(NET, {**ALL, **kinds}, known={"kind": ("c", "b", "a")})
    np.testing.assert_array_equal(np.array(["c", "b", "a"])[known.test.labels["kind"]], kinds["kind_test"])


def test_arrays_for_validation(tmp_path: Path) -> None:
    data = load_data(NET, {**ALL, **VAL})
    assert data.validation is not None
    assert (len(data.train), len(data.validation)) == (6, 4)
    np.testing.assert_array_equal(data.validation.labels["kind"], data.test.labels["kind"])
    assert data.without_validation().sha256 == load_data(NET, ALL).sha256 != data.sha256
    assert load_data(NET, data).sha256 == data.sha256
    np.savez(tmp_path / "pairs.npz", **{**ALL, **VAL})  # type: ignore[arg-type]
    assert load_data(NET, tmp_path / "pairs.npz").sha256 == data.sha256


@pytest.mark.parametrize("data", ["digits", (1, 2, 3, 4)], ids=["a dataset of images", "four arrays"])
def test_one_array_of_examples_is_not_enough(data: Any) -> None:
    with pytest.raises(ns.DataError, match="not all that network learns from") as error:
        load_data(NET, data)
    assert "left_train, right_train, kind_train, years_train" in error.value.fix


def test_a_file_may_have_the_names_of_the_only_input_and_output(tmp_path: Path) -> None:
    net = ns.parse("input 4; fc 3 softmax as kind")
    x, y = np.eye(4, dtype=np.float32), np.array(list("abca"))
    path, arrays = tmp_path / "own.npz", {"input_train": x, "kind_train": y, "input_test": x, "kind_test": y}
    np.savez(path, **arrays, more=y)
    assert load_data(net, path).sha256 == load_data(net, (x, y, x, y)).sha256
    np.savez(path, **arrays, x_val=x, kind_val=y)
    assert load_data(net, path).validation is not None
    np.savez(path, **arrays, x_val=x)
    with pytest.raises(ns.DataError, match=r"own.npz lacks y_val"):
        load_data(net, path)
    np.savez(path, **{**arrays, "kind_test": np.array(list("abcd"))})
    with pytest.raises(ns.DataError, match=r"own.npz: kind_test\[3\] is 'd', a class that kind_train does not have"):
        load_data(net, path)
    np.savez(path, input_train=x, kind_train=y, input_test=x)
    with pytest.raises(ns.DataError, match=r"own.npz lacks y_test; it holds"):
        load_data(net, path)


def test_of_one_input_and_one_output_the_names_are_x_and_y() -> None:
    net = ns.parse("input 4; fc 3 softmax as kind")
    x, y = np.eye(4, dtype=np.float32), np.array([0, 1, 2, 0])
    four = load_data(net, (x, y, x, y))
    named = {"x_train": x, "y_train": y, "x_test": x, "y_test": y}
    assert load_data(net, named).sha256 == four.sha256
    own = {"input_train": x, "kind_train": y, "input_test": x, "kind_test": y}
    assert load_data(net, own).sha256 == four.sha256
    val = load_data(net, {**own, "input_val": x[:2], "kind_val": y[:2]})
    assert val.sha256 == load_data(net, {**named, "x_val": x[:2], "y_val": y[:2]}).sha256 != four.sha256
    texts = {key: np.array(list("cab"))[array] if "kind" in key else array for key, array in own.items()}
    assert load_data(net, texts).labels == ("a", "b", "c")
    with pytest.raises(ns.DataError, match=r"kind_test has 3 labels for 4 examples"):
        load_data(net, {**own, "kind_test": y[:3]})
    with pytest.raises(ns.DataError, match="data lacks y_test"):
        load_data(net, {key: array for key, array in named.items() if key != "y_test"})


def test_a_dataset_of_one_target_serves_outputs_that_share_it() -> None:
    nodes = (
        node("early", "fc", "input", units=10, activation="softmax"),
        node("late", "fc", "input", units=10, activation="softmax"),
    )
    outputs = (output("late", target="digit"), output("early", weight=0.3, target="digit"))
    net = Network(input=(1, 8, 8), nodes=nodes, outputs=outputs)
    data = load_data(net, "digits")
    assert set(data.train.labels) == {"digit"}
    x, y = np.ones((9, 1, 8, 8), np.uint8), np.array(list("abcdefgha"))
    assert load_data(net, (x, y, x, y)).target_labels == {"digit": tuple("abcdefgh")}
    narrow = net.model_copy(update={"nodes": (nodes[0], node("late", "fc", "input", units=4, activation="softmax"))})
    with pytest.raises(ns.DataError, match="the network has 4 outputs, but arrays has 8 classes"):
        load_data(narrow, (x, y, x, y))
    assert data.train.images.shape[1:] == (1, 8, 8)

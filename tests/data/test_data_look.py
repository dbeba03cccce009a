"""`netspec check` looks at the data files of a spec: what is missing, what does not fit, and what is only hostile."""

from __future__ import annotations

import gzip
import json
import os
import struct
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec as ns
from netspec.cli.verbs.check import check_files
from netspec.compiler import analyze, load_source
from netspec.data.arrays.arrays import read_idx_folder
from netspec.data.for_network import load_data
from netspec.diagnostics.diagnostic import DataError, Diagnostic, Source
from netspec.recipe.array_facts import KEYS
from netspec.recipe.data_headers import IDX_NAMES

X = np.random.default_rng(0).integers(0, 256, (40, 1, 4, 4), np.uint8)
Y = np.arange(40) % 3
FLAT = X.reshape(40, -1) / 255
NET = 'input 1x4x4; fc 3 softmax; data "mine.npz"'
NAMES = np.array(["a", "b", "ab"])[Y]
BY_NAME = {"y_train": NAMES, "y_test": NAMES[:9]}


def look(folder: Path, text: str = NET) -> tuple[Diagnostic, ...]:
    return analyze(Source("t.net", text, folder), files=True).diagnostics


def save(folder: Path, name: str = "mine.npz", save: Any = np.savez, **change: Any) -> Path:
    arrays = {"x_train": X, "y_train": Y, "x_test": X[:9], "y_test": Y[:9], **change}
    save(folder / name, **{key: array for key, array in arrays.items() if array is not None})
    return folder / name


SOUND: dict[str, tuple[str, dict[str, Any]]] = {
    "images": (NET, {}),
    "packed": (NET, {"save": np.savez_compressed}),
    "one channel left out": (NET, {"x_train": X[:, 0], "x_test": X[:9, 0]}),
    "a row of images": (NET.replace("1x4x4", "16"), {}),
    "vectors": (NET.replace("1x4x4", "16"), {"x_train": FLAT, "x_test": FLAT[:9].astype("f4")}),
    "columns": ('input 4x4; lstm 5 last; fc 3 softmax; data "mine.npz"', {}),
    "other bytes": (NET, {"y_train": Y.astype(">i2"), "y_test": Y[:9].astype("<f8")}),
    "rows of one label": (NET, {"y_train": Y[:, None]}),
    "in columns": (NET, {"x_train": np.asfortranarray(X)}),
    "yes and no": (NET.replace("3 softmax", "1 sigmoid"), {"y_train": Y > 1, "y_test": Y[:9] > 1}),
    "names": (NET.replace("fc 3", "fc 5"), {"class_names": list("abcde")}),
    "other arrays": (NET, {"class_names": np.zeros((2, 2)), "more": np.array([{}], object)}),
    "logits": (NET.replace(" softmax", ""), {}),
    "tokens": ('input 5 tokens=9; embedding 4; flatten; fc 3 softmax; data "mine.npz"', {
        "x_train": np.zeros((40, 5), int), "x_test": np.zeros((9, 5), int)}),
    "autoencoder": ('input 1x4x4; fc 16 sigmoid; data "mine.npz" { target input }', {}),
    "held out": (NET + " { validation 39 }", {}),
    "a number": (NET.replace("3 softmax", "1"), {"y_train": FLAT[:, 0]}),
    "several numbers": (NET.replace("3 softmax", "2"), {"y_train": FLAT[:, :2], "y_test": FLAT[:9, :2]}),
    "one-hot rows": (NET, {"y_train": np.eye(3)[Y], "y_test": np.eye(3)[Y[:9]]}),
    "several labels": (NET.replace("softmax", "sigmoid"), {"y_train": FLAT[:, :3] > 0.5, "y_test": FLAT[:9, :3] > 0.5}),
    "pixels": ('input 1x4x4; conv 2 1x1 softmax; data "mine.npz"', {
        "y_train": X[:, 0] > 99, "y_test": X[:9, 0] > 99}),
    "ignored": (NET + "; train { loss cross_entropy ignore=-1 }", {"y_train": Y - 1}),
    "names of classes": (NET, BY_NAME),
    "names as bytes": (NET, {"y_train": NAMES.astype("S3"), "y_test": NAMES[:9].astype(">U5")}),
    "names in a column": (NET, {**BY_NAME, "y_train": NAMES[:, None]}),
    "two names": (NET.replace("3 softmax", "1 sigmoid"), {"y_train": NAMES == "a", "y_test": NAMES[:9] == "a"}),
    "names of an autoencoder": ('input 1x4x4; fc 16 sigmoid; data "mine.npz" { target input }', BY_NAME),
    "names and no targets": ('input 1x4x4; fc 4; train { loss kl }; data "mine.npz"', BY_NAME),
    "from 1": (NET, {"y_train": Y + 1, "y_test": Y[:9] + 1}),
    "tens": (NET, {"y_train": Y * 10, "y_test": Y[:9] * 10}),
    "validation": (NET + "; train { best val_loss }", {"x_val": X[:5], "y_val": Y[:5]}),
    "the network's names": (NET.replace("softmax", "softmax as kind"), {
        "input_train": X, "kind_train": NAMES, "x_test": X[:9], "kind_test": NAMES[:9],
        "x_train": None, "y_train": None, "y_test": None}),
    "integers": (NET, {"x_train": X.astype(int)}),
    "channels last": (NET, {"x_train": X.reshape(40, 4, 4, 1), "x_test": X[:9].reshape(9, 4, 4, 1)}),
    "time first": (
        'input 4x12; lstm 4 last; fc 3 softmax; data "mine.npz"',
        {"x_train": np.zeros((40, 12, 4)), "x_test": np.zeros((9, 12, 4))}),
    "no test part": (NET, {"x_test": None, "y_test": None}),
    "no parts": (NET, dict.fromkeys(KEYS) | {"X": X, "Y": NAMES}),
    "other names": (NET, dict.fromkeys(KEYS) | {"Images": X, "labels": Y[:, None]}),
    "parts in front": (NET, dict.fromkeys(KEYS) | {
        "train_images": X, "train_labels": Y, "valImages": X, "valLabels": Y, "test-images": X, "test-labels": Y}),
    "said names": (NET.replace('npz"', 'npz" { columns a; target b }'), dict.fromkeys(KEYS) | {"a": X, "b": Y}),
    "one-hot": (NET, {"y_train": np.eye(3)[Y], "y_test": np.eye(3)[Y[:9]]}),
    "no targets": ('input 1x4x4; fc 4; train { loss kl }; data "mine.npz"', {}),
}  # fmt: skip


@pytest.mark.parametrize(("text", "change"), SOUND.values(), ids=SOUND)
def test_a_file_that_fits(tmp_path: Path, text: str, change: dict[str, Any]) -> None:
    save(tmp_path, **change)
    assert not look(tmp_path, text)
    assert load_data(ns.parse(text), base=tmp_path)


WRONG: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "lacks": (NET, {"y_test": None}, "E0314", "mine.npz lacks y_test; it holds x_test, x_train and y_train"),
    "names and numbers": (NET, {"y_train": NAMES}, "E0314", "y_train has names of classes, but y_test has none"),
    "numbers and names": (NET, {"y_test": NAMES[:9]}, "E0314", "y_test has names of classes, but y_train has none"),
    "fewer names": (NET.replace("fc 3", "fc 10"), BY_NAME, "E0304", "has 10 outputs, but mine.npz has 3 classes"),
    "more names": (NET.replace("fc 3", "fc 2"), BY_NAME, "E0304", "has 2 outputs, but mine.npz has 3 classes"),
    "names of one output": (NET.replace("3 softmax", "1 sigmoid"), BY_NAME, "E0304", "1 output, but mine.npz has 3"),
    "names of positions": ('input 1x4x4; conv 3 2; data "mine.npz"', BY_NAME, "E0305", "an example has one label"),
    "a name more": (
        NET,
        {**BY_NAME, "y_test": np.array(["a", "z", *"abzab", "c", "y"])},
        "E0314",
        "y_test[1] is 'z', a class that y_train does not have; y_test has it 2 times; and 2 more such classes",
    ),
    "a name that is held out": (
        NET + " { validation 1 }",
        {**BY_NAME, "y_train": np.array([*NAMES[:39], "z"])},
        "E0314",
        "y_train[39] is 'z', a class that the training part of y_train does not have; y_train has it once",
    ),
    "names in rows": (NET, {"y_train": np.array([NAMES, NAMES]).T}, "E0314", "y_train has texts of the shape (40, 2)"),
    "few names of classes": (NET, {**BY_NAME, "y_train": NAMES[:7]}, "E0314", "y_train has 7 labels for 40 examples"),
    "an empty name": (NET, {**BY_NAME, "y_train": np.where(Y == 2, "", NAMES)}, "E0314", "y_train[2] is an empty text"),
    "names of numbers": (
        NET.replace("3 softmax", "1; train { loss poisson }"),
        BY_NAME,
        "E0314",
        "y_train has names of classes, but poisson takes numbers",
    ),
    "names and what is ignored": (NET + "; train { loss cross_entropy ignore=1 }", BY_NAME, "E0314", "`ignore=1`"),
    "another number": (NET, {"y_train": Y * 10, "y_test": Y[:9] * 5}, "E0314", "y_test[1] is '5', a class"),
    "half of validation": (NET, {"x_val": X[:5]}, "E0314", "mine.npz lacks y_val"),
    "validation twice": (NET + " { validation 9 }", {"x_val": X[:5], "y_val": Y[:5]}, "E0311", "of its own: x_val"),
    "validation of another shape": (NET, {"x_val": X[:5, :, 1:], "y_val": Y[:5]}, "E0314", "x_val 1x3x4 ones"),
    "validation of another length": (NET, {"x_val": X[:5], "y_val": Y[:4]}, "E0314", "y_val has 4 labels for 5"),
    "no validation": (NET + "; train { early_stop on=val_loss }", {}, "E0311", "no examples are held out"),
    "objects": (NET, {"y_train": Y.astype(object)}, "E0314", "y_train has the type object, which is not numbers"),
    "dates": (NET, {"y_train": Y.astype("M8[D]")}, "E0314", "y_train has the type datetime64"),
    "fields": (NET, {"y_train": np.zeros(40, "i4,f4")}, "E0314", "y_train has the type void"),
    "rows": (NET, {"y_train": np.eye(4)[Y]}, "E0314", "y_train must have the shape (N,), not (40, 4)"),
    "regression": (NET, {"y_train": FLAT[:, 0]}, "E0314", "regression"),
    "negative": (NET, {"y_test": Y[:9] - 1}, "E0314", "y_test[0] is -1, but labels count from 0"),
    "bool": (NET, {"x_test": X[:9] > 3}, "E0314", "x_train is uint8, x_test is bool"),
    "two test parts": (NET.replace('npz"', 'npz" { test 20% }'), {}, "E0314", "mine.npz has a test part of its own"),
    "half a test part": (NET, {"y_test": None}, "E0314", "mine.npz lacks y_test"),
    "a misspelt test part": (NET, {"x_test": None, "y_test": None, "x_tset": X}, "E0314", "lacks x_test and y_test"),
    "nothing that is known": (NET, dict.fromkeys(KEYS) | {"a": X, "b": Y}, "E0314", "it holds a and b"),
    "another size": (NET, {"x_train": X[..., :3], "x_test": X[:9, ..., :3]}, "E0308", "holds examples of 1x4x3"),
    "steps of other features": (
        'input 5x12; lstm 4 last; fc 3 softmax; data "mine.npz"',
        {"x_train": np.zeros((40, 12, 4)), "x_test": np.zeros((9, 12, 4))},
        "E0308",
        "12x4, but the network takes 5x12",
    ),
    "few labels": (NET, {"y_train": Y[:7]}, "E0314", "y_train has 7 labels for 40 examples"),
    "none": (NET, {"x_test": X[:0], "y_test": Y[:0]}, "E0314", "x_test is empty"),
    "one axis": (NET, {"x_train": FLAT[:, 0]}, "E0314", "x_train has the shape (40,)"),
    "unlike types": (NET, {"x_test": FLAT[:9].reshape(9, 1, 4, 4)}, "E0314", "x_train is uint8, x_test is float32"),
    "unlike shapes": (NET, {"x_test": X[:9, :, 1:]}, "E0314", "x_train holds 1x4x4 examples, x_test 1x3x4 ones"),
    "shape": (
        NET.replace("1x4x4", "1x8x8"),
        {},
        "E0308",
        "mine.npz holds examples of 1x4x4, but the network takes 1x8x8",
    ),
    "more outputs": (NET.replace("fc 3", "fc 5"), {}, "E0304", "the network has 5 outputs, but mine.npz has 3 classes"),
    "fewer outputs": (
        NET.replace("fc 3", "fc 2"),
        {},
        "E0304",
        "the network has 2 outputs, but mine.npz has 3 classes",
    ),
    "one output": (NET.replace("3 softmax", "1 sigmoid"), {}, "E0304", "1 output, but mine.npz has 3 classes"),
    "positions": ('input 1x4x4; conv 3 2; data "mine.npz"', {}, "E0305", "an example has one label"),
    "names": (NET, {"class_names": list("abcde")}, "E0304", "the network has 3 outputs, but mine.npz has 5 classes"),
    "few names": (NET, {"class_names": list("ab")}, "E0314", "has a label 2, but 2 class_names"),
    "held out": (NET + " { validation 40 }", {}, "E0311", "`validation 40` leaves nothing to train on"),
    "no tokens": (
        'input 5 tokens=9; embedding 4; flatten; fc 3 softmax; data "mine.npz"',
        {},
        "E0314",
        "has the shape",
    ),
}


@pytest.mark.parametrize(("text", "change", "code", "said"), WRONG.values(), ids=WRONG)
def test_a_file_that_does_not(tmp_path: Path, text: str, change: dict[str, Any], code: str, said: str) -> None:
    save(tmp_path, **change)
    (found,) = look(tmp_path, text)
    assert (found.code, found.span is not None) == (code, True)
    assert said in found.message
    assert found.fix


@pytest.mark.parametrize("labels", [1960 + np.arange(40), np.arange(40) * 999 % 7919])
def test_years_and_prices_are_no_classes(tmp_path: Path, labels: Any) -> None:
    save(tmp_path, y_train=labels)
    (found,) = look(tmp_path, NET.replace("fc 3", "fc 10"))
    assert "regression" in found.fix
    assert "softmax" not in found.fix
    # What it says goes.
    assert not look(tmp_path, NET.replace("fc 3 softmax", "fc 1"))


def test_classes_of_other_numbers(tmp_path: Path) -> None:
    four = NET.replace("fc 3", "fc 4")
    save(tmp_path, y_train=Y + 2, y_test=Y[:9] + 2)
    assert "np.unique" in look(tmp_path, four)[0].fix
    save(tmp_path, y_train=Y + 1, y_test=Y[:9] + 1)
    assert look(tmp_path, NET.replace("fc 3", "fc 2"))[0].fix == "labels count from 0: give y_train - 1"
    save(tmp_path, y_train=Y * 10, y_test=Y[:9] * 10)
    assert "np.unique" in look(tmp_path, four)[0].fix


# --- several inputs and outputs -----------------------------------------------------------------------------------

SEVERAL = """
input 1x4x4 as left
input 3 as right
from left; flatten as flat
concat flat right as both
from both; fc 3 softmax as kind
from both; fc 1 as age
output kind
output age loss=mse
data "pairs.npz"
"""
PAIRS = {
    f"{key}_{split}": array[:count]
    for split, count in (("train", 40), ("test", 9))
    for key, array in {"left": X, "right": FLAT[:, :3], "kind": NAMES, "age": FLAT[:, 0]}.items()
}
SEVERAL_WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "lacks": ({"kind_test": None}, "E0314", "pairs.npz lacks kind_test"),
    "half of validation": ({"left_val": X[:5]}, "E0314", "pairs.npz lacks right_val"),
    "type": ({"right_train": np.zeros((40, 3), int)}, "E0314", "right_train is int64, right_test is float32"),
    "shape": ({"left_train": X[:, :, 1:], "left_test": X[:9, :, 1:]}, "E0308", "left_train holds examples of 1x3x4"),
    "unlike": ({"right_test": FLAT[:9, :2]}, "E0314", "right_train holds 3 examples, right_test 2 ones"),
    "examples": ({"right_test": FLAT[:8, :3]}, "E0314", "left_test has 9 examples, right_test 8"),
    "labels": ({"age_train": FLAT[:7, 0]}, "E0314", "age_train has 7 labels for 40 examples"),
    "a name more": (
        {"kind_test": np.array([*NAMES[:8], "z"])},
        "E0314",
        "kind_test[8] is 'z', a class that kind_train",
    ),
    "names and numbers": ({"kind_test": Y[:9]}, "E0314", "kind_train has names of classes, but kind_test has none"),
    "fewer names": (
        {"kind_train": NAMES == "a", "kind_test": np.array(["a"] * 9), "more": NAMES},
        "E0314",
        "kind_test has names of classes, but kind_train has none",
    ),
    "two names": (
        {"kind_train": np.where(Y > 0, "a", "b"), "kind_test": np.array(["a"] * 9)},
        "E0304",
        "the network has 3 outputs, but the target kind of pairs.npz has 2 classes",
    ),
    "more classes": ({"kind_train": np.arange(40) % 4, "kind_test": Y[:9]}, "E0304", "of pairs.npz has 4 classes"),
    "objects": ({"kind_train": NAMES.astype(object)}, "E0314", "kind_train has the type object"),
    "names of numbers": ({"age_train": NAMES, "age_test": NAMES[:9]}, "E0304", "1 output, but the target age"),
}


@pytest.mark.parametrize(("change", "code", "said"), SEVERAL_WRONG.values(), ids=SEVERAL_WRONG)
def test_several_arrays_that_do_not_fit(tmp_path: Path, change: dict[str, Any], code: str, said: str) -> None:
    arrays: dict[str, Any] = {key: array for key, array in {**PAIRS, **change}.items() if array is not None}
    np.savez(tmp_path / "pairs.npz", **arrays)
    (found,) = look(tmp_path, SEVERAL)
    assert found.code == code, found.message
    assert said in found.message
    assert found.fix
    assert found.span is not None
    with pytest.raises(DataError):
        load_data(ns.parse(SEVERAL), base=tmp_path)


def test_several_arrays_that_fit(tmp_path: Path) -> None:
    val: dict[str, Any] = {key.replace("test", "val"): array for key, array in PAIRS.items() if "test" in key}
    changes: tuple[dict[str, Any], ...] = ({}, val, {"kind_train": Y, "kind_test": Y[:9]}, {"more": np.ones(3)})
    for change in changes:
        np.savez(tmp_path / "pairs.npz", **{**PAIRS, **change})
        assert not look(tmp_path, SEVERAL)
        assert load_data(ns.parse(SEVERAL), base=tmp_path)
    np.savez(tmp_path / "pairs.npz", **{**PAIRS, **val})
    (found,) = look(tmp_path, SEVERAL.replace('npz"', 'npz" { validation 5 }'))
    assert (found.code, "some of its own: left_val, right_val" in found.message) == ("E0311", True)
    (tmp_path / "set").mkdir()
    (found,) = look(tmp_path, SEVERAL.replace("pairs.npz", "set"))
    assert (found.message, "four IDX files" in found.fix) == ("set has no pictures in it", True)


# --- where it lies ------------------------------------------------------------------------------------------------


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    (found,) = look(tmp_path)
    assert (found.code, found.message) == ("E0314", "mine.npz does not exist")
    save(tmp_path, "mind.npz")
    assert look(tmp_path)[0].fix == "did you mean mind.npz?"
    # All that is wrong is told at once, and nothing where no folder is known.
    assert [d.code for d in look(tmp_path, NET.replace("fc", "fcc"))] == ["E0201", "E0314"]
    assert not analyze(Source("t.net", NET), files=True).diagnostics
    assert not analyze(Source("t.net", NET, tmp_path)).diagnostics


def test_what_is_taken_instead(tmp_path: Path) -> None:
    digits = "input 1x8x8; fc 10 softmax; data "
    assert not look(tmp_path, f'{digits}"no.npz" else digits')
    assert not look(tmp_path, f'{digits}mnist else "no.npz"')
    (found,) = look(tmp_path, f'{digits}"no.npz" else "neither.npz"')
    assert found.message.startswith("no.npz")
    save(tmp_path)
    assert [d.code for d in look(tmp_path, f'{digits}"no.npz" else "mine.npz"')] == ["E0308"]
    assert [d.code for d in look(tmp_path, f'{digits}digits else "mine.npz"')] == ["E0308"]


def test_of_two_datasets_one_may_have_fewer_classes(tmp_path: Path) -> None:
    save(tmp_path)
    assert not look(tmp_path, 'input 1x4x4; fc 10 softmax; data "mine.npz" else "other.npz"')
    found = look(tmp_path, 'input 1x4x4; fc 2 softmax; data "mine.npz" else "other.npz"')
    assert [d.code for d in found] == ["E0304"]


def test_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "mine.npz").mkdir()
    assert look(tmp_path)[0].message == "mine.npz is not a file"
    (tmp_path / "text.md").write_text("x")
    assert "neither" in look(tmp_path, NET.replace("mine.npz", "text.md"))[0].message
    (tmp_path / "link.npz").symlink_to(Path(__file__))
    assert look(tmp_path, NET.replace("mine", "link"))[0].code == "E0403"
    assert [d.code for d in look(tmp_path, NET.replace("mine", "../x"))] == ["E0403"]
    (tmp_path / "loop.npz").symlink_to("loop.npz")
    assert look(tmp_path, NET.replace("mine", "loop"))[0].code == "E0314"
    assert look(tmp_path, NET.replace("mine", "n" * 300))[0].code == "E0314"
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.npz")
        assert look(tmp_path, NET.replace("mine", "pipe"))[0].message == "pipe.npz is not a file"


@pytest.mark.parametrize(
    "text",
    [
        'data "link.csv" { target y }; fc classes softmax',
        'data "gone.csv" else "link.csv" { target y }; fc classes softmax',
        'data "link.txt" { text chars; target next }; embedding 4; fc tokens softmax pointwise',
        'data "link.npz"; fc classes softmax',
        'data "link"; conv 2 3x3; globalpool; fc classes softmax',
        'data "link/in.csv" { target y }; fc classes softmax',
    ],
)
def test_nothing_behind_a_link_out_of_the_folder_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "spec"
    folder.mkdir()
    for name in ("link.csv", "link.txt", "link.npz", "link"):
        (folder / name).symlink_to(outside)
    monkeypatch.setattr("netspec.elaborate.data_words.survey", lambda *_: pytest.fail("it was read"))
    (folder / "net.net").write_text(text.replace("; ", "\n", 1) if "{" not in text else text.replace("}; ", "}\n"))
    assert [d.code for d in analyze(load_source(folder / "net.net")).diagnostics] == ["E0403"]


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.net").write_text(NET)
    assert check_files([tmp_path / "a.net"], as_json=True) == 1
    assert json.loads(capsys.readouterr().out)["errors"][0]["code"] == "E0314"
    save(tmp_path)
    # Paths begin at the spec's folder, wherever one is.
    monkeypatch.chdir("/")
    assert check_files([tmp_path / "a.net"], as_json=False) == 0


def test_nothing_heavy_is_imported_to_look(tmp_path: Path) -> None:
    save(tmp_path)
    (tmp_path / "a.net").write_text(NET)
    code = (
        "import sys; from pathlib import Path; from netspec.cli.verbs.check import check_files\n"
        "assert check_files([Path('a.net')], as_json=False) == 0\n"
        "print([m for m in ('numpy', 'jax', 'netspec.data') if m in sys.modules])"
    )
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": root},
    )
    assert done.stdout.splitlines()[-1:] == ["[]"], done.stderr


# --- folders of IDX files -----------------------------------------------------------------------------------------


def idx(array: Any, kind: int = 8) -> bytes:
    return struct.pack(f">4B{array.ndim}I", 0, 0, kind, array.ndim, *array.shape) + array.tobytes()


def test_a_folder(tmp_path: Path) -> None:
    text, folder = NET.replace("mine.npz", "set"), tmp_path / "set"
    folder.mkdir()
    assert "no pictures in it" in look(tmp_path, text)[0].message
    (folder / IDX_NAMES[1]).write_bytes(b"")
    assert "lacks train-images-idx3-ubyte" in look(tmp_path, text)[0].message
    for name, array in zip(IDX_NAMES, (X[:, 0], Y, X[:9, 0], Y[:9]), strict=True):
        (folder / name).write_bytes(idx(array.astype(np.uint8)))
    assert not look(tmp_path, text)
    assert len(read_idx_folder(folder).train) == 40
    assert [d.code for d in look(tmp_path, text.replace("fc 3", "fc 4"))] == ["E0304"]
    (lacking,) = look(tmp_path, f"{text}; train {{ best val_loss }}")
    assert (lacking.code, "x_val" in lacking.fix) == ("E0311", False)
    assert [d.code for d in look(tmp_path, text.replace("1x4x4", "1x5x5"))] == ["E0308"]
    labels = folder / IDX_NAMES[1]
    for content, said in {
        idx(Y[:5].astype(np.uint8)): "y_train has 5 labels for 40 examples",
        idx(X[:, 0]): "has 3 dimensions, but should have 1",
        idx(Y.astype(np.uint8))[:-1]: "should hold 40 bytes of values",
        b"no": "is not an IDX file",
        b"": "is not an IDX file",
        b"\0\0\x08\1\0": "ends within its header",
        b"\x1f\x8b no": "cannot be read",
    }.items():
        labels.write_bytes(content)
        (found,) = look(tmp_path, text)
        assert (found.code, said in found.message) == ("E0314", True), found.message
        with pytest.raises(DataError):
            read_idx_folder(folder)
    labels.write_bytes(gzip.compress(idx(Y.astype(np.uint8))))
    assert not look(tmp_path, text)


# --- what nobody should believe -----------------------------------------------------------------------------------


def npy(shape: str, values: bytes = b"") -> bytes:
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(117) + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + values


def packed(path: Path, packing: int = zipfile.ZIP_STORED, more: int = 0, **members: bytes) -> None:
    whole = dict.fromkeys(KEYS[::2], npy("(2, 1, 4, 4)", bytes(32))) | dict.fromkeys(KEYS[1::2], npy("(2,)", bytes(2)))
    with zipfile.ZipFile(path, "w", packing) as archive:
        for key, member in {**whole, **members, **{f"a{i}": b"" for i in range(more)}}.items():
            archive.writestr(f"{key}.npy", member)


HOSTILE: dict[str, tuple[dict[str, Any], str]] = {
    "claims more": ({"x_train": npy("(99999999999999, 1, 4, 4)")}, "x_train.npy claims 99999999999999x1x4x4 values"),
    "labels that claim more": ({"y_train": npy("(99999999999,)")}, "y_train.npy claims 99999999999 values"),
    "a bomb": ({"x_train": npy("(3,)", bytes(30_000_000)), "packing": 8}, "holds 30,000,000 bytes"),
    "labels that are a bomb": ({"y_train": npy("(30000000,)", bytes(30_000_000)), "packing": 8}, "30,000,000 labels"),
    "packed otherwise": ({"packing": zipfile.ZIP_LZMA}, "packed in a way that np.savez does not use"),
    "no array": ({"x_train": b"text"}, "cannot be read as a .npz file"),
    "code": ({"x_train": npy("__import__('os').abort()")}, ""),
    "deep": ({"x_train": npy("(" * 2_000)}, ""),
    "a long header": ({"x_train": b"\x93NUMPY\2\0\xff\xff\xff\xff" + bytes(99)}, ""),
    "many members": ({"more": 30_000}, ""),
}


@pytest.mark.parametrize(("change", "said"), HOSTILE.values(), ids=HOSTILE)
def test_a_file_that_lies(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    packed(tmp_path / "mine.npz", **change)
    tracemalloc.start()
    try:
        found = look(tmp_path, NET.replace("fc 3 softmax", "fc 1 sigmoid"))
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
    # What is not understood is left to the training.
    assert [said in d.message for d in found] == [True] * bool(said)


def test_no_flipped_byte_is_a_traceback(tmp_path: Path) -> None:
    path = save(tmp_path, save=np.savez_compressed)
    content = path.read_bytes()
    for place in range(0, len(content), 7):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :])
        assert all(d.code in {"E0304", "E0308", "E0314"} for d in look(tmp_path))


def test_what_is_said_at_the_check_is_said_when_it_is_loaded(tmp_path: Path) -> None:
    for text, change, code, _ in WRONG.values():
        path = save(tmp_path, **change)
        if code == "E0314" and "tokens" not in text and set(change) & {*KEYS, "x_val"}:
            with pytest.raises(DataError):
                load_data(ns.parse(text), path)

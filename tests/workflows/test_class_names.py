"""Names of classes go with a training, its run and its model file; data may bring its own validation set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli.command_line import cli
from ir.several_networks import arrays, siamese

import netspec as ns
from netspec.diagnostics.diagnostic import DataError
from netspec.runs import model_file

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)).astype(np.float32)
NAMES = np.array(["sloth", "ape", "bear"])[np.abs(X[:, :3]).argmax(axis=1)]
DATA = {"x_train": X[:40], "y_train": NAMES[:40], "x_test": X[40:], "y_test": NAMES[40:]}
VAL = {"x_val": X[40:50], "y_val": NAMES[40:50]}
SPEC = 'input 4\nfc 3 softmax\ndata "mine.npz"\ntrain { epochs 2; batch 20; early_stop on=val_loss patience=5 }'


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a spec, its data and its run."""
    folder = tmp_path_factory.mktemp("names")
    np.savez(folder / "mine.npz", **DATA, **VAL)  # type: ignore[arg-type]
    np.save(folder / "x.npy", X[:3])
    (folder / "a.net").write_text(SPEC)
    done = cli(folder, "train", "a.net", "--out", "run")
    assert done.returncode == 0, done.stderr
    return folder


def test_the_run_and_its_model_know_the_names(trained: Path) -> None:
    manifest = json.loads((trained / "run" / "lock.json").read_text())
    assert (manifest["labels"], manifest["given_validation"]) == (["ape", "bear", "sloth"], 10)
    run = ns.open(trained / "run" / "best.safetensors")
    assert run.labels == ("ape", "bear", "sloth")
    assert run.predict(X[:3])[0].label in run.labels
    printed = cli(trained, "predict", "run", "x.npy").stdout.splitlines()
    assert [line.split()[1] for line in printed] == [p.label for p in run.predict(X[:3])]


def test_an_evaluation_names_them(trained: Path) -> None:
    table = cli(trained, "eval", "run").stdout
    assert all(f"\n{name} " in table for name in ("ape", "bear", "sloth"))
    found = ns.open(trained / "run").evaluate()
    true = np.array(found.labels)[found.true]
    np.testing.assert_array_equal(true, DATA["y_test"])
    assert found.confusion.sum(axis=1).tolist() == [(DATA["y_test"] == name).sum() for name in found.labels]
    assert len(ns.open(trained / "run").evaluate(split="validation").true) == 10
    assert cli(trained, "plot", "run", "confusion", "-o", "c.png").returncode == 0


def test_other_data_is_numbered_as_the_model_learned(trained: Path) -> None:
    run = ns.open(trained / "run")
    some = NAMES != "ape"
    other = {"x_train": X[some], "y_train": NAMES[some], "x_test": X[40:], "y_test": NAMES[40:]}
    np.testing.assert_array_equal(run.evaluate(other).confusion, run.evaluate().confusion)
    with pytest.raises(DataError, match=r"y_test\[0\] is 'yeti', a class that the model does not have"):
        run.evaluate({**DATA, "y_test": np.where(np.arange(20) < 2, "yeti", NAMES[40:])})


def test_a_replay_is_the_same_and_other_names_are_refused(trained: Path) -> None:
    assert "bit for bit" in cli(trained, "replay", "run").stdout
    path, swapped = trained / "mine.npz", np.array(["ape", "sloth", "bear"])
    whole = path.read_bytes()
    try:
        for change, said in (
            ({"y_train": np.char.upper(NAMES[:40])}, "'BEAR', a class that"),
            ({"y_train": swapped[np.unique(NAMES[:40], return_inverse=True)[1]]}, "is not what run learned from"),
            ({"y_val": NAMES[41:51]}, "is not what run learned from"),
        ):
            np.savez(path, **{**DATA, **VAL, **change})  # type: ignore[arg-type]
            for command in (("resume", "run", "--epochs", "4"), ("replay", "run"), ("eval", "run")):
                done = cli(trained, *command)
                assert done.returncode, command
                assert said in done.stderr, command
    finally:
        path.write_bytes(whole)


def test_class_names_that_changed_are_refused(tmp_path: Path) -> None:
    y = np.unique(NAMES, return_inverse=True)[1]
    numbers = {**DATA, "y_train": y[:40], "y_test": y[40:]}
    path = tmp_path / "n.npz"
    np.savez(path, **numbers, class_names=["a", "b", "c"])  # type: ignore[arg-type]
    net = ns.parse("input 4; fc 3 softmax; train { epochs 1; batch 40 }")
    list(ns.train(net, path, out=tmp_path / "run"))
    np.savez(path, **numbers, class_names=["c", "b", "a"])  # type: ignore[arg-type]
    with pytest.raises(DataError, match="its classes are c, b and a, those were a, b and c"):
        list(ns.resume(tmp_path / "run", epochs=2))
    # Numbers alone say nothing against the names.
    np.savez(path, **numbers)  # type: ignore[arg-type]
    list(ns.resume(tmp_path / "run", epochs=2))
    assert ns.open(tmp_path / "run").labels == ("a", "b", "c")


@pytest.mark.parametrize("end", ["fc 1 sigmoid", "fc 1"])
def test_two_names_are_0_and_1(end: str, tmp_path: Path) -> None:
    y = np.where(X[:, 0] > 0, "yes", "no")
    data = {"x_train": X[:40], "y_train": y[:40], "x_test": X[40:], "y_test": y[40:]}
    net = ns.parse(f"input 4; {end}; train {{ epochs 60; batch 40; optimizer adam lr=0.1 }}")
    list(ns.train(net, data, out=tmp_path / "run"))
    run = ns.open(tmp_path / "run")
    assert run.labels == ("no", "yes")
    linear_model = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is not installed")
    clear = X[np.abs(X[:, 0]) > 0.5]
    oracle = linear_model.LogisticRegression(C=1e6, max_iter=1000).fit(X[:40], y[:40])
    assert [p.label for p in run.predict(clear)] == oracle.predict(clear).tolist()
    with pytest.raises(DataError, match="the network has 1 output, but arrays has 3 classes"):
        list(ns.train(net, DATA))


def test_another_number_of_names_is_an_error() -> None:
    with pytest.raises(DataError, match="the network has 10 outputs, but arrays has 3 classes"):
        list(ns.train(ns.parse("input 4; fc 10 softmax"), DATA))
    with pytest.raises(DataError, match="the network has 2 outputs, but arrays has 3 classes"):
        list(ns.train(ns.parse("input 4; fc 2 softmax"), tuple(DATA.values())))
    data = {**DATA, "y_train": [*NAMES[:39], "yeti"]}
    with pytest.raises(DataError, match=r"y_train\[39\] is 'yeti', a class that the training part of y_train"):
        list(ns.train(ns.parse('input 4; fc 3 softmax; data "mine.npz" { validation 5 }'), data))


def test_whole_numbers_that_do_not_count_from_0_are_names(tmp_path: Path) -> None:
    tens = {
        key: np.searchsorted(["ape", "bear", "sloth"], array) * 10 - 10 for key, array in DATA.items() if "y" in key
    }
    net = ns.parse("input 4; fc 3 softmax; train { epochs 1; batch 40 }")
    events = list(ns.train(net, {**DATA, **tens}, out=tmp_path / "run"))
    said = [e.text for e in events if isinstance(e, ns.Notice)]
    assert said == ["the labels of y_train are taken for the names of the classes: -10, 0 and 10"]
    run = ns.open(tmp_path / "run")
    assert run.labels == ("-10", "0", "10")
    found = run.evaluate({**DATA, **tens})
    np.testing.assert_array_equal(np.array(found.labels)[found.true], tens["y_test"].astype(str))


def test_weights_of_classes_go_by_their_names() -> None:
    net = ns.parse('input 4; fc 3 softmax; train { epochs 1; loss cross_entropy class_weights="ape=2 bear=1" }')
    assert list(ns.train(net, DATA))
    other = ns.parse('input 4; fc 3 softmax; train { epochs 1; loss cross_entropy class_weights="apes=2 bear=1" }')
    with pytest.raises(DataError, match="did you mean 'ape'"):
        list(ns.train(other, DATA))


def test_each_of_several_outputs_has_its_own_names(tmp_path: Path) -> None:
    data: dict[str, Any] = dict(arrays(40, 12))
    for split in ("train", "test"):
        data[f"kind_{split}"] = np.array(["b", "a", "c"])[data[f"kind_{split}"]]
        data |= {f"{name}_val": data[f"{name}_test"] for name in ("left", "right", "kind", "years")}
    list(ns.train(siamese(epochs=1), data, out=tmp_path / "run"))
    run = ns.open(tmp_path / "run")
    assert (run.labels, run.output_labels) == ((), {"kind": ("a", "b", "c")})
    found = run.predict({name: data[f"{name}_test"] for name in ("left", "right")})
    assert {p.label for p in found["kind"]} <= {"a", "b", "c"}
    kind = run.evaluate(data).outputs["kind"]
    np.testing.assert_array_equal(np.array(kind.labels)[kind.true], data["kind_test"])
    np.savez(tmp_path / "x.npz", left=data["left_test"], right=data["right_test"])
    table = cli(tmp_path, "predict", "run", "x.npz", "-o", "a.csv")
    assert table.returncode == 0, table.stderr
    rows = (tmp_path / "a.csv").read_text().splitlines()
    assert [row.split(",")[1] for row in rows[1:]] == [p.label for p in found["kind"]]
    list(ns.resume(tmp_path / "run", data=data, epochs=2))
    assert model_file.read(tmp_path / "run" / "last.safetensors").output_labels == {"kind": ("a", "b", "c")}
    with pytest.raises(DataError, match="'d', a class that the model does not have"):
        list(ns.resume(tmp_path / "run", data={**data, "kind_train": ["d"] * 40}, epochs=3))


def test_given_examples_are_validated_on_and_not_trained_on() -> None:
    """What is held out of the training set by a number, and given as arrays, is the same training."""
    held: dict[str, Any] = {**DATA, "x_train": X[:50], "y_train": NAMES[:50]}
    net = ns.parse('input 4; fc 3 softmax; data "mine.npz" { validation 10 }; train { epochs 2; batch 20 }')
    plain = ns.parse("input 4; fc 3 softmax; train { epochs 2; batch 20; best val_loss }")
    first = [e for e in ns.train(net, held) if isinstance(e, ns.Epoch)]
    second = [e for e in ns.train(plain, {**DATA, **VAL}) if isinstance(e, ns.Epoch)]
    assert [e.validation_loss for e in first] == [e.validation_loss for e in second]
    assert [e.train_loss for e in first] == [e.train_loss for e in second]
    with pytest.raises(DataError, match=r"`validation 10` takes examples .* but arrays has 10 of its own"):
        list(ns.train(net, {**DATA, **VAL}))
    with pytest.raises(DataError, match="no examples are held out for validation"):
        list(ns.train(plain, DATA))


def test_a_run_without_arrays_for_validation_goes_on_without_them(tmp_path: Path) -> None:
    """Older netspec took no notice of them, and wrote nothing of them."""
    path, lock = tmp_path / "n.npz", tmp_path / "run" / "lock.json"
    np.savez(path, **DATA)  # type: ignore[arg-type]
    list(ns.train(ns.parse("input 4; fc 3 softmax; train { epochs 1; batch 40 }"), path, out=tmp_path / "run"))
    np.savez(path, **DATA, **VAL)  # type: ignore[arg-type]
    manifest = json.loads(lock.read_text())
    manifest.pop("given_validation", None)
    lock.write_text(json.dumps(manifest))
    for epochs in (2, 3):
        said = [e.text for e in ns.resume(tmp_path / "run", epochs=epochs) if isinstance(e, ns.Notice)]
        assert sum("they are not used" in text for text in said) == 1
    assert ns.open(tmp_path / "run").evaluate().examples == 20


def test_other_names_are_no_classes_of_a_model_of_numbers(tmp_path: Path) -> None:
    y = np.unique(NAMES, return_inverse=True)[1]
    numbers = {**DATA, "y_train": y[:40], "y_test": y[40:]}
    net = ns.parse("input 4; fc 3 softmax; train { epochs 1; batch 40 }")
    list(ns.train(net, numbers, out=tmp_path / "run"))
    run = ns.open(tmp_path / "run")
    with pytest.raises(DataError, match="a class that the model does not have"):
        run.evaluate(DATA)
    with pytest.raises(DataError):
        run.evaluate({**numbers, "y_train": y[:40] * 10, "y_test": y[40:] * 10})
    texts = {**numbers, "y_train": y[:40].astype(str), "y_test": y[40:].astype(str)}
    np.testing.assert_array_equal(run.evaluate(texts).confusion, run.evaluate(numbers).confusion)

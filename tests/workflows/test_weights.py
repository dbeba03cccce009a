"""Trainings that start from trained weights: what is taken, what is recorded, and how they are resumed and replayed."""

from __future__ import annotations

import copy
import json
import pickle
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

import netspec as ns
from netspec.compiler import analyze, load_source
from netspec.runs import files as runs

RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (60, 1, 6, 6), np.uint8)
Y = (X.reshape(60, -1)[:, :3].argmax(axis=1)).astype(np.int32)
DATA = (X[:40], Y[:40], X[40:], Y[40:])
LAYERS = "input 1x6x6; conv 2 3x3 as stem; batchnorm as norm; relu; fc {n} softmax as head"
RECIPE = "train {{ batch 20; epochs {epochs}; checkpoint off }}"


def spec(classes: int = 3, more: str = "", epochs: int = 2) -> str:
    return f"{LAYERS.format(n=classes)}\n{more}\n{RECIPE.format(epochs=epochs)}"


def network(classes: int = 3, more: str = "", epochs: int = 2) -> ns.Network:
    return ns.parse(spec(classes, more, epochs))


def train(net: ns.Network, **how: Any) -> list[ns.Event]:
    return list(ns.train(net, DATA, **how))


def only(events: list[ns.Event], kind: type) -> Any:
    (found,) = (event for event in events if isinstance(event, kind))
    return found


def arrays(variables: ns.Variables) -> dict[str, np.ndarray]:
    trees = (variables.params, variables.state)
    return {f"{node}/{name}": np.array(a) for tree in trees for node, own in tree.items() for name, a in own.items()}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base") / "run"
    train(network(epochs=1), out=folder)
    return folder


def asks_after(count: int) -> Callable[[], bool]:
    asked = iter(range(count))
    return lambda: next(asked, None) is None


# --- what is taken ------------------------------------------------------------------------------------------------


def test_all_of_a_run_of_the_same_network(base: Path) -> None:
    event = only(train(network(epochs=1), weights=base), ns.Weights)
    assert len(event.taken) == 8
    assert "norm/mean" in event.taken
    assert (event.fresh, event.missing, event.unused) == ({}, (), ())


def test_what_does_not_fit_is_listed_and_begins_fresh(base: Path, tmp_path: Path) -> None:
    net = ns.parse(spec(4, "freeze stem norm").replace("batchnorm as norm;", "batchnorm as norm; prelu as bend;"))
    four = (X[:40], Y[:40] + (X[:40, 0, 5, 5] > 200), X[40:], Y[40:])
    events = list(ns.train(net, four, weights=base, out=tmp_path / "run", epochs=1))
    event = only(events, ns.Weights)
    assert event.fresh["head/kernel"] == {"shape": (4, 32), "found": (3, 32)}
    assert event.missing == ("bend/slope",)
    assert not event.unused
    said = [e.text for e in events if isinstance(e, ns.Notice)]
    assert any("`head` has 4 outputs, and 3 in the file: it begins fresh" in text for text in said)
    started = only(events, ns.Started)
    assert started.frozen == 2 * 9 + 2 + 4
    # Frozen weights and statistics are those of the file, to the bit.
    finished = arrays(only(events, ns.Finished).variables)
    for path, array in arrays(ns.open(base / "last.safetensors").variables).items():
        if path.split("/")[0] in {"stem", "norm"}:
            assert np.array_equal(finished[path], array), path
    record = json.loads((tmp_path / "run" / "lock.json").read_text())["weights"]
    assert record["path"] == str((base / "best.safetensors").resolve())
    assert record["sha256"] == runs.digest_of(base / "best.safetensors")
    assert record["fresh"]["head/bias"] == {"shape": [4], "found": [3]}
    assert record["missing"] == ["bend/slope"]
    # A model names no folder of its machine.
    assert str(base) not in (tmp_path / "run" / "network.json").read_text()


def test_a_safetensors_file_of_the_same_names(base: Path, tmp_path: Path) -> None:
    found = arrays(ns.open(base).variables)
    file = tmp_path / "plain.safetensors"
    given = {**found, "stem/kernel": found["stem/kernel"].astype(np.float64), "steps": np.zeros(3, np.int64)}
    safetensors.numpy.save_file(given, file)
    event = only(train(network(epochs=1), weights=file), ns.Weights)
    assert len(event.taken) == 8
    assert event.unused == ("steps",)


def test_half_precision_is_read(tmp_path: Path) -> None:
    values = np.array([1.5, -2.0, 0.25], np.float32)
    file = tmp_path / "half.safetensors"
    header = json.dumps({"head/bias": {"dtype": "BF16", "shape": [3], "data_offsets": [0, 6]}}).encode()
    file.write_bytes(struct.pack("<Q", len(header)) + header + (values.view(np.uint32) >> 16).astype("<u2").tobytes())
    net = network(more="freeze head", epochs=1)
    assert np.array_equal(arrays(only(train(net, weights=file), ns.Finished).variables)["head/bias"], values)


@pytest.mark.parametrize("form", ["variables", "by path", "by node", "run"])
def test_variables_of_a_program(base: Path, form: str) -> None:
    run = ns.open(base)
    forms = {
        "variables": run.variables,
        "by path": arrays(run.variables),
        "by node": {**run.variables.params},
        "run": run,
    }
    event = next(iter(ns.train(network(), DATA, variables=forms[form])))
    assert isinstance(event, ns.Weights)
    assert event.source == "variables"
    assert len(event.taken) == (6 if form == "by node" else 8)


def test_another_number_of_classes_is_said_of_logits_too(base: Path) -> None:
    net = ns.parse(spec(4).replace("fc 4 softmax as head", "fc 4 as head; softmax"))
    events = ns.train(net, (X[:40], Y[:40] + (X[:40, 0, 5, 5] > 200), X[40:], Y[40:]), weights=base)
    said = next(e.text for e in events if isinstance(e, ns.Notice))
    assert said == "`head` has 4 outputs, and 3 in the file: it begins fresh"


def test_frozen_at_random_is_said() -> None:
    events = ns.train(network(more="freeze stem"), DATA)
    text = next(e.text for e in events if isinstance(e, ns.Notice) and "random" in e.text)
    assert text == "`stem`: frozen as drawn at random, for no weights are given to start from"


# --- what is wrong ------------------------------------------------------------------------------------------------


def refused(kind: type[ns.NetspecError], **how: Any) -> str:
    with pytest.raises(kind) as error:
        train(network(), **how)
    assert error.value.fix
    return str(error.value)


def test_files_that_are_none(base: Path, tmp_path: Path) -> None:
    assert "there is no such run or model" in refused(ns.RunError, weights=tmp_path / "nothing")
    assert "has no model in it" in refused(ns.RunError, weights=tmp_path)
    text = tmp_path / "spec.net"
    text.write_text("input 4; fc 2")
    assert "netspec train" in refused(ns.ModelFileError, weights=text)
    flipped = bytearray((base / "best.safetensors").read_bytes())
    flipped[-1] ^= 1
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(flipped)
    assert "SHA-256" in refused(ns.ModelFileError, weights=damaged)
    damaged.write_bytes(flipped[:-20])
    assert "damaged" in refused(ns.ModelFileError, weights=damaged)
    safetensors.numpy.save_file({"other/kernel": np.zeros((3, 3), np.float32)}, damaged)
    assert "no array of" in refused(ns.ModelFileError, weights=damaged)
    safetensors.numpy.save_file({"head/bias": np.array([0, np.nan, 0], np.float32)}, damaged)
    assert "not finite" in refused(ns.ModelFileError, weights=damaged)


def test_variables_that_are_none(base: Path) -> None:
    for wrong in (3, "x", {"head/bias": "text"}, {"head/bias": np.zeros(5, np.float32)}, {"other": np.zeros(2)}):
        refused(ns.DataError, variables=wrong)
    assert "give one of them" in refused(ns.DataError, variables={"head/bias": np.zeros(3)}, weights=base)


# --- the path in a spec -------------------------------------------------------------------------------------------


def test_a_path_of_a_spec_is_of_its_folder(base: Path, tmp_path: Path) -> None:
    shutil.copytree(base, tmp_path / "base")
    file = tmp_path / "fine.net"
    file.write_text(spec(more='weights "base"'))
    assert only(list(ns.train(file, DATA, epochs=1)), ns.Weights).source == "base"
    (tmp_path / "link").symlink_to(base)
    file.write_text(spec(more='weights "link"'))
    with pytest.raises(ns.RunError, match="outside"):
        list(ns.train(file, DATA))


@pytest.mark.parametrize(
    ("weights", "code", "message"),
    [
        ("base", "", ""),
        ("base/best.safetensors", "", ""),
        ("nothere.safetensors", "E0333", "no such file"),
        ("text.safetensors", "E0333", "no safetensors file"),
        ("empty", "E0333", "no model in it"),
        ("cut.safetensors", "E0333", "not as long as"),
        ("other.safetensors", "E0334", "no array of other.safetensors"),
        ("small.safetensors", "E0334", "no array of small.safetensors"),
        ("link", "E0403", "outside the spec's folder"),
    ],
)
def test_check_looks_at_the_header(base: Path, tmp_path: Path, weights: str, code: str, message: str) -> None:
    shutil.copytree(base, tmp_path / "base")
    (tmp_path / "text.safetensors").write_text("this is no model at all")
    (tmp_path / "empty").mkdir()
    (tmp_path / "cut.safetensors").write_bytes((base / "best.safetensors").read_bytes()[:-4])
    safetensors.numpy.save_file({"body/kernel": np.zeros((3, 3), np.float32)}, tmp_path / "other.safetensors")
    safetensors.numpy.save_file({"head/bias": np.zeros(7, np.float32)}, tmp_path / "small.safetensors")
    (tmp_path / "link").symlink_to(base)
    file = tmp_path / "fine.net"
    file.write_text(spec(more=f'weights "{weights}"'))
    found = analyze(load_source(file), files=True)
    assert [d.code for d in found.diagnostics] == ([code] if code else [])
    for d in found.diagnostics:
        assert message in d.message
        assert str(tmp_path) not in d.message
        assert d.fix
        assert d.span is not None


# --- resumed and replayed -----------------------------------------------------------------------------------------


def test_resumed_over_the_end_of_a_freeze_without_the_file(base: Path, tmp_path: Path) -> None:
    more = "freeze stem norm until=1; rate head 0.5"
    whole, cut, copied = tmp_path / "whole", tmp_path / "cut", tmp_path / "base"
    shutil.copytree(base, copied)
    train(network(more=more), out=whole, weights=copied)
    last = train(network(more=more), out=cut, weights=copied, stop=asks_after(2))[-1]
    assert isinstance(last, ns.Stopped)
    # The checkpoint has all that the training started from.
    shutil.rmtree(copied)
    assert isinstance(list(ns.resume(cut, DATA))[-1], ns.Finished)
    for name in ("best.safetensors", "last.safetensors"):
        ours, theirs = (arrays(ns.open(folder / name).variables) for folder in (cut, whole))
        assert all(np.array_equal(ours[path], theirs[path]) for path in theirs)
    with pytest.raises(ns.RunError, match="no longer at"):
        ns.replay(whole, DATA)
    shutil.copytree(base, copied)
    assert ns.replay(whole, DATA).identical
    again = tmp_path / "again"
    train(network(epochs=1), out=again, seed=1)
    shutil.copy(again / "last.safetensors", copied / "best.safetensors")
    with pytest.raises(ns.RunError, match=r"is not what .* started from: its SHA-256"):
        ns.replay(whole, DATA)


def test_without_a_checkpoint_it_begins_from_the_weights_again(base: Path, tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    train(network(epochs=1), out=whole, weights=base)
    events = ns.train(network(epochs=1), DATA, out=cut, weights=base)
    while not isinstance(next(events), ns.Started):
        pass
    events.close()  # type: ignore[attr-defined]
    shutil.rmtree(cut / "checkpoints", ignore_errors=True)
    list(ns.resume(cut, DATA))
    ours, theirs = (arrays(ns.open(folder / "last.safetensors").variables) for folder in (cut, whole))
    assert all(np.array_equal(ours[path], theirs[path]) for path in theirs)


def test_a_run_from_variables_keeps_them(base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    train(network(epochs=1), out=folder, variables=ns.open(base).variables)
    shutil.move(folder, tmp_path / "moved")
    assert ns.replay(tmp_path / "moved", DATA).identical


def test_other_weights_in_an_edited_spec_are_refused(base: Path, tmp_path: Path) -> None:
    shutil.copytree(base, tmp_path / "base")
    file, folder = tmp_path / "fine.net", tmp_path / "run"
    file.write_text(spec(more='weights "base"'))
    list(ns.train(file, DATA, out=folder, stop=asks_after(1)))
    text = (folder / "spec.net").read_text()
    (folder / "spec.net").write_text(text.replace('"base"', '"other"'))
    with pytest.raises(ns.RunError, match="started from other weights"):
        list(ns.resume(folder, DATA, accept_changes=True))


# --- models of a program's own ------------------------------------------------------------------------------------


def test_save_model(base: Path, tmp_path: Path) -> None:
    run, file = ns.open(base), tmp_path / "mine.safetensors"
    assert ns.save_model(file, run.model, run.variables, labels=["a", "b", "c"]) == file
    again = ns.open(file)
    assert again.labels == ("a", "b", "c")
    assert np.array_equal(again.outputs(X), run.outputs(X))
    for wrong in (["a", "a", "b"], ["a"], "abc"):
        with pytest.raises(ns.DataError):
            ns.save_model(file, run.model, run.variables, labels=wrong)
    with pytest.raises(ns.RunError, match=r"ends in \.safetensors"):
        ns.save_model(tmp_path / "mine.npz", run.model, run.variables)
    bad = run.variables.replace(params={**run.variables.params, "head": {"kernel": np.zeros(1), "bias": np.zeros(3)}})
    with pytest.raises(ns.DataError, match="head/kernel"):
        ns.save_model(file, run.model, bad)
    nan = {"kernel": np.full((3, 32), np.nan, np.float32), "bias": np.zeros(3, np.float32)}
    with pytest.raises(ns.DataError, match="not finite"):
        ns.save_model(file, run.model, run.variables.replace(params={**run.variables.params, "head": nan}))


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_runs_and_models_are_copied(base: Path, way: Callable[[Any], Any]) -> None:
    run = ns.open(base)
    again = way(run)
    assert np.array_equal(again.outputs(X[:4]), run.outputs(X[:4]))
    assert repr(again) == repr(run)
    assert repr(way(run.model)) == repr(run.model)

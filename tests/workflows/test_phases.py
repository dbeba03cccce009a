"""One phase, one value: a command traces a network once, checks its data once, and hands both on."""

from __future__ import annotations

import pkgutil
import sys
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec as ns
from netspec.cli.app import build
from netspec.data import labels
from netspec.graph import trace as tracing

RNG = np.random.default_rng(0)
X = RNG.random((12, 4), np.float32)
Y = np.arange(12) % 3
ARRAYS = (X, Y, X[:6], Y[:6])
HEAD = "input 4; fc 3 softmax"
RECIPE = "train { epochs 1; batch 6 }"
CHECKS = ("check_labels", "check_hold_out", "check_steps", "check_classes", "check_target_range")

Counts = Callable[[], Counter[str]]


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counts:
    """Return a function that returns how often each was called since it was asked last, wherever it was imported."""
    called: Counter[str] = Counter()

    def counting(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*args: Any, **options: Any) -> Any:
            called[function.__name__] += 1
            return function(*args, **options)

        return wrapper

    # Modules that are imported late would take the counting functions for the real ones, and keep them.
    for found in pkgutil.walk_packages(ns.__path__, "netspec."):
        # What writes and runs exported models needs packages of its own.
        if not found.name.endswith("__main__") and not found.name.startswith("netspec.formats."):
            import_module(found.name)
    functions = [tracing.trace, *(getattr(labels, name) for name in CHECKS)]
    for name, module in list(sys.modules.items()):
        if name == "netspec" or name.startswith("netspec."):
            for function in functions:
                # `netspec.trace` is another function, of the same name.
                if vars(module).get(function.__name__) is function:
                    monkeypatch.setattr(module, function.__name__, counting(function))

    def since() -> Counter[str]:
        found = Counter(called)
        called.clear()
        return found

    return since


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    np.savez(tmp_path / "d.npz", **dict(zip(("x_train", "y_train", "x_test", "y_test"), ARRAYS, strict=True)))
    (tmp_path / "toy.net").write_text(f'{HEAD}; data "d.npz" {{ validation 2 }}; {RECIPE}\n')
    return tmp_path / "toy.net"


def test_a_training_traces_once_and_checks_its_data_once(spec: Path, counts: Counts) -> None:
    list(ns.train(spec))
    assert counts() == Counter(["trace", *CHECKS])


def test_a_network_made_in_python_is_traced_once_too(counts: Counts) -> None:
    net = ns.parse(f"{HEAD}; train {{ epochs 1; batch 6; loss cross_entropy }}")
    counts()
    list(ns.train(net, ARRAYS))
    assert counts() == Counter(["trace", *CHECKS])


@pytest.mark.parametrize(("head", "traces"), [("input 4; fc 3", 2), ("input 4; fc 3; train { loss mse }", 1)])
def test_data_that_comes_with_the_call_is_a_new_network_where_it_decides_the_loss(
    head: str, traces: int, counts: Counts
) -> None:
    *_, end = ns.train(head, ARRAYS, epochs=1)
    assert isinstance(end, ns.Finished)
    assert end.model.graph.loss.canonical() == ("mse" if "mse" in head else "cross_entropy")
    assert counts()["trace"] == traces


def test_a_run_is_resumed_evaluated_and_asked_with_the_graph_that_was_read(spec: Path, counts: Counts) -> None:
    folder = spec.parent / "run"
    list(ns.train(spec, out=folder, stop=lambda: True))
    counts()
    list(ns.resume(folder))
    assert counts() == Counter(["trace", "check_labels", "check_hold_out", "check_steps"])
    # Each model file has a spec of its own; that of the run has the settings before.
    list(ns.resume(folder, epochs=2))
    assert counts() == Counter({"trace": 2, "check_labels": 1, "check_hold_out": 1, "check_steps": 1})
    run = ns.open(folder)
    assert counts() == Counter(["trace"])
    run.evaluate()
    assert counts() == Counter(["check_labels"])
    run.predict(X)
    assert not counts()


def test_what_set_changes_is_traced_anew(spec: Path, counts: Counts) -> None:
    folder = spec.parent / "run"
    list(ns.train(spec, out=folder))
    counts()
    list(ns.resume(folder, epochs=2, set={"train.loss": "mse"}))
    assert counts()["trace"] == 3
    assert ns.open(folder).model.graph.loss.canonical() == "mse"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["train", "toy.net", "--quiet", "--epochs", "1"], ["trace", *CHECKS]),
        (["eval", "run"], ["trace", "check_labels"]),
        (["predict", "run", "x.npy"], ["trace"]),
        (["bench", "toy.net", "--batch", "2", "--steps", "1"], ["trace"]),
        (["show", "toy.net", "--as", "jaxpr"], ["trace"]),
    ],
    ids=lambda words: words[0],
)
def test_a_verb_traces_once(
    words: list[str], expected: list[str], spec: Path, counts: Counts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(spec.parent)
    monkeypatch.setenv("NETSPEC_KEEP_MEMORY", "off")
    monkeypatch.setenv("NETSPEC_COMPILE_CACHE", "off")
    np.save("x.npy", X)
    if "run" in words:
        list(ns.train(spec, out="run"))
    counts()
    assert not build(words[0])(words, standalone_mode=False)
    assert counts() == Counter(expected)

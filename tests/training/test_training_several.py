"""Training on several inputs and outputs: measured by name, resumed to the same bits, opened again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from ir.several_networks import arrays, examples, node, output, siamese

import netspec as ns
from netspec.ir.network import Network
from netspec.ir.recipe import Recipe
from netspec.ir.text import resolved_text

DATA = arrays()
NET = siamese()


def finished(network: Network = NET, **arguments: Any) -> tuple[list[ns.Event], ns.Finished]:
    events = list(ns.train(network, data=DATA, **arguments))
    assert isinstance(events[-1], ns.Finished)
    return events, events[-1]


def same(one: ns.Variables, other: ns.Variables) -> bool:
    pairs = zip(jax.tree.leaves(tuple(one)), jax.tree.leaves(tuple(other)), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("several") / "run"
    finished(out=folder)
    return folder


def test_each_output_is_measured_by_its_name(run: Path) -> None:
    result = json.loads((run / "result.json").read_text(encoding="utf-8"))
    outputs = result["outputs"]
    assert set(outputs) == {"kind", "age"}
    assert result["test_accuracy"] is None
    assert result["test_loss"] == pytest.approx(outputs["kind"]["test_loss"] + 0.1 * outputs["age"]["test_loss"])
    assert result["train_loss"] == pytest.approx(
        outputs["kind"]["train_loss"] + 0.1 * outputs["age"]["train_loss"], rel=1e-5
    )
    assert outputs["age"]["test_accuracy"] is None
    assert 0 <= outputs["kind"]["test_accuracy"] <= 1
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["outputs"] for line in lines if line["kind"] == "epoch"][-1] == outputs


def test_of_one_output_nothing_is_said_by_name() -> None:
    data = (np.eye(4, dtype=np.float32), np.arange(4) % 3) * 2
    events = list(ns.train(ns.parse("input 4; fc 3 softmax\ntrain { epochs 1 }"), data=data))
    epoch = next(e for e in events if isinstance(e, ns.Epoch))
    assert epoch.outputs == {}
    assert isinstance(events[-1], ns.Finished)
    assert events[-1].result.outputs == {}


def test_the_measurements_are_those_of_the_model() -> None:
    _, end = finished()
    x, y = examples(12, 2)
    logits = {name: np.asarray(a, np.float64) for name, a in end.model.logits(end.variables, x).items()}
    age = float(((logits["age"] - y["years"]) ** 2).mean())
    assert end.result.outputs["age"]["test_loss"] == pytest.approx(age, rel=1e-5)
    right = float((logits["kind"].argmax(1) == y["kind"]).mean())
    assert end.result.outputs["kind"]["test_accuracy"] == pytest.approx(right)


def test_a_run_is_resumed_to_the_same_bits(tmp_path: Path) -> None:
    longer = siamese(epochs=3)
    _, whole = finished(longer)
    events = ns.train(longer, data=DATA, out=tmp_path / "run", log_every=1)
    for event in events:
        # Between two steps of the second epoch.
        if isinstance(event, ns.Step) and event.step == 4:
            break
    events.close()
    *_, end = ns.resume(tmp_path / "run", data=DATA)
    assert isinstance(end, ns.Finished)
    assert same(end.variables, whole.variables)
    assert end.result.outputs == whole.result.outputs


def test_accumulated_and_uneven_batches() -> None:
    """Examples that fill a batch up count for no output, and sums of gradients are those of a larger batch."""
    nodes = tuple(
        n for n in (node("kind", "fc", "left", units=3, activation="softmax"), node("age", "fc", "right", units=1))
    )
    plain = Network(inputs=NET.inputs, nodes=nodes, outputs=NET.outputs, recipe=Recipe(batch=32, epochs=1))
    small = plain.model_copy(update={"recipe": Recipe(batch=16, accumulate=2, epochs=1)})
    results = [finished(network)[1].result for network in (plain, small)]
    for name in ("kind", "age"):
        losses = [result.outputs[name]["test_loss"] for result in results]
        assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_labels_make_logits_of_outputs_without_a_loss() -> None:
    nodes = (
        node("kind", "fc", "left", units=3),
        node("age", "fc", "right", units=1),
    )
    net = Network(inputs=NET.inputs, nodes=nodes, outputs=(output("kind"), output("age", target="years")))
    events, end = finished(net)
    assert [o.loss.canonical() for o in end.model.graph.outputs] == ["cross_entropy", "mse"]
    said = [e.text for e in events if isinstance(e, ns.Notice)]
    assert said == ["no loss is stated: kind is taken as logits of classes, with the loss cross_entropy"]


@pytest.mark.parametrize(
    ("best", "said"),
    [
        ("test_accuracy", "several outputs, kind and age"),
        ("test_age_accuracy", "has no accuracy"),
        ("test_kind_mae", "mae is measured of numbers"),
        ("test_kinds_accuracy", "there is no output kinds"),
    ],
)
def test_a_measurement_that_no_output_has_is_refused(best: str, said: str) -> None:
    with pytest.raises(ns.NetspecError, match=said):
        finished(siamese(best=best))


def test_the_best_epoch_is_best_by_a_measurement_of_one_output() -> None:
    events, end = finished(siamese(best="test_age_mae", epochs=3))
    found = [e.outputs["age"]["test_mae"] for e in events if isinstance(e, ns.Epoch)]
    assert end.result.best_epoch == 1 + found.index(min(v for v in found if v is not None))


def test_a_number_that_is_not_finite_is_traced_to_its_layer() -> None:
    x = {**DATA, "left_train": np.sign(DATA["left_train"]) * np.float32(1e38)}
    with pytest.raises(ns.NetspecError, match=r"`a/(conv|norm)`"):
        list(ns.train(NET, data=x))


def _reads_text() -> bool:
    try:
        return ns.parse(resolved_text(NET)).outputs == NET.outputs
    except ns.NetspecError:
        return False


@pytest.mark.skipif(not _reads_text(), reason="the language does not say several inputs yet")
def test_a_run_is_opened_again(run: Path, tmp_path: Path) -> None:
    opened = ns.open(run)
    assert opened.network.outputs == NET.outputs
    x, _ = examples(5, 9)
    found = opened.predict(x)
    assert list(found) == ["kind", "age"]
    assert [p.label for p in found["kind"]] == [str(i) for i in opened.probabilities(x)["kind"].argmax(1)]
    np.testing.assert_allclose([p.outputs[0] for p in found["age"]], opened.outputs(x)["age"][:, 0])
    evaluated = opened.evaluate(DATA)
    result = json.loads((run / "result.json").read_text(encoding="utf-8"))
    assert evaluated.loss == pytest.approx(result["best_test_loss"], rel=1e-5)
    assert evaluated.accuracy is None
    assert evaluated.outputs["kind"].confusion.sum() == 12
    with pytest.raises(ns.DataError, match="the input 'right' is missing"):
        opened.predict({"left": x["left"]})
    np.savez(tmp_path / "x.npz", **x)  # type: ignore[arg-type]
    read = opened.read(tmp_path / "x.npz")
    np.testing.assert_array_equal(read["right"], x["right"])
    with pytest.raises(ns.DataError, match="several inputs: left and right"):
        opened.read(tmp_path / "x.npy")

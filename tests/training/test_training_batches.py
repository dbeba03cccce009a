"""Batches of one, batches larger than the set, and more steps than can be counted."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

import netspec as ns
from netspec.diagnostics.diagnostic import DataError
from netspec.graph.recipe_checks import MAX_STEPS
from netspec.workflows import train as session

RNG = np.random.default_rng(0)
X = (3 + 2 * RNG.standard_normal((13, 6))).astype(np.float32)
Y = RNG.integers(0, 3, 13).astype(np.int32)


def events(layers: str, train: str, count: int = 13, data: str = "") -> list[ns.Event]:
    net = ns.parse(f'input 6\n{layers}\ndata "mine.npz" {{ {data} }}\ntrain {{ optimizer sgd lr=0.1; {train} }}')
    return list(ns.train(net, (X[:count], Y[:count], X, Y), device="cpu"))


def variables(found: list[ns.Event]) -> ns.Variables:
    assert isinstance(found[-1], ns.Finished)
    return found[-1].variables


def notices(found: list[ns.Event]) -> list[str]:
    return [e.text for e in found if isinstance(e, ns.Notice)]


# --- one value --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [4, 5, 12, 13])
def test_the_running_averages_are_pytorchs_whatever_is_left_over(torch: Any, batch: int) -> None:
    """13 examples leave 1, 3, 1 and none over; one alone, which PyTorch refuses, changes nothing."""
    found = events("batchnorm; fc 3 softmax", f"batch {batch}; epochs 2", data="shuffle off")
    reference = torch.nn.BatchNorm1d(6).double()
    for _ in range(2):
        for rows in (X[at : at + batch] for at in range(0, 13, batch)):
            if len(rows) > 1:
                reference(torch.from_numpy(rows).double())
    state = variables(found).state["batchnorm_1"]
    np.testing.assert_allclose(state["mean"], reference.running_mean, rtol=1e-5)
    np.testing.assert_allclose(state["variance"], reference.running_var, rtol=1e-5)
    told = [text for text in notices(found) if "one example" in text]
    assert len(told) == (13 % batch == 1)
    if told:
        better = int(told[0].partition("`batch ")[2].partition("`")[0])
        assert not [text for text in notices(events("batchnorm; fc 3 softmax", f"batch {better}; epochs 1")) if text]


def test_one_value_is_normalized_by_the_running_averages() -> None:
    model = ns.compile(ns.parse("input 6\nbatchnorm; fc 3 softmax"), "cpu")
    start = model.init()
    _, moved = model.apply(start, X, train=True)
    variables = start.replace(state=moved)
    outputs, state = model.apply(variables, X[:1], train=True)
    np.testing.assert_allclose(outputs, model.forward(variables, X[:1]), rtol=1e-5)
    assert all((a == b).all() for a, b in zip(jax.tree.leaves(state), jax.tree.leaves(moved), strict=True))


def test_one_image_has_a_variance(torch: Any) -> None:
    model = ns.compile(ns.parse("input 1x4x4\nbatchnorm; fc 3 softmax"), "cpu")
    image = RNG.standard_normal((1, 1, 4, 4)).astype(np.float32)
    _, state = model.apply(model.init(), image, train=True)
    reference = torch.nn.BatchNorm2d(1).double()
    reference(torch.from_numpy(image).double())
    np.testing.assert_allclose(state["batchnorm_1"]["variance"], reference.running_var, rtol=1e-5)


@pytest.mark.parametrize(
    ("train", "data", "count", "message"),
    [
        ("batch 1", "", 13, "`batch 1` gives it one value a channel"),
        ("batch 4", "", 1, "there is one example to train on"),
        ("batch 4", "validation 12", 13, "there is one example to train on"),
    ],
)
def test_a_training_on_single_values_is_refused(train: str, data: str, count: int, message: str) -> None:
    with pytest.raises(ns.NetspecError, match=message):
        events("fc 4; batchnorm; fc 3 softmax", train, count, data)


# --- more than there are ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layers", ["fc 4 tanh; dropout 0.5; fc 3 softmax", "fc 4; batchnorm; fc 3 softmax"])
def test_a_batch_larger_than_the_set_is_the_set(layers: str) -> None:
    large, whole = (events(layers, f"batch {n}; epochs 3") for n in (10**9, 13))
    for ours, theirs in zip(*(jax.tree.leaves(variables(found)) for found in (large, whole)), strict=True):
        assert np.asarray(ours).tobytes() == np.asarray(theirs).tobytes()
    (started,) = [e for e in large if isinstance(e, ns.Started)]
    assert (started.batch, started.steps_per_epoch) == (13, 1)


# --- more than can be counted -----------------------------------------------------------------------------------------


def test_more_steps_than_can_be_counted_are_refused() -> None:
    with pytest.raises(DataError, match="are the most") as error:
        events("fc 3 softmax", "batch 1; epochs 1000000000")
    epochs = int(error.value.fix.partition("`epochs ")[2].partition("`")[0])
    assert 13 * epochs <= MAX_STEPS < 13 * (epochs + 1)


@pytest.mark.parametrize("train", ["schedule step 93368855", "evaluate every=1000000000", "steps_per_call 1000000000"])
def test_long_distances_are_no_mistake(train: str) -> None:
    assert isinstance(events("fc 3 softmax", f"epochs 1; {train}")[-1], ns.Finished)


def test_as_many_steps_as_can_be_counted_begin() -> None:
    stop = iter([False, True])
    net = ns.parse('input 6\nfc 3 softmax\ndata "mine.npz"\ntrain { batch 13; epochs 1000000000; schedule cosine }')
    found = list(session.train(net, (X, Y, X, Y), device="cpu", stop=lambda: next(stop, True)))
    assert isinstance(found[-1], ns.Stopped)

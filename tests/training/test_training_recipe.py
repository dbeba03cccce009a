"""Recipes for long runs: early stopping, the best epoch, a time limit, averages of weights, accumulated gradients."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import jax
import numpy as np
import pytest

import netspec as ns
from netspec.backends.jax.train.step import Trainer
from netspec.data.types import Dataset, Split
from netspec.training import Epoch, Finished, Step
from netspec.training.loop import train as train_loop
from netspec.training.progress import TrainingProgress
from netspec.training.selection import resumed_progress, update_best

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 6)).astype(np.float32)
Y = (X[:, :3] + 0.5 * RNG.standard_normal((60, 3))).argmax(axis=1).astype(np.int32)
SPLITS = (Split(X[:40], Y[:40]), Split(X[40:], Y[40:]))
DATASET = Dataset.of("mine", *SPLITS, ("0", "1", "2"))


def network(train: str, data: str = "validation 10", layers: str = "fc 8 tanh; fc 3 softmax") -> ns.Network:
    return ns.parse(f'input 6; {layers}; data "mine" {{ {data} }}; train {{ batch 10; {train} }}', name="toy")


def run(net: ns.Network, **how: Any) -> tuple[list[Any], Finished]:
    events = list(train_loop(ns.compile(net), DATASET, **how))
    assert isinstance(events[-1], Finished)
    return events, events[-1]


@cache
def trained(train: str, data: str = "validation 10", **how: Any) -> tuple[list[Any], Finished]:
    """Return what a recipe gives; each is trained once, however many tests look at it."""
    return run(network(train, data), **how)


def epochs(events: list[Any]) -> list[Epoch]:
    return [e for e in events if isinstance(e, Epoch)]


# --- early stopping -----------------------------------------------------------------------------------------------


def expected_end(values: list[float], patience: int, min_delta: float) -> int | None:
    """Return the epoch that early stopping ends, written out by hand."""
    best, stale = float("inf"), 0
    for epoch, value in enumerate(values, 1):
        if value < best - min_delta:
            best, stale = value, 0
        else:
            stale += 1
        if stale == patience:
            return epoch
    return None


@pytest.mark.parametrize(("patience", "min_delta"), [(1, 0.0), (3, 0.0), (2, 0.02)])
def test_it_ends_where_the_loss_stops_falling(patience: int, min_delta: float) -> None:
    long, _ = trained("optimizer sgd lr=1.5; epochs 25")
    values = [e.validation_loss for e in epochs(long)]
    assert all(value is not None for value in values)
    end = expected_end(values, patience, min_delta)  # type: ignore[arg-type]
    events, last = run(network(f"optimizer sgd lr=1.5; epochs 25; early_stop {patience} min_delta={min_delta}"))
    assert len(epochs(events)) == (end or 25)
    assert end is not None
    assert last.result.stopped == "early_stop"
    assert last.result.epochs == end


def test_what_is_watched_can_be_an_accuracy() -> None:
    long, _ = trained("optimizer sgd lr=1.5; epochs 25")
    values = [-float(e.test_accuracy or 0) for e in epochs(long)]
    events, _ = run(network("optimizer sgd lr=1.5; epochs 25; early_stop 2 on=test_accuracy"))
    assert len(epochs(events)) == expected_end(values, 2, 0.0)


def test_without_an_early_stop_all_epochs_are_run() -> None:
    _, last = trained("optimizer sgd lr=1.5; epochs 25")
    assert (last.result.stopped, last.result.epochs, last.result.steps) == ("epochs", 25, 75)


@pytest.mark.parametrize(
    ("train", "data", "message"),
    [
        ("early_stop", "", "no examples are held out"),
        ("best val_accuracy", "", "no examples are held out"),
        ("early_stop on=test_accuracy", "target input", "not trained on classes"),
        ("best train_accuracy", "target input", "not trained on classes"),
    ],
)
def test_what_is_not_measured_cannot_be_watched(train: str, data: str, message: str) -> None:
    layers = "fc 6" if "target" in data else "fc 3 softmax"
    with pytest.raises(ns.NetspecError, match=message) as caught:
        run(network(train, data, layers))
    assert caught.value.args


# --- the best epoch -----------------------------------------------------------------------------------------------

METRICS = {
    "train_loss": lambda e: -e.train_loss,
    "train_accuracy": lambda e: e.train_accuracy,
    "val_loss": lambda e: -e.validation_loss,
    "val_accuracy": lambda e: e.validation_accuracy,
    "test_loss": lambda e: -e.test_loss,
    "test_accuracy": lambda e: e.test_accuracy,
}


@pytest.mark.parametrize("metric", sorted(METRICS))
def test_the_best_epoch_is_the_first_of_the_best(metric: str) -> None:
    events, last = run(network(f"optimizer sgd lr=1.5; epochs 12; best {metric}"))
    merits = [METRICS[metric](e) for e in epochs(events)]
    assert last.result.best_epoch == merits.index(max(merits)) + 1
    flags = [e.best for e in epochs(events)]
    assert flags == [merit > max(merits[:i], default=-np.inf) for i, merit in enumerate(merits)]


# --- the time limit -----------------------------------------------------------------------------------------------


def test_a_time_limit_ends_at_the_next_step_with_a_last_look() -> None:
    events, last = run(network("epochs 1000; time_limit seconds=0.001"))
    assert last.result.stopped == "time_limit"
    assert last.result.steps < 3000
    assert epochs(events)[-1].step == last.result.steps
    assert epochs(events)[-1].test_loss == last.result.test_loss


@pytest.mark.parametrize("log_every", [1, 2, None])
def test_a_limit_anywhere_in_an_epoch_leaves_means_over_all_its_steps(log_every: int | None) -> None:
    said = "epochs 2; steps_per_call 1", "shuffle off"
    whole, _ = trained(*said, log_every=1)
    steps = [e for e in whole if isinstance(e, Step)]
    for until in range(1, 4):
        events, last = run(network(*said), log_every=log_every, until=until)
        assert (last.result.stopped, last.result.steps) == ("time_limit", until)
        assert epochs(events)[-1].train_loss == pytest.approx(np.mean([s.loss for s in steps[:until]]), rel=1e-6)
        assert max(e.step for e in events if isinstance(e, Step)) == until


def test_an_epoch_that_was_cut_off_costs_no_patience() -> None:
    net = network("epochs 9; early_stop 1 min_delta=100 on=test_loss")
    events, last = run(net, until=2)
    assert last.result.stopped == "time_limit"
    progress = update_best(TrainingProgress(taken=2), epochs(events)[-1], net.recipe, whole=False)
    assert (progress.watched, progress.stale) == (None, 0)


def test_what_is_watched_may_change_when_a_run_is_taken_up() -> None:
    net = network("epochs 9; early_stop 2 on=test_loss")
    before = TrainingProgress(epoch=4, watched=0.9, stale=2, watching="test_accuracy", stopped="early_stop")
    assert resumed_progress(before, net.recipe) == replace(before, watching="", watched=None, stale=0, stopped="")
    same = replace(before, watching="test_loss")
    assert resumed_progress(same, net.recipe) == same


def test_a_training_within_its_time_is_not_cut() -> None:
    _, last = run(network("epochs 2; time_limit hours=1"))
    assert last.result.stopped == "epochs"


# --- averages of the weights --------------------------------------------------------------------------------------


def test_the_average_is_what_the_formula_gives() -> None:
    net = network("optimizer sgd lr=0.3; ema 0.8", "", "fc 5 relu; batchnorm; fc 3 softmax")
    plain = network("optimizer sgd lr=0.3", "", "fc 5 relu; batchnorm; fc 3 softmax")
    trainers = [Trainer(ns.compile(n), steps_per_epoch=4, epochs=1, seed=0) for n in (net, plain)]
    data = [t.place(SPLITS[0]) for t in trainers]
    states = [t.start() for t in trainers]
    average = [np.asarray(leaf) for leaf in jax.tree.leaves((states[1].params, states[1].state))]
    for step in range(12):
        indices = np.arange(10, dtype=np.int32) + 10 * (step % 4)
        states = [t.step(s, d, indices)[0] for t, s, d in zip(trainers, states, data, strict=True)]
        kept = min(0.8, (1 + step) / (10 + step))
        raw = [np.asarray(leaf) for leaf in jax.tree.leaves((states[1].params, states[1].state))]
        average = [kept * a + (1 - kept) * w for a, w in zip(average, raw, strict=True)]
    shown = jax.tree.leaves(tuple(trainers[0].variables(states[0])))
    for found, wanted in zip(shown, average, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
    # What is trained is not the average.
    for one, other in zip(jax.tree.leaves(states[0].params), jax.tree.leaves(states[1].params), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_average_is_what_is_evaluated_and_returned() -> None:
    net = network("optimizer sgd lr=0.5; epochs 3; ema 0.9")
    _, last = run(net)
    model = last.model
    loss = model.loss(last.variables, SPLITS[1].images, SPLITS[1].labels)
    assert last.result.test_loss == pytest.approx(float(loss), rel=1e-5)
    _, plain = run(network("optimizer sgd lr=0.5; epochs 3"))
    assert plain.result.test_loss != last.result.test_loss


# --- accumulated gradients ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("optimizer", "batch", "accumulate"),
    [
        ("sgd lr=0.2 momentum=0.9", 5, 4),
        ("adam lr=0.01", 7, 2),
        ("adamw lr=0.01 weight_decay=0.1", 10, 100),
    ],
)
def test_accumulating_is_as_a_larger_batch(optimizer: str, batch: int, accumulate: int) -> None:
    """Without layers that look at the batch, sums of gradients are the gradient of the sum."""
    layers, common = "fc 8 tanh; fc 3 softmax", f"optimizer {optimizer}; l2 0.01; schedule cosine; clip 0.5; epochs 3"
    text = 'input 6; {}; data "mine"; train {{ {}; batch {}; accumulate {} }}'
    several = ns.parse(text.format(layers, common, batch, accumulate), name="a")
    large = ns.parse(text.format(layers, common, batch * accumulate, 1), name="a")
    _, one = run(several)
    _, other = run(large)
    for a, b in zip(jax.tree.leaves(one.variables), jax.tree.leaves(other.variables), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5)
    assert one.result.test_loss == pytest.approx(other.result.test_loss, rel=1e-4)


def test_the_learning_rate_goes_by_updates() -> None:
    net = network("optimizer sgd lr=1.0; schedule linear; epochs 2; accumulate 2", "")
    events, _ = run(net, log_every=1)
    rates = [e.learning_rate for e in events if isinstance(e, Step)]
    np.testing.assert_allclose(rates, [1.0, 1.0, 0.75, 0.75, 0.5, 0.5, 0.25, 0.25], rtol=1e-6)


def test_several_steps_a_call_accumulate_alike() -> None:
    results = []
    for calls in (1, 3):
        net = network(f"optimizer adam lr=0.01; accumulate 3; steps_per_call {calls}; epochs 2", "")
        results.append(run(net)[1])
    for a, b in zip(jax.tree.leaves(results[0].variables), jax.tree.leaves(results[1].variables), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


# --- a program of somebody else's that computes in 64 bits ---------------------------------------------------------


@pytest.mark.parametrize("recipe", ["accumulate 2", "loss mse", "optimizer sgd momentum=0.9; clip 1; ema 0.9"])
def test_a_program_in_64_bits_trains_in_32(recipe: str) -> None:
    expected = trained(f"epochs 1; {recipe}")[1]
    jax.config.update("jax_enable_x64", True)
    try:
        found = run(network(f"epochs 1; {recipe}"))[1]
    finally:
        jax.config.update("jax_enable_x64", False)
    assert {leaf.dtype for leaf in jax.tree.leaves(found.variables.params)} == {np.dtype(np.float32)}
    assert found.result.test_loss == pytest.approx(expected.result.test_loss, rel=1e-4)

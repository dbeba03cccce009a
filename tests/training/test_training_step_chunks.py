"""Several steps in a call: the same training, whatever their number; and a last batch that is smaller."""

from __future__ import annotations

import json
from pathlib import Path

import jax
import numpy as np
import pytest

import netspec as ns
from netspec.backends.jax.train.step_chunks import log_interval, steps_per_call
from netspec.data.types import Split
from netspec.graph.trace import trace
from netspec.passes import Mode, optimize

# No bias before the normalization: its gradient is 0 on paper, and Adam makes steps of full size of its rounding.
NORMED = "conv 4 3x3 nobias; batchnorm; relu; pool 2; fc 10 softmax"
PLAIN = "fc 16 relu; dropout 0.2; fc 10 softmax"
RNG = np.random.default_rng(0)
# 45 examples in batches of 8: five whole ones and five examples that are left.
DATA = tuple(
    part
    for count in (45, 21)
    for part in (RNG.integers(0, 256, (count, 1, 8, 8), np.uint8), RNG.integers(0, 10, count).astype(np.int32))
)


def events(layers: str, train: str = "", **how: int) -> list[ns.Event]:
    net = ns.parse(f"input 1x8x8; {layers}\ntrain {{ batch 8; epochs 2; {train} }}")
    return list(ns.train(net, DATA, device="cpu", **how))


def weights(found: list[ns.Event]) -> list[np.ndarray]:
    last = found[-1]
    assert isinstance(last, ns.Finished)
    return [np.asarray(a) for a in jax.tree.leaves(last.variables)]


@pytest.mark.parametrize("layers", [NORMED, PLAIN], ids=["batch norm", "dropout"])
def test_the_number_of_steps_in_a_call_changes_nothing(layers: str) -> None:
    one = events(layers, "steps_per_call 1")
    # Of six steps an epoch: four and two, the last of them the smaller one.
    several = events(layers, "steps_per_call 4")
    assert isinstance(several[0], ns.Started)
    assert several[0].steps_per_call == 4
    for a, b in zip(weights(one), weights(several), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    losses = [[e.train_loss for e in found if isinstance(e, ns.Epoch)] for found in (one, several)]
    np.testing.assert_allclose(*losses, rtol=1e-5)


def test_the_same_choice_gives_the_same_bits_however_often_it_is_logged() -> None:
    once, again = events(PLAIN, "steps_per_call 2"), events(PLAIN, "steps_per_call 2", log_every=4)
    assert all(a.tobytes() == b.tobytes() for a, b in zip(weights(once), weights(again), strict=True))


def test_a_smaller_last_batch_counts_its_own_examples_only() -> None:
    """Against the mean over the few examples that are left, computed by the model itself."""
    net = ns.parse("input 1x8x8; fc 10 softmax\ntrain { batch 32; epochs 1; optimizer sgd lr=0.5 }")
    net = net.model_copy(update={"data": ns.parse('input 4; fc 2; data "x.npz" { shuffle off }').data})
    model = ns.compile(net, "cpu")
    variables, (x, y, *_) = model.init(0), DATA
    for part in (slice(0, 32), slice(32, 45)):
        loss, grads = model.backward(variables, x[part], y[part], train=True)
        moved = jax.tree.map(lambda w, g: w - 0.5 * g, variables.params, grads)
        variables = variables.replace(params=moved)
    found = list(ns.train(net, DATA, device="cpu", log_every=1))
    steps = [e for e in found if isinstance(e, ns.Step)]
    assert steps[1].loss == pytest.approx(float(loss), rel=1e-5)
    for a, b in zip(weights(found), jax.tree.leaves(variables), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_the_choice_is_by_device_and_convolutions() -> None:
    for layers, on_cpu in ((NORMED, 1), (PLAIN, 16)):
        graph = optimize(trace(ns.parse(f"input 1x8x8; {layers}")), Mode.TRAINING)
        assert steps_per_call(graph, "cpu") == on_cpu
        assert steps_per_call(graph, "gpu") == 32


@pytest.mark.parametrize(
    ("steps", "per_call", "interval"),
    [(5, 1, 1), (600, 1, 30), (10_000, 1, 50), (600, 16, 32), (938, 16, 48), (10_000, 32, 64), (30, 4, 4)],
)
def test_calls_end_where_losses_are_looked_at(steps: int, per_call: int, interval: int) -> None:
    assert log_interval(steps, per_call) == interval


def test_the_choice_is_kept_in_the_run(tmp_path: Path) -> None:
    net = ns.parse("input 1x8x8; fc 10 softmax\ntrain { batch 8; epochs 1 }", set={"train.steps_per_call": "3"})
    list(ns.train(net, DATA, out=tmp_path / "run", device="cpu"))
    assert json.loads((tmp_path / "run" / "lock.json").read_text())["steps_per_call"] == 3


@pytest.mark.parametrize("count", [7, 21, 100])
def test_an_evaluation_in_any_batches_is_the_same(count: int) -> None:
    from netspec.backends.jax.train.step import Trainer  # noqa: PLC0415

    model = ns.compile(ns.parse(f"input 1x8x8; {PLAIN}"), "cpu")
    trainer = Trainer(model, steps_per_epoch=1, epochs=1, seed=0)
    variables, split = model.init(0), trainer.place(Split(DATA[2], DATA[3]))
    loss, accuracy, several, outputs = trainer.evaluate(variables, split, count)
    assert several == {}
    assert outputs.shape == (21, 10)
    np.testing.assert_allclose(outputs, model.logits(variables, DATA[2]), rtol=1e-4, atol=1e-5)
    assert loss == pytest.approx(float(model.loss(variables, DATA[2], DATA[3])), rel=1e-5)
    assert accuracy == float((outputs.argmax(axis=1) == DATA[3]).mean())
    assert trainer.measure(variables, split, count) == (loss, accuracy, {}, None)

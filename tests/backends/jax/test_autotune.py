"""Autotuning: what is measured, how often, what is remembered, and that the measured programs are the right ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import jax
import numpy as np
import pytest

import netspec as ns
from netspec import ops
from netspec.backends.jax import autotune
from netspec.backends.jax.autotune import Autotuner, Tuning, measure, race
from netspec.backends.jax.model import Model
from netspec.backends.timings import count
from netspec.graph.trace import trace
from netspec.passes import Mode, optimize
from netspec.planning import BATCH_LAST, CHANNELS_FIRST, CHANNELS_LAST, OpInstance, Strategy, op_instances

NET = "input 1x8x8\nconv 4 3x3 relu; pool 2; conv 4 3x3 pad=same; conv 4 3x3 pad=same; dropout\nfc 3 softmax\n"
CPU = jax.devices("cpu")[0]
A, B, C = (Strategy(name, CHANNELS_LAST) for name in ("a", "b", "c"))


class Clock:
    """A clock that only runs when a program does; and what was run, how many times."""

    def __init__(self, **seconds: float) -> None:
        self.now, self.seconds, self.ran = 0.0, seconds, dict.fromkeys(seconds, 0)

    def __call__(self) -> float:
        return self.now

    def runner(self, name: str) -> autotune.Runner:
        def run(times: int) -> None:
            self.ran[name] += times
            # The third run of each is disturbed by something else.
            self.now += times * self.seconds[name] + (9 if self.ran[name] == 3 else 0)

        return run

    def race(self, *, overlapping: bool = True) -> Mapping[Strategy, float]:
        return race(
            {Strategy(n, CHANNELS_LAST): self.runner(n) for n in self.seconds}, overlapping=overlapping, clock=self
        )


def test_the_least_time_counts_whatever_disturbs() -> None:
    assert Clock(a=1e-3, b=2e-3).race() == pytest.approx({A: 1e-3, B: 2e-3})


def test_what_is_several_times_slower_is_given_up() -> None:
    clock = Clock(a=1e-3, b=2e-3, c=1.0)
    assert clock.race() == pytest.approx({A: 1e-3, B: 2e-3, C: 1.0})
    assert clock.ran["c"] == 1
    assert clock.ran["a"] == clock.ran["b"] > 3


def test_slow_programs_are_run_a_few_times_and_quick_ones_more_often() -> None:
    slow, quick = Clock(a=2.0), Clock(a=1e-5)
    assert (slow.race(), quick.race()) == (pytest.approx({A: 2.0}), pytest.approx({A: 1e-5}))
    assert 3 <= slow.ran["a"] <= 6 < quick.ran["a"]
    together = Clock(a=1e-5)
    assert together.race(overlapping=False) == pytest.approx({A: 1e-5})
    assert together.ran["a"] > 10 * quick.ran["a"]


def test_nothing_is_raced_where_nothing_runs() -> None:
    assert race({}, overlapping=True) == {}


# --- what is measured -----------------------------------------------------------------------------------------------


class Meter:
    """Measures nothing: says that the last strategy is the fastest, and keeps what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[OpInstance] = []

    def __call__(self, instance: OpInstance, device: jax.Device) -> Mapping[Strategy, float]:
        assert device == CPU
        self.asked.append(instance)
        return {strategy: 100.0 - i for i, strategy in enumerate(instance.strategies())}


def graph_of(text: str = NET) -> ns.Graph:
    return optimize(trace(ns.parse(text)), Mode.TRAINING)


def test_each_problem_is_measured_once_and_then_remembered(tmp_path: Path) -> None:
    listed = op_instances(graph_of(), 16, gradient=True)
    meter, told = Meter(), list[Tuning]()
    times = Autotuner(tmp_path, measure=meter, progress=told.append)(listed, CPU)
    kinds = [type(p.op) for p in meter.asked]
    # The two convolutions in the middle are the same instance.
    assert kinds == [ops.Conv, ops.MaxPool, ops.Conv, ops.MatMul]
    assert count(tmp_path) == 4
    assert [(t.done, t.total, bool(t.operation)) for t in told] == [*((i, 4, True) for i in range(4)), (4, 4, False)]
    assert times(listed[0]) == Meter()(listed[0], CPU)
    assert times(next(p for p in listed if isinstance(p.op, ops.Activation))) == {}

    again, silent = Meter(), list[Tuning]()
    assert Autotuner(tmp_path, measure=again, progress=silent.append)(listed, CPU)(listed[0]) == times(listed[0])
    assert (again.asked, silent) == ([], [])


def test_other_batches_and_modes_are_measured_by_themselves_and_unwanted_batches_not(tmp_path: Path) -> None:
    graph, meter = graph_of(), Meter()
    tune = Autotuner(tmp_path, measure=meter, batches={16, 32})
    for batch, gradient in ((16, True), (16, False), (32, True), (7, True)):
        tune(op_instances(graph, batch, gradient=gradient), CPU)
    assert [(p.batch, p.gradient) for p in meter.asked if isinstance(p.op, ops.MatMul)] == [
        (16, True),
        (16, False),
        (32, True),
    ]


def test_times_that_cannot_be_kept_are_used_all_the_same_and_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    listed = op_instances(graph_of(), 16, gradient=True)
    meter, told = Meter(), list[Tuning]()
    tune = Autotuner(tmp_path / "file", measure=meter, progress=told.append)
    assert tune(listed, CPU)(listed[0])
    assert str(tmp_path / "file") in told[-1].note
    assert tune(listed, CPU)(listed[0])
    assert len(meter.asked) == 4


def test_a_model_takes_what_was_measured(tmp_path: Path) -> None:
    def slowly_first(instance: OpInstance, device: jax.Device) -> Mapping[Strategy, float]:
        del device
        strategies = list(instance.strategies())
        return {strategy: 1e6 if i else 1.0 for i, strategy in enumerate(strategies)}

    network = ns.parse(NET)
    tuned = Model(network, trace(network), "cpu", tune=Autotuner(tmp_path, measure=slowly_first))
    chosen = {
        type(p.op): c
        for p, c in zip(
            op_instances(tuned.inference, 4, gradient=False), tuned.plan(4, gradient=False).decisions, strict=True
        )
    }
    assert (chosen[ops.Conv].strategy, chosen[ops.Conv].why) == (Strategy("direct", CHANNELS_LAST), "measured")
    assert {line.why for line in tuned.explain(4, gradient=False)} == {"measured", "expected"}
    x = np.random.default_rng(0).standard_normal((4, 1, 8, 8), np.float32)
    plain = ns.compile(network, "cpu", autotune=False)
    np.testing.assert_allclose(tuned.forward(tuned.init(), x), plain.forward(plain.init(), x), atol=1e-5)


# --- on the device itself -------------------------------------------------------------------------------------------

ONE = {type(p.op): p for p in op_instances(graph_of(), 4, gradient=True)}


@pytest.mark.parametrize("kind", [ops.Conv, ops.MaxPool, ops.MatMul], ids=lambda kind: kind.__name__)
def test_real_times_of_every_way_worth_trying(kind: type[ops.Op]) -> None:
    found = measure(ONE[kind], CPU)
    assert found
    assert set(found) <= set(ONE[kind].strategies())
    assert all(0 < took < 1e7 for took in found.values())


def test_what_the_platform_cannot_compile_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = autotune._compiled

    def fails(instance: OpInstance, strategy: Strategy, device: jax.Device) -> autotune.Runner:
        if strategy.layout == BATCH_LAST:
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED")
        return compiled(instance, strategy, device)

    monkeypatch.setattr(autotune, "_compiled", fails)
    found = measure(ONE[ops.MatMul], CPU)
    assert {strategy.layout for strategy in found} == {CHANNELS_LAST}


def test_the_measured_program_gives_the_output_and_all_gradients() -> None:
    instance = ONE[ops.Conv]
    x = np.ones((instance.batch, *instance.inputs[0]), np.float32)
    kernel, back = np.ones(instance.parameters[0], np.float32), np.ones((instance.batch, *instance.output), np.float32)
    forward = autotune._forward(instance, Strategy("direct", CHANNELS_FIRST))
    made, (of_x, of_parameters) = autotune._with_gradients(forward, True)(x, [kernel], back)
    assert (made.shape, of_x.shape, of_parameters[0].shape) == (back.shape, x.shape, kernel.shape)
    # Where no input gradient is asked for, none is computed.
    _, (only,) = autotune._with_gradients(forward, False)(x, [kernel], back)
    np.testing.assert_array_equal(only[0], of_parameters[0])


def test_measuring_works_while_a_function_is_traced(tmp_path: Path) -> None:
    ran: list[bool] = []

    def one(instance: OpInstance, device: jax.Device) -> Mapping[Strategy, float]:
        found = autotune._measure_apart(instance, device) if isinstance(instance.op, ops.MatMul) else {}
        ran.append(bool(found))
        return found

    network = ns.parse("input 6; fc 3 softmax")
    model = Model(network, trace(network), "cpu", tune=Autotuner(tmp_path, measure=one))
    out = jax.jit(model.apply)(model.init(), np.zeros((2, 6), np.float32))
    assert (out.shape, ran) == ((2, 3), [True])
